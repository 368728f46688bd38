#!/usr/bin/env bash
# Sees that what the tests need beyond the build is here: Chromium, Python, Prometheus, and PostgreSQL (its server's programs; a
# cluster that Debian starts with it is not used). As root on Debian it installs what is
# missing and says so; elsewhere it names what is missing and how to get it, before anything runs.
set -euo pipefail
missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v python3 >/dev/null || missing+=(python3)
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing+=(postgresql)
command -v openssl >/dev/null || missing+=(openssl)
command -v prometheus >/dev/null || missing+=(prometheus)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "installing Debian packages for the tests: ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
    echo "the tests need: ${missing[*]}; on Debian: sudo apt-get install ${missing[*]}" >&2
    exit 1
fi
