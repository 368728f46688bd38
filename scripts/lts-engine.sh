#!/bin/sh
# Fetches ClickHouse 25.8 LTS, the oldest version that is promised, as the library of a Python package, checks it, and prints a cache
# directory in which it stands where tests look for the engine (crates/store/tests/lts/engine.c, `make lts`). Once; a second run only prints.
set -eu
cd "$(dirname "$0")/.."

version="3.7.2"
archive_sha256="c119f0830c12438a4e4b60b8370859ba50992e8b1b01a8c681e1c57eeb2dc82d"

cache="${FOOTFALL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/footfall}"
directory="$cache/clickhouse-25.8"
packages="$directory/packages"
seen_by_tests="$directory/cache"

fail() {
    echo "lts-engine: $*" >&2
    exit 1
}

for tool in python3 pip cc sha256sum unzip; do
    command -v "$tool" >/dev/null 2>&1 || fail "$tool is needed and not installed; on Debian: sudo apt-get install python3-pip libpython3-dev gcc unzip"
done
python="$(python3 -c 'import sysconfig; print(sysconfig.get_config_var("INSTSONAME"))')"

if [ ! -f "$packages/chdb/_chdb.abi3.so" ]; then
    mkdir -p "$directory"
    work="$(mktemp -d "$directory/.fetch.XXXXXX")"
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM
    echo "lts-engine: fetching chdb $version with pip (179 MB, once; kept in $directory)" >&2
    pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --platform manylinux2014_x86_64 --dest "$work" "chdb==$version" >&2 \
        || fail "pip could not fetch chdb $version; is the registry reachable?"
    archive="$(find "$work" -maxdepth 1 -name '*.whl')"
    echo "$archive_sha256  $archive" | sha256sum --check --status || fail "the archive's SHA-256 is not the pinned one; nothing was installed"
    unzip -q "$archive" 'chdb/*.so' 'chdb.libs/*' -d "$work/packages"
    rm -rf "$packages"
    mv "$work/packages" "$packages"
fi

engine="$(sed -n 's/^pub const ENGINE_VERSION: &str = "\(.*\)";/\1/p' crates/store/src/engine/mod.rs)"
[ -n "$engine" ] || fail "the engine's version is not where it was"
mkdir -p "$seen_by_tests/libchdb-$engine"
cc -O1 -Wall -Wextra -Werror -shared -fPIC "-DPACKAGES=\"$packages\"" "-DPYTHON=\"$python\"" \
    -o "$seen_by_tests/libchdb-$engine/libchdb.so" crates/store/tests/lts/engine.c -ldl
for other in "$cache"/*; do
    case "$other" in
        "$directory" | "$cache"/libchdb-*) ;;
        *) ln -sfn "$other" "$seen_by_tests/$(basename "$other")" ;;
    esac
done
echo "$seen_by_tests"
