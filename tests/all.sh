#!/usr/bin/env bash
# Everything that must hold before a change lands. Works on a bare Debian 12 with a Rust toolchain; installs the rest.
#
#   tests/all.sh [STEP…]     all steps, or those named: see the list at the foot
#
# FUZZ_SECONDS (15), KILLS (10), FAULTS (20), CUTS (10) and CONNECTIONS (1000) make the parts that can take any time longer.
set -uo pipefail
cd "$(dirname "$0")/.."
# One folder and one profile: what one step has built, the next one uses.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target} CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}
faults=$CARGO_TARGET_DIR/debug/perch-faults
chosen=("$@")
failed=()
begun=$SECONDS

# Runs a step, says how long it took, and goes on: one run is to show all that is wrong.
step() {
  local name=$1 since=$SECONDS status=0
  shift
  if [ ${#chosen[@]} -gt 0 ] && [[ " ${chosen[*]} " != *" $name "* ]]; then return; fi
  echo "== $name"
  "$@" || status=$?
  case $status in
    0) echo "== $name: ok, $((SECONDS - since)) s" ;;
    # Only what takes root ends so (tests/faults).
    3) echo "== $name: SKIPPED, see above" ;;
    *) echo "== $name: FAILED, $((SECONDS - since)) s"; failed+=("$name") ;;
  esac
}

have() { command -v "$1" >/dev/null; }

install_packages() {
  local missing=()
  have cc || missing+=(gcc libc6-dev)
  have openssl || missing+=(openssl)
  have nats-server || [ -x /usr/sbin/nats-server ] || missing+=(nats-server)
  have slapd || [ -x /usr/sbin/slapd ] || missing+=(slapd)
  have python3 || missing+=(python3)
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
  # Its own cluster, which Debian starts, is left alone: the tests make theirs.
  [ -x /usr/bin/patroni ] && [ -x /usr/bin/etcd ] || missing+=(patroni etcd-server)
  have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
  [ ${#missing[@]} -gt 0 ] || return 0
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    have sudo || { echo "please install as root: ${missing[*]}" >&2; return 1; }
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get -qq update
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}"
}

install_tools() {
  have cargo || { echo "please install Rust: https://rustup.rs" >&2; return 1; }
  if have rustup; then
    cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
    cargo clippy --version >/dev/null 2>&1 || rustup component add clippy
  fi
  have cargo-deny || cargo install --quiet --locked cargo-deny@0.20.2
  if has_nightly; then have cargo-fuzz || cargo install --quiet --locked cargo-fuzz@0.13.2; fi
}

has_nightly() { have rustup && rustup toolchain list | grep -q '^nightly'; }

fuzz() {
  has_nightly || { echo "no nightly toolchain: only the corpora were tried, by the tests"; return 0; }
  local target
  for target in $(cargo +nightly fuzz list); do
    echo "-- $target"
    # What a short run finds goes nowhere: only crashes are kept, and the corpora are chosen by hand.
    local corpus
    corpus=$(mktemp -d)
    cp -r "fuzz/corpus/$target/." "$corpus" 2>/dev/null
    cargo +nightly fuzz run --target-dir "$CARGO_TARGET_DIR/fuzz" "$target" "$corpus" -- \
      -max_total_time="${FUZZ_SECONDS:-15}" -print_final_stats=1 2>&1 | tail -n 12
    local status=${PIPESTATUS[0]}
    rm -rf "$corpus"
    [ "$status" = 0 ] || return 1
  done
}

persistence() {
  local python
  python=$(tests/interop/venv) && "$python" tests/interop/persistence.py
}

step packages     install_packages
step tools        install_tools
step format       cargo fmt --all --check
step clippy       cargo clippy --locked --workspace --all-targets -- -D warnings
step tidy         cargo test --locked --quiet --test tidy
step build        cargo build --locked --workspace --bins
step test         cargo test --locked --workspace --no-fail-fast
step simulation   cargo test --locked --features planted-bugs --test simulation
step postgres     env TRANSCRIPTS_STORE=postgres cargo test --locked --quiet --test transcripts
step dependencies cargo deny check licenses bans sources
step slixmpp      tests/interop/slixmpp.sh
step persistence  persistence
step schemathesis tests/interop/schemathesis.sh --max-examples 10
step kill         "$faults" kill --kills "${KILLS:-10}"
step pool         "$faults" pool --faults "${FAULTS:-20}"
step skew         "$faults" pool --faults 3 --only kill,freeze --skew 3600
step promotion    "$faults" pool --faults 2 --only promotion --standby
step patroni      "$faults" pool --faults 1 --only promotion --patroni
step site         "$faults" site --talk 5
step pool-page    tests/docs.sh docs/pool.md
step chat-page    tests/docs.sh docs/persistent-chat.md
step cut          "$faults" cut
step power-cut    "$faults" power-cut --cuts "${CUTS:-10}"
step planted      "$faults" power-cut --cuts 2 --plant-nosync
step disk-full    "$faults" --body-bytes 2000 disk-full
step siege        "$faults" siege --connections "${CONNECTIONS:-1000}"
step fuzz         fuzz

echo "== $((SECONDS - begun)) s in all; ${#failed[@]} failed${failed[*]:+: ${failed[*]}}"
[ ${#failed[@]} = 0 ]
