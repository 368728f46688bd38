#!/bin/bash
# Makes Footfall's three topics with the settings its promises rest on (docs/decisions/0013). Run it with an administrator's
# client settings; run again it changes nothing: an existing topic is never altered, the roles refuse one that contradicts.
#
#   BOOTSTRAP=kafka:9092 COMMAND_CONFIG=admin.properties deploy/kafka/topics.sh
set -euo pipefail

bin=${KAFKA_BIN:-/opt/kafka/bin}
bootstrap=${BOOTSTRAP:-kafka:9092}
prefix=${FOOTFALL_KAFKA_PREFIX:-footfall}
partitions=${FOOTFALL_KAFKA_PARTITIONS:-12}
replication=${FOOTFALL_KAFKA_REPLICATION:-3}
in_sync=${FOOTFALL_KAFKA_IN_SYNC:-2}

# topic NAME PARTITIONS SETTING=VALUE...
topic() {
    local name=$1 count=$2 settings=()
    shift 2
    for setting in "$@" "min.insync.replicas=$in_sync" unclean.leader.election.enable=false compression.type=producer; do
        settings+=(--config "$setting")
    done
    "$bin/kafka-topics.sh" --bootstrap-server "$bootstrap" ${COMMAND_CONFIG:+--command-config "$COMMAND_CONFIG"} \
        --create --if-not-exists --topic "$name" --partitions "$count" --replication-factor "$replication" "${settings[@]}"
}

# 28 hours: an hour's key dies 27 hours after the hour, and Kafka drops whole segments of an hour.
topic "$prefix-hits" "$partitions" cleanup.policy=delete message.timestamp.type=LogAppendTime \
    retention.ms=100800000 retention.bytes=-1 segment.ms=3600000 max.message.bytes=1048576
# Sites and the hours' public keys: the last word on each, for whoever starts. One partition, so that it has one order.
topic "$prefix-settings" 1 cleanup.policy=compact segment.ms=3600000 max.message.bytes=1048576 \
    min.cleanable.dirty.ratio=0.1 delete.retention.ms=86400000
# What a visitor who asks is waiting for: ten minutes is longer than anybody waits.
topic "$prefix-answers" 1 cleanup.policy=delete retention.ms=600000 segment.ms=600000 max.message.bytes=1048576
