#!/bin/bash
# Asks the role in this container how it is: `footfall-health [/healthz|/readyz]`. 0 when it answers 200. It is bash alone,
# so that the image needs no HTTP client that somebody who broke in could use.
set -u
path=${1:-/healthz}
port=${FOOTFALL_LISTEN##*:}
exec 3<>"/dev/tcp/127.0.0.1/${port:-8080}" || exit 1
printf 'GET %s HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n' "$path" >&3
IFS=' ' read -r -t 3 _ status _ <&3 || exit 1
[ "$status" = 200 ]
