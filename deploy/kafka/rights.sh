#!/bin/bash
# Gives each role its SCRAM user and the least rights it works with. Run it with an administrator's client settings; run
# again it sets the passwords anew and adds nothing twice. A password is read from a file and never stands in an argument.
#
#   BOOTSTRAP=kafka:9092 COMMAND_CONFIG=admin.properties PASSWORDS=DIR deploy/kafka/rights.sh
#
# PASSWORDS holds kafka-collector, kafka-processor and kafka-dashboard.
set -euo pipefail

bin=${KAFKA_BIN:-/opt/kafka/bin}
bootstrap=${BOOTSTRAP:-kafka:9092}
prefix=${FOOTFALL_KAFKA_PREFIX:-footfall}
passwords=${PASSWORDS:?a directory with kafka-collector, kafka-processor and kafka-dashboard}
config=${COMMAND_CONFIG:?the administrator\'s client settings, a properties file}

credential=$(mktemp)
trap 'rm -f "$credential"' EXIT
chmod 0600 "$credential"

user() {
    printf 'SCRAM-SHA-512=iterations=8192,password=%s\n' "$(<"$passwords/kafka-$1")" >"$credential"
    "$bin/kafka-configs.sh" --bootstrap-server "$bootstrap" --command-config "$config" \
        --alter --entity-type users --entity-name "$1" --add-config-file "$credential"
}

# allow ROLE TOPIC OPERATION...
allow() {
    local role=$1 topic=$2 operations=()
    shift 2
    for operation in "$@"; do operations+=(--operation "$operation"); done
    "$bin/kafka-acls.sh" --bootstrap-server "$bootstrap" --command-config "$config" --add --force \
        --allow-principal "User:$role" --topic "$topic" "${operations[@]}" >/dev/null
}

for role in collector processor dashboard; do user "$role"; done

# Whoever opens a topic looks at its settings before it trusts them: DescribeConfigs.
# A collector appends, and hears of sites, keys and answers. It reads no hit, not even its own.
allow collector "$prefix-hits" Write DescribeConfigs
allow collector "$prefix-settings" Read DescribeConfigs
allow collector "$prefix-answers" Read DescribeConfigs
# A processor reads hits, and appends empty records that tell the time. What has expired Kafka drops itself.
allow processor "$prefix-hits" Read Write DescribeConfigs
allow processor "$prefix-settings" Read Write DescribeConfigs
allow processor "$prefix-answers" Write DescribeConfigs
# Whether positions have the replicas that hits have.
allow processor __consumer_offsets Describe
"$bin/kafka-acls.sh" --bootstrap-server "$bootstrap" --command-config "$config" --add --force \
    --allow-principal User:processor --group "$prefix" --operation Read >/dev/null
# A dashboard tells the others of sites. Hits are none of its business.
allow dashboard "$prefix-settings" Read Write DescribeConfigs
# Kafka's client asks who coordinates the group also where it only follows a topic. Describing it tells positions, and no record.
for role in collector dashboard; do
    "$bin/kafka-acls.sh" --bootstrap-server "$bootstrap" --command-config "$config" --add --force \
        --allow-principal "User:$role" --group "$prefix" --operation Describe >/dev/null
done
echo "kafka: users and rights are set"
