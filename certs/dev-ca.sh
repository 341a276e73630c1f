#!/usr/bin/env bash
# Makes a development certificate authority and one server certificate: see README.md.
#
#   certs/dev-ca.sh [--dir DIR] [DOMAIN [ROOMS_DOMAIN [MORE…]]]
#
# The authority is made once and kept, so that clients which trust it need not be told again; the server's
# certificate is made anew on every call.
set -euo pipefail

dir=$(cd "$(dirname "$0")" && pwd)
[ "${1:-}" = --dir ] && { mkdir -p "$2"; dir=$(cd "$2" && pwd); shift 2; }
domain=${1:-localhost}
rooms=${2:-rooms.$domain}
names="DNS:$domain,DNS:$rooms"
for more in "${@:3}"; do names="$names,DNS:$more"; done

days_authority=3650
# Several clients refuse leaf certificates that are valid for longer than 398 days.
days_server=397

umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quietly() { "$@" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }; }
new_key() { quietly openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

if [ ! -s "$dir/ca.key" ] || [ ! -s "$dir/ca.pem" ]; then
  new_key "$dir/ca.key"
  quietly openssl req -x509 -new -key "$dir/ca.key" -sha256 -days $days_authority -out "$dir/ca.pem" \
    -subj "/CN=perch development authority" \
    -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign
fi

# A server calls other servers as a client and shows the same certificate, hence both purposes.
cat >"$work/extensions" <<EXTENSIONS
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = $names
EXTENSIONS
new_key "$dir/server.key"
quietly openssl req -new -key "$dir/server.key" -subj "/CN=$domain" -out "$work/request.pem"
quietly openssl x509 -req -in "$work/request.pem" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -sha256 \
  -set_serial "0x$(openssl rand -hex 16)" -days $days_server -extfile "$work/extensions" -out "$dir/server.pem"
chmod 644 "$dir/ca.pem" "$dir/server.pem"
echo "$dir: ca.pem (to be trusted), server.pem and server.key for ${names//DNS:/}"
