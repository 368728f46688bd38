#!/usr/bin/env bash
# The demo: one server with 90 days of generated history, live traffic, a page with the tracker, and your own log if you
# give one (--log FILE). Everything rests in ./data/demo; remove that directory to start over. Ctrl-C ends it all.
set -euo pipefail
cd "$(dirname "$0")/.."

log=
[ "${1:-}" = --log ] && log=$2
binary=target/release/footfall
data=data/demo
listen=${LISTEN:-127.0.0.1:8080}
site=demo.example
mkdir -p "$data"

cat > "$data/footfall.toml" <<TOML
listen = "$listen"
data = "$data"
flush = "2s"
# Live demo traffic says by X-Forwarded-For where its imagined visitors are.
trusted_proxies = ["127.0.0.0/8"]
demo_page = "$site"

[[site]]
domain = "$site"
public = true

[[site]]
domain = "your-log.example"
public = true
TOML

if [ ! -f "$data/token" ]; then
    (umask 077 && head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$data/token")
fi
FOOTFALL_TOKEN=$(cat "$data/token")
export FOOTFALL_TOKEN FOOTFALL_CONFIG="$data/footfall.toml" FOOTFALL_LOG=${FOOTFALL_LOG:-warn}

processes=()
end() {
    trap - EXIT INT TERM
    for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
    wait
}
trap end EXIT
trap 'exit 0' INT TERM

ready=$data/ready
: > "$ready"
"$binary" serve > "$ready" &
processes=($!)
server=$!
until grep -q '^ready ' "$ready"; do
    kill -0 "$server" 2>/dev/null || { echo "the server did not start; see above" >&2; exit 1; }
    sleep 0.1
done
url=$(sed -n 's/^ready //p' "$ready")

if [ ! -f "$data/history" ]; then
    until=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    echo "generating 90 days of traffic and importing it (once)"
    "$binary" demo-traffic --site "$site" --days 90 --until "$until" > "$data/history.jsonl"
    "$binary" import --url "$url" --site "$site" --format events "$data/history.jsonl"
    rm "$data/history.jsonl"
    echo "$until" > "$data/history"
fi
if [ -n "$log" ]; then
    echo "importing $log"
    "$binary" import --url "$url" --site your-log.example "$log"
fi
"$binary" demo-traffic --site "$site" --live "$url" --rate 2 &
processes+=($!)

cat <<END

  dashboard   $url/
  demo page   $url/demo          open it, then look at the dashboard
  metrics     $url/metrics
  one hit     curl '$url/pixel.gif?d=$site&u=https://$site/from-curl'
  a question  $binary query --url $url $site visitors,pageviews by event:page over 7d

  Ctrl-C ends it; the data stays in $data.
END
wait "$server"
