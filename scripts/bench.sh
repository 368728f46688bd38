#!/usr/bin/env bash
# Measures Footfall beside nginx, GoAccess and Plausible's schema and prints the table; --out FILE appends it there, too, and
# --only NAME measures one part. As root on Debian it installs the peers that are missing and says so; elsewhere it names
# them before anything runs. Loopback only; at most some eight minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}

missing=()
for program in nginx goaccess wrk; do
    [ -x "/usr/sbin/$program" ] || command -v "$program" >/dev/null || missing+=("$program")
done
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        echo "installing Debian packages for the benchmarks: ${missing[*]}"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    else
        echo "the benchmarks need: ${missing[*]}; on Debian: sudo apt-get install ${missing[*]}" >&2
        exit 1
    fi
fi
[ -x "$target/release/footfall" ] || { echo "there is no $target/release/footfall: run \`make build\` first" >&2; exit 1; }

cargo build --release --locked --quiet -p benches
export FOOTFALL_LOG=${FOOTFALL_LOG:-error}
# nginx is where Debian puts servers, which is not on everybody's path.
PATH="$PATH:/usr/sbin" "$target/release/benches" --footfall "$target/release/footfall" --date "$(date -u +%Y-%m-%d)" "$@"
