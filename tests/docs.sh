#!/usr/bin/env bash
# Does what a page of the documentation says: all its `sh` blocks, in order, in one shell and an empty folder, as somebody
# who is not root. A command that fails ends it.
#
#   tests/docs.sh docs/pool.md
set -euo pipefail
cd "$(dirname "$0")/.."
binaries=$(cd "${CARGO_TARGET_DIR:-target}/debug" && pwd)
folder=$(mktemp -d)

awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$1" >"$folder/steps.sh"
[ -s "$folder/steps.sh" ] || { echo "there is nothing to do on $1" >&2; exit 1; }

as_somebody=()
if [ "$(id -u)" = 0 ]; then
  chown -R postgres: "$folder"
  as_somebody=(setpriv --reuid postgres --regid postgres --clear-groups --)
fi
# Whatever is left running at a failure ends with its process group.
(cd "$folder" && exec setsid "${as_somebody[@]}" env HOME="$folder" PATH="$binaries:$PATH" \
  timeout --signal TERM "${DOCS_SECONDS:-400}" bash -euo pipefail -x steps.sh) >"$folder/log" 2>&1 &
group=$!
status=0
wait "$group" || status=$?
kill -TERM -- "-$group" 2>/dev/null || true
for host in "$folder"/pool/*/postmaster.pid; do
  [ -e "$host" ] && kill -QUIT "$(head -n 1 "$host")" 2>/dev/null
done
if [ "$status" != 0 ]; then
  tail -n 40 "$folder/log"
  echo "kept for a closer look: $folder"
  exit 1
fi
rm -rf "$folder"
