#!/usr/bin/env bash
# Runs every fuzz target, one after another, each for FUZZ_SECONDS (60), on the stable toolchain; names given as arguments
# run only those. The targets are in fuzz/targets, each opens with what it holds.
#
# It installs cargo-fuzz when it is missing. libFuzzer's instrumentation needs flags that stable Rust keeps behind
# RUSTC_BOOTSTRAP=1; that is set here and for nothing else. Where the toolchain has AddressSanitizer's runtime it is used.
#
# A target starts from fuzz/seeds (hand-written, in the repository) and what earlier runs found in fuzz/corpus (not in it).
# A finding stays in fuzz/artifacts/TARGET; the other targets still run, then this fails and says how to see it again.
set -euo pipefail
cd "$(dirname "$0")/.."
VERSION=0.13.2
SECONDS_EACH=${FUZZ_SECONDS:-60}

command -v c++ >/dev/null || { echo "fuzzing needs a C++ compiler; on Debian: sudo apt-get install g++" >&2; exit 1; }
if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "installing cargo-fuzz $VERSION (once, a minute)"
    cargo install cargo-fuzz --version "$VERSION" --locked --quiet
fi
# The collector carries the tracker and the dashboard the page, so both have to be there.
if [ ! -f crates/collector/tracker/dist/script.js ] || [ ! -f crates/dashboard/web/dist/index.html ]; then
    make --no-print-directory web
fi

sanitizer=none
compgen -G "$(rustc --print target-libdir)/*rt.asan*" >/dev/null && sanitizer=address
export RUSTC_BOOTSTRAP=1
options=(--fuzz-dir fuzz --sanitizer "$sanitizer")
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cargo fuzz list --fuzz-dir fuzz)

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "building ${#targets[@]} targets (sanitizer: $sanitizer)"
if ! cargo fuzz build "${options[@]}" >"$log" 2>&1; then cat "$log" >&2; exit 1; fi

failed=()
for target in "${targets[@]}"; do
    mkdir -p "fuzz/corpus/$target"
    corpora=("fuzz/corpus/$target")
    [ ! -d "fuzz/seeds/$target" ] || corpora+=("fuzz/seeds/$target")
    # An input over 10 s or 2 GB is a finding too: everything that strangers send is bounded.
    if cargo fuzz run "${options[@]}" "$target" "${corpora[@]}" -- -max_total_time="$SECONDS_EACH" -timeout=10 \
        -rss_limit_mb=2048 -print_final_stats=1 >"$log" 2>&1; then
        printf '%-12s %10s executions, nothing found\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
    else
        tail -n 60 "$log" >&2
        echo "$target: found something; RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer $sanitizer $target ARTIFACT shows it again" >&2
        failed+=("$target")
    fi
done
[ ${#failed[@]} -eq 0 ] || { echo "found something in: ${failed[*]}" >&2; exit 1; }
