#!/bin/bash
# The compose deployment's one-shot service after the broker's start: topics, then users and rights, as the administrator.
set -euo pipefail
export COMMAND_CONFIG PASSWORDS=${PASSWORDS:-/run/secrets/admin}
COMMAND_CONFIG=$(mktemp)
chmod 0600 "$COMMAND_CONFIG"
cat >"$COMMAND_CONFIG" <<PROPERTIES
security.protocol=SASL_PLAINTEXT
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" password="$(<"$PASSWORDS/kafka-admin")";
PROPERTIES
directory=${KAFKA_SCRIPTS:-/footfall/kafka}
bash "$directory/topics.sh"
bash "$directory/rights.sh"
