#!/bin/sh
# Builds another version of Footfall to run beside this one, and prints where its binary is: the newest tag or, without tags, the
# first commit whose processors read the commits of this one's. It is built once, in a worktree under target/.
set -eu
cd "$(dirname "$0")/.."
of=$(git describe --tags --abbrev=0 2>/dev/null || git log --reverse --format=%h -S'&[[u8; 8]; 2]' -- crates/processor/src/hours.rs | head -n 1)
[ -n "$of" ] || { echo "other-version: no tag and no such commit; is this a shallow clone?" >&2; exit 1; }
tree=$PWD/target/other/$of
binary=$tree/target/release/footfall
if [ ! -x "$binary" ]; then
    echo "other-version: building $of" >&2
    [ -d "$tree" ] || git worktree add --detach "$tree" "$of" >&2
    # What npm built does not differ in what is counted.
    for built in crates/collector/tracker/dist crates/dashboard/web/dist; do
        [ -d "$tree/$built" ] || cp -r "$built" "$tree/$built"
    done
    # Most of both versions is other people's and the same: begin with what was built for this one, without its binary.
    if [ ! -d "$tree/target/release" ] && [ -d target/release/deps ]; then
        rm -rf "$tree/target/begun"
        mkdir -p "$tree/target/begun"
        cp -a target/release/build target/release/deps target/release/.fingerprint "$tree/target/begun"
        mv "$tree/target/begun" "$tree/target/release"
    fi
    (cd "$tree" && cargo build --release --locked --target-dir "$tree/target") >&2
fi
echo "$binary"
