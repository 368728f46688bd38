#!/bin/bash
# Makes ClickHouse's users, roles and rights from deploy/clickhouse/users.sql, as the administrator, with the passwords of
# this deployment. Run again it changes nothing that the file does not say.
set -euo pipefail
passwords=${PASSWORDS:-/run/secrets/admin}
CLICKHOUSE_PASSWORD=$(<"$passwords/clickhouse-admin")
export CLICKHOUSE_PASSWORD

# The file names each password by its digest, so that none stands in a query log.
statements=$(</footfall/users.sql)
for role in migrate processor dashboard; do
    digest=$(tr -d '\n' <"$passwords/clickhouse-$role" | sha256sum | cut -d ' ' -f 1)
    statements=${statements//"{${role}_password_sha256}"/$digest}
done
clickhouse client --host "${CLICKHOUSE_HOST:-clickhouse}" --user admin --multiquery <<<"$statements"
echo "clickhouse: users and rights are set"
