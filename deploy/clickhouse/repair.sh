#!/bin/bash
# Before a ClickHouse server without replicas starts, and only then: takes back the note of an insert that the server was killed in.
#
# Such a server notes an insert's token first and makes its rows visible afterwards. Killed between the two, it would take the
# processor's repetition for a duplicate, and those counts would be lost. Only the newest note of a table can be wrong, because
# both happen under the table's lock. `footfall engine` does the same by itself; replicas keep token and rows together in Keeper.
#
#   repair.sh [/var/lib/clickhouse]
set -euo pipefail
shopt -s nullglob
data=${1:-/var/lib/clickhouse}
name_of_part='^[^_]+_[0-9]+_[0-9]+_[0-9]+(_[0-9]+)?$'

# A server that runs holds this lock, and between a note and its part nothing is wrong with it.
if [ -e "$data/status" ]; then
    exec 9<"$data/status"
    flock --nonblock 9 || { echo "a server runs on $data: nothing is repaired under it" >&2; exit 1; }
fi

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

for logs in "$data"/store/*/*/deduplication_logs; do
    newest='' number=-1
    for file in "$logs"/deduplication_log_*.txt; do
        found=${file##*_} found=${found%.txt}
        # A file that is full is followed by an empty one before its last note's part is visible.
        if [[ -s $file && $found =~ ^[0-9]+$ ]] && ((10#$found > number)); then newest=$file number=$((10#$found)); fi
    done
    [ -n "$newest" ] || continue
    # A line that was cut by the kill notes an insert that cannot have become visible, and would hide those after it.
    lines=$(wc -l <"$newest")
    truncate --size "$(head -n "$lines" "$newest" | wc -c)" "$newest"
    [ "$lines" -gt 0 ] || continue
    IFS=$'\t' read -r action part _ <<<"$(tail -n 1 "$newest")"
    [[ $action = 1 && $part =~ $name_of_part ]] || continue
    is_visible "${logs%/*}" "$part" && continue
    # Every note of that insert, the last first.
    taken_back=$(tac "$newest" | awk -F '\t' -v OFS='\t' -v part="$part" '$1 != 1 || $2 != part { done = 1 } !done { print 2, $2, $3 }')
    printf '%s\n' "$taken_back" >>"$newest"
    sync "$newest"
    echo "took back the token of an insert that a killed server had noted but not made visible: $part in ${logs%/*}" >&2
done
