#!/usr/bin/env bash
# slixmpp's own integration tests against a server, compared with baseline.txt: see README.md.
#
#   tests/interop/slixmpp.sh [perch|prosody] [flags of itests.py]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
kind=${1:-perch}
shift || true
server=$here/../support/server
baseline=$here/baseline.txt
[ "$kind" = perch ] || baseline=$here/baseline-$kind.txt
python=$("$here/venv")
work=$(mktemp -d)
pid=
cleanup() { [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$work"; }
trap cleanup EXIT

# Only the source distribution carries the integration tests. They run on the installed package, so nothing else is taken.
version=$(sed -n 's/^slixmpp==//p' "$here/requirements.txt")
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary slixmpp --dest "$work" "slixmpp==$version"
tar -xzf "$work/slixmpp-$version.tar.gz" -C "$work" "slixmpp-$version/itests"

# The suite names these ports itself.
export DOMAIN=localhost ROOMS=rooms.localhost XMPP_PORT=5222 XMPP_TLS_PORT=5223
"$server" "$kind" prepare "$work/server"
"$server" "$kind" run "$work/server" >"$work/server.log" 2>&1 &
pid=$!
"$here/../support/wait-port" $XMPP_PORT $pid || { tail -n 30 "$work/server.log" >&2; exit 1; }
printf 'ci1,secret-of-ci1\nci2,secret-of-ci2\n' | "$server" "$kind" accounts "$work/server"

export CI_ACCOUNT1=ci1@localhost CI_ACCOUNT1_PASSWORD=secret-of-ci1
export CI_ACCOUNT2=ci2@localhost CI_ACCOUNT2_PASSWORD=secret-of-ci2
export CI_MUC_SERVER=$ROOMS SSL_CERT_FILE=$work/server/ca.pem
# The whole suite takes 20 s on a server that answers; a test that waits for ever must not hold up the rest of the run.
timeout 300 "$python" "$here/itests.py" "$work/slixmpp-$version" "$baseline" "$@"
