#!/usr/bin/env bash
# What the administration's HTTPS answers, held against its own OpenAPI document by schemathesis: made up requests, good and bad.
#
#   tests/interop/schemathesis.sh [flags of `schemathesis run`]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
perch=${CARGO_TARGET_DIR:-$here/../../target}/debug/perch
venv=${CARGO_TARGET_DIR:-$here/../../target}/interop/schemathesis
if [ ! -x "$venv/bin/schemathesis" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check schemathesis==4.32.5
fi
work=$(mktemp -d)
pid=
cleanup() { [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$work"; }
trap cleanup EXIT
cd "$work"

PERCH_LISTEN__XMPP=off PERCH_LISTEN__XMPP_TLS=off PERCH_LISTEN__HTTPS=127.0.0.1:0 PERCH_LISTEN__SIP_TLS=off \
  "$perch" serve --data-dir data >server.out 2>server.log &
pid=$!
until grep -q '^ready$' server.out; do kill -0 $pid || { cat server.log >&2; exit 1; }; sleep 0.1; done
address=$(sed -n 's/^listening on 127.0.0.1:\([0-9]*\): administration.*/localhost:\1/p' server.out)
"$perch" user add alice --data-dir data >/dev/null
"$perch" policy set tag:night --enabled yes --data-dir data >/dev/null
"$perch" addin add Weather https://weather.example/ --data-dir data >/dev/null
token=$("$perch" token new --service schemathesis --scope admin --json --data-dir data | sed 's/.*"token":"\([^"]*\)".*/\1/')

examine() {
  "$venv/bin/schemathesis" --config-file "$here/schemathesis.toml" run "https://$address/api/v1/openapi.json" \
    --tls-verify data/certificate.pem --header "Authorization: Bearer $token" --checks all --seed 1 --no-color "$@"
}
# Whoever revokes tokens at random revokes his own.
examine --exclude-operation-id revokeToken "$@"
examine --include-operation-id revokeToken "$@"
