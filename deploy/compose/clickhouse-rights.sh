#!/bin/bash
# Makes ClickHouse's users and their rights from deploy/clickhouse/users.sql, as the administrator, and gives each user the
# password of this deployment, by its digest. Run again it sets the same passwords.
set -euo pipefail
passwords=${PASSWORDS:-/run/secrets/admin}
CLICKHOUSE_PASSWORD=$(<"$passwords/clickhouse-admin")
export CLICKHOUSE_PASSWORD
statements=$(</footfall/users.sql)
for role in migrate processor dashboard; do
    digest=$(tr -d '\n' <"$passwords/clickhouse-$role" | sha256sum | cut -d ' ' -f 1)
    statements+=$'\n'"ALTER USER footfall_$role IDENTIFIED WITH sha256_hash BY '$digest';"
done
clickhouse client --host "${CLICKHOUSE_HOST:-clickhouse}" --user admin --multiquery <<<"$statements"
echo "clickhouse: users and rights are set"
