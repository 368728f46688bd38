#!/bin/bash
# Before a ClickHouse server without replicas starts, and only then: takes back the note of an insert that the server was killed in.
#
# Such a server notes an insert's token first and makes its rows visible afterwards. Killed between the two, it would take the
# processor's repetition for a duplicate, and those counts would be lost. Only the newest note of a table can be wrong, because
# both happen under the table's lock. `footfall engine` does the same by itself; replicas keep token and rows together in Keeper.
#
#   repair.sh /var/lib/clickhouse
#
# A directory that it cannot read in full is an error: said to be repaired and not looked at, counts would be lost unseen.
[ -n "${BASH_VERSION:-}" ] || { echo "repair.sh is for bash: bash repair.sh DIRECTORY" >&2; exit 2; }
set -euo pipefail
shopt -s nullglob
name_of_part='^[^_]+_[0-9]+_[0-9]+_[0-9]+(_[0-9]+)?$'

# fail CODE WORDS
fail() { echo "repair.sh: $2" >&2; exit "$1"; }

# listed DIRECTORY: it is one, and what is in it can be seen and reached.
listed() {
    [ -d "$1" ] || fail 1 "$1 is no directory"
    [[ -r $1 && -x $1 ]] || fail 1 "$1 cannot be read by $(id -un 2>/dev/null || id -u): run it as the server's user or as root"
}

if [ $# -ne 1 ] || [ -z "$1" ] || [[ $1 = -* ]]; then
    fail 2 "it takes the server's data directory and nothing else: repair.sh /var/lib/clickhouse"
fi
data=$1
listed "$data"

# A server that runs holds this lock, and between a note and its part nothing is wrong with it.
if [ -e "$data/status" ]; then
    exec 9<"$data/status"
    flock --nonblock 9 || fail 1 "a server runs on $data: nothing is repaired under it"
fi

if [ ! -e "$data/store" ] && [ ! -L "$data/store" ]; then
    echo "repair.sh: $data has no store yet, so no table is there to look at" >&2
    exit 0
fi
listed "$data/store"

# is_visible TABLE PART: a part, or one that it was merged into or rewritten as, is there under its final name.
is_visible() {
    local partition first last found_first found_last directory
    IFS=_ read -r partition first last _ <<<"$2"
    for directory in "$1/${partition}"_*/; do
        directory=${directory%/}
        [[ ${directory##*/} =~ $name_of_part ]] || continue
        IFS=_ read -r _ found_first found_last _ <<<"${directory##*/}"
        if ((found_first <= first && last <= found_last)); then return 0; fi
    done
    return 1
}

tables=0 repaired=0
for group in "$data"/store/*/; do listed "${group%/}"; done
for table in "$data"/store/*/*/; do
    table=${table%/}
    listed "$table"
    logs=$table/deduplication_logs
    # Databases have directories here, too, and so have tables that note no inserts.
    [ -e "$logs" ] || continue
    listed "$logs"
    tables=$((tables + 1))
    newest='' number=-1
    for file in "$logs"/deduplication_log_*.txt; do
        found=${file##*_} found=${found%.txt}
        # A file that is full is followed by an empty one before its last note's part is visible.
        if [[ -s $file && $found =~ ^[0-9]+$ ]] && ((10#$found > number)); then newest=$file number=$((10#$found)); fi
    done
    [ -n "$newest" ] || continue
    mended=0
    # A line that was cut by the kill notes an insert that cannot have become visible, and would hide those after it.
    lines=$(wc -l <"$newest") whole=$(wc -c <"$newest")
    kept=$(head -n "$lines" "$newest" | wc -c)
    if ((kept < whole)); then
        truncate --size "$kept" "$newest"
        mended=1
        echo "took back a note that a killed server had not written to its end, in $table" >&2
    fi
    if [ "$lines" -gt 0 ]; then
        IFS=$'\t' read -r action part _ <<<"$(tail -n 1 "$newest")"
        if [[ $action = 1 && $part =~ $name_of_part ]] && ! is_visible "$table" "$part"; then
            # Every note of that insert, the last first.
            taken_back=$(tac "$newest" | awk -F '\t' -v OFS='\t' -v part="$part" '$1 != 1 || $2 != part { done = 1 } !done { print 2, $2, $3 }')
            printf '%s\n' "$taken_back" >>"$newest"
            mended=1
            echo "took back the token of an insert that a killed server had noted but not made visible: $part in $table" >&2
        fi
    fi
    if ((mended)); then
        sync "$newest"
        repaired=$((repaired + 1))
    fi
done
echo "repair.sh: looked at $tables tables that note inserts in $data, repaired $repaired" >&2
