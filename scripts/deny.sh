#!/usr/bin/env bash
# Runs cargo-deny, installing it when it is missing. The advisory database is not consulted: it is not in any registry.
set -euo pipefail
VERSION=0.20.2
if ! cargo deny --version >/dev/null 2>&1; then
    # Unoptimised: it runs for a second, and is built in half the time.
    echo "installing cargo-deny $VERSION (once, a minute or two)"
    cargo install cargo-deny --version "$VERSION" --locked --quiet --debug
fi
cargo deny --log-level error check bans licenses sources
