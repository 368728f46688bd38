#!/bin/bash
# Starts the one broker of the compose deployment: writes its settings with the password read from a file, formats the
# storage at the first start with the administrator's SCRAM credential, and becomes the broker. Topics, users and rights
# are deploy/kafka's. One broker is one machine: for more see deploy/kubernetes/strimzi.yaml.
set -euo pipefail

kafka=${KAFKA_HOME:-/opt/kafka}
data=${KAFKA_DATA:-/var/lib/kafka/data}
host=${KAFKA_HOST:-kafka}
port=${KAFKA_PORT:-9092}
password=$(<"${KAFKA_ADMIN_PASSWORD_FILE:-/run/secrets/kafka/kafka-admin}")
settings=$(mktemp)
chmod 0600 "$settings"

# The controller speaks to itself on loopback, without a name; that is the only listener on which nobody is asked for one,
# and nothing outside this container reaches it.
cat >"$settings" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=CONTROLLER://127.0.0.1:$((port + 1)),CLIENTS://:$port
advertised.listeners=CLIENTS://$host:$port
listener.security.protocol.map=CONTROLLER:PLAINTEXT,CLIENTS:SASL_PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENTS
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.clients.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" password="$password";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
allow.everyone.if.no.acl.found=false
auto.create.topics.enable=false
log.dirs=$data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# A processor that comes back after a week still finds where it was; it must be more than the 28 hours of the records.
offsets.retention.minutes=10080
# One broker has no replica to lean on: what it acknowledges it writes to the disk within this time.
log.flush.interval.ms=1000
PROPERTIES

if [ ! -f "$data/meta.properties" ]; then
    # The tool takes the password as an argument and in no other way; nobody else is in this container, and it is for a moment.
    "$kafka/bin/kafka-storage.sh" format --config "$settings" \
        --cluster-id "$("$kafka/bin/kafka-storage.sh" random-uuid)" \
        --add-scram "SCRAM-SHA-512=[name=admin,password=$password]" >/dev/null # it prints the credential's keys
fi
exec "$kafka/bin/kafka-server-start.sh" "$settings"
