#!/usr/bin/env bash
# Sees that what the build needs beyond Rust, Node.js, make and a C compiler is here: Perl with its usual modules, by which
# OpenSSL (TLS and SCRAM to Kafka) configures itself. As root on Debian it installs it and says so; elsewhere it says how
# to get it, before anything is built. Who sets OPENSSL_NO_VENDOR=1 builds with the system's OpenSSL and needs none.
set -euo pipefail
[ "${OPENSSL_NO_VENDOR:-0}" != 0 ] && exit 0
perl -MFindBin -MIPC::Cmd -MFile::Compare -MTime::Piece -e 1 2>/dev/null && exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "installing Debian packages for the build: perl"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends perl >/dev/null
else
    echo "the build needs perl with its modules (Debian: sudo apt-get install perl; Fedora: sudo dnf install perl-core)," >&2
    echo "or OPENSSL_NO_VENDOR=1 and the system's OpenSSL with its headers" >&2
    exit 1
fi
