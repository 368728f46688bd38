#!/bin/sh
# Makes every password of the compose deployment, once, each into the volume of who needs it and of nobody else. It runs
# before everything else, as root without a network, and prints no secret. A password that exists is never changed; the mail
# server's is not made here but given (mail.yml), and is what stands there now.
#
#   /secrets/admin       what the one-shot services that hand out rights read
#   /secrets/<service>   what that service reads, owned by the user it runs as
set -eu
umask 077
secrets=${SECRETS:-/secrets}
data=${DATA:-/data}
given=${GIVEN:-/given}

# 32 random bytes in hexadecimal: no character that a shell, SQL, JAAS or a properties file reads as its own.
random() {
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

# make DIRECTORY NAME: a new password, unless it is there.
make() {
    [ -s "$secrets/$1/$2" ] && return
    random >"$secrets/$1/.$2"
    mv "$secrets/$1/.$2" "$secrets/$1/$2"
}

# give DIRECTORY NAME COPY...: the same password in other places.
give() {
    from="$secrets/$1/$2"
    shift 2
    for to in "$@"; do
        [ -s "$secrets/$to" ] && continue
        cat "$from" >"$secrets/$to.new"
        mv "$secrets/$to.new" "$secrets/$to"
    done
}

for name in kafka-admin kafka-collector kafka-processor kafka-dashboard \
    clickhouse-admin clickhouse-migrate clickhouse-processor clickhouse-dashboard \
    postgres-admin postgres-dashboard; do
    make admin "$name"
done
make dashboard token
make grafana password

give admin kafka-admin kafka/kafka-admin
give admin kafka-collector collector/kafka
give admin kafka-processor processor/kafka
give admin kafka-dashboard dashboard/kafka
give admin clickhouse-admin clickhouse/clickhouse-admin
give admin clickhouse-migrate migrate/clickhouse
give admin clickhouse-processor processor/clickhouse
give admin clickhouse-dashboard dashboard/clickhouse
give admin postgres-admin postgres/postgres-admin
give admin postgres-dashboard postgres/postgres-dashboard dashboard/postgres

if [ -f "$given/mail" ]; then
    cat "$given/mail" >"$secrets/dashboard/mail.new"
    mv "$secrets/dashboard/mail.new" "$secrets/dashboard/mail"
fi

# The users of the images: Kafka's 1000, ClickHouse's 101, PostgreSQL's 999, Grafana's 472, ours 10001.
chown -R 1000:1000 "$secrets/kafka"
chown -R 101:101 "$secrets/clickhouse"
chown -R 999:999 "$secrets/postgres"
chown -R 472:472 "$secrets/grafana"
chown -R 10001:10001 "$secrets/collector" "$secrets/processor" "$secrets/dashboard" "$secrets/migrate"
# The one-shot services are three images; each of their users reads through this group.
chown -R 0:10002 "$secrets/admin"
chmod 0750 "$secrets/admin"
chmod 0440 "$secrets/admin"/*
# The data of our own roles, and the sealing keys, are the same user's.
chown 10001:10001 "$data"/*
echo "secrets: ready"
