#!/bin/bash
# Starts ClickHouse on a read-only root: its settings are copied to memory, the administrator's password joins them there as
# a digest, and the server's own entry point, which would write them to disk, is not used. The administrator only makes the
# users of deploy/clickhouse/users.sql; `default` does not exist.
set -euo pipefail
run=/run/clickhouse
cp -r /etc/clickhouse-server/. "$run"
digest=$(tr -d '\n' </run/secrets/clickhouse/clickhouse-admin | sha256sum | cut -d ' ' -f 1)
cat >"$run/users.d/zz-admin.xml" <<XML
<clickhouse>
    <users>
        <default remove="remove"/>
        <admin>
            <password_sha256_hex>$digest</password_sha256_hex>
            <networks><ip>::/0</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
            <access_management>1</access_management>
            <named_collection_control>0</named_collection_control>
        </admin>
    </users>
</clickhouse>
XML
# Whatever ended the server before: the container's restart comes through here.
bash /footfall/repair.sh /var/lib/clickhouse
exec clickhouse server --config-file="$run/config.xml"
