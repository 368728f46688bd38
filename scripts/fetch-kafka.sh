#!/bin/sh
# Fetches Apache Kafka (a real broker, for tests and demos) and what it needs with Maven, checks it, and puts the jars into
# the cache, once. It starts nothing, and the broker needs only Java. A second run finds them and ends at once.
set -eu

version="4.4.0"
scala="2.13"
# The broker's log goes to its standard error: Kafka brings no backend for it along.
slf4j="1.7.36"
jars_sha256="96b589f4535cdf2c879a158334fe0a01e62f1720c702bfc425fb70daf48cbea8"

cache="${FOOTFALL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/footfall}"
# With its tools, which set users and rights.
directory="$cache/kafka-tools-$version"

fail() {
    echo "fetch-kafka: $*" >&2
    exit 1
}

if [ -d "$directory" ]; then
    exit 0
fi

command -v java >/dev/null 2>&1 || fail "Java 17 or newer is needed to run Kafka, and not installed"
if ! command -v mvn >/dev/null 2>&1; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "fetch-kafka: installing Debian package: maven" >&2
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends maven >/dev/null
    else
        fail "mvn (Apache Maven) is needed and not installed; on Debian: sudo apt-get install maven"
    fi
fi

mkdir -p "$cache"
work="$(mktemp -d "$cache/.fetch-kafka.XXXXXX")"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

echo "fetch-kafka: fetching org.apache.kafka:kafka_$scala $version with mvn and its tools (55 MB, once; kept in $directory)" >&2
cat >"$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>footfall</groupId>
  <artifactId>broker</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_$scala</artifactId>
      <version>$version</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka-tools</artifactId>
      <version>$version</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>$slf4j</version>
    </dependency>
  </dependencies>
</project>
POM
mvn --batch-mode --quiet --strict-checksums --file "$work/pom.xml" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$work/jars" >&2 \
    || fail "mvn could not fetch Kafka $version; is the repository reachable?"
found="$(cd "$work/jars" && LC_ALL=C sha256sum ./*.jar | sha256sum | cut -d ' ' -f 1)"
[ "$found" = "$jars_sha256" ] || fail "the SHA-256 over the jars is $found, not the pinned one; nothing was installed"

# The directory appears when it is whole: whoever finds it may use it. Another run may have been first.
mv -T "$work/jars" "$directory" 2>/dev/null || [ -d "$directory" ] || fail "cannot write $directory"
echo "fetch-kafka: $directory" >&2
