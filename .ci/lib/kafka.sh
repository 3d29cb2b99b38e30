# shellcheck shell=bash
# Apache Kafka: jars from Maven Central, one or three brokers in KRaft mode, each with a plain listener,
# one with SASL_SSL (SCRAM, a certificate of our own CA) and one whose certificate has run out, and
# Kafka's own console tools.
# Sourced by parts.

KAFKA_USER=crmsync
KAFKA_PASSWORD=crmsync-secret
KAFKA_CLUSTER=Y3Jtc3luY3Rlc3QwMDAwMQ # base64url of "crmsynctest00001": Kafka wants 16 bytes

KAFKA_JARS=$CACHE/kafka-$KAFKA_VERSION

# A JVM with Kafka's jars. The quick compiler alone halves the time of a start, and loads of a few
# minutes are no slower for it.
KAFKA_JAVA=(java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn
  -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS
  -cp "$KAFKA_JARS/*")

# fetch_kafka: copies Kafka and all it needs into the cache, once, also when two sets start at the
# same time. kafka-tools holds the console tools; connect-runtime, which it asks for, would bring a
# web server that nothing here runs.
fetch_kafka() {
  local fetched=$CACHE/.fetch
  [[ ! -f $KAFKA_JARS/.complete ]] || return 0
  exec 8>"$CACHE/.lock"
  flock 8
  [[ ! -f $KAFKA_JARS/.complete ]] || return 0 # another set fetched it while we waited
  say "fetching Kafka $KAFKA_VERSION into $KAFKA_JARS"
  rm -rf "$fetched" "$KAFKA_JARS"
  mkdir "$fetched"
  cat >"$fetched/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$KAFKA_VERSION</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$KAFKA_VERSION</version><exclusions>
<exclusion><groupId>org.apache.kafka</groupId><artifactId>connect-runtime</artifactId></exclusion></exclusions></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
POM
  if ! tries copy_jars "$fetched" >"$fetched/log" 2>&1 </dev/null; then
    show_log "$fetched/log"
    die "maven could not fetch Kafka $KAFKA_VERSION (log above, whole in $fetched/log)"
  fi
  touch "$fetched/libs/.complete"
  mv "$fetched/libs" "$KAFKA_JARS"
  rm -rf "$fetched"
  exec 8>&-
}

copy_jars() {
  timeout 600 mvn -q -B -C -f "$1/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$1/libs" 8>&- 9>&- &&
    [[ -f $1/libs/kafka_2.13-$KAFKA_VERSION.jar && -f $1/libs/kafka-tools-$KAFKA_VERSION.jar ]]
}

# kafka_config: what differs from Kafka's defaults serves one of three ends: one broker is enough
# (replication 1), tests are quick (no rebalance delay, short sessions allowed, retention and
# compaction look every second), and a missing topic is an error as it is in production.
# Of three brokers two must have what is acknowledged.
kafka_config() {
  local name=$1 port voters='' n listeners advertised
  port=$(port_of "$name")
  for ((n = 1; n <= BROKERS; n++)); do voters+=${voters:+,}$n@127.0.0.1:$((PORT + 10 * n - 8)); done
  advertised=PLAINTEXT://127.0.0.1:$port,SASL_SSL://127.0.0.1:$((port + 1)),EXPIRED://127.0.0.1:$((port + 6))
  listeners=$advertised,CONTROLLER://127.0.0.1:$((port + 2))
  if [[ $PROXY == yes ]]; then
    listeners+=,PROXIED://127.0.0.1:$((port + 9))
    advertised+=,PROXIED://127.0.0.1:$((PORT + 30 + $(broker_of "$name")))
  fi
  cat <<CONF
process.roles=broker,controller
node.id=$(broker_of "$name")
controller.quorum.voters=$voters
listeners=$listeners
advertised.listeners=$advertised
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,EXPIRED:SSL,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.ssl.keystore.type=PEM
listener.name.sasl_ssl.ssl.keystore.location=$TLS_DIR/server.pem
listener.name.expired.ssl.keystore.type=PEM
listener.name.expired.ssl.keystore.location=$TLS_DIR/expired.pem
log.dirs=$STATE/$name
num.partitions=8
auto.create.topics.enable=false
default.replication.factor=$BROKERS
min.insync.replicas=$((BROKERS / 2 + 1))
offsets.topic.num.partitions=4
offsets.topic.replication.factor=$BROKERS
transaction.state.log.num.partitions=2
transaction.state.log.replication.factor=$BROKERS
transaction.state.log.min.isr=$((BROKERS / 2 + 1))
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=$BROKERS
share.coordinator.state.topic.min.isr=$((BROKERS / 2 + 1))
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
log.cleaner.backoff.ms=500
log.retention.check.interval.ms=1000
num.network.threads=2
num.io.threads=4
CONF
}

# start_kafka NAME: starts a broker.
start_kafka() {
  local name=$1
  kafka_config "$name" >"$STATE/$name.properties"
  if [[ ! -f $STATE/$name/meta.properties ]]; then
    "${KAFKA_JAVA[@]}" -Xmx128m kafka.tools.StorageTool format -t "$KAFKA_CLUSTER" -c "$STATE/$name.properties" \
      --add-scram "SCRAM-SHA-256=[name=$KAFKA_USER,password=$KAFKA_PASSWORD]" \
      --add-scram "SCRAM-SHA-512=[name=$KAFKA_USER,password=$KAFKA_PASSWORD]" </dev/null >"$STATE/$name.log" 2>&1 9>&- || {
      show_log "$STATE/$name.log"
      die "formatting Kafka's folder did not work (log above)"
    }
  fi
  launch "$name" "${KAFKA_JAVA[@]}" -Xms512m -Xmx512m -XX:+ExitOnOutOfMemoryError kafka.Kafka "$STATE/$name.properties"
}

# kafka_answers NAME: asks for the metadata of no topic (request 3, version 0) by hand. The answer
# counts the brokers that are up and let in, in bytes 9 to 12: an open port alone says too little.
kafka_answers() {
  local brokers
  # shellcheck disable=SC2016  # the inner bash expands it
  brokers=$(timeout 3 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
    printf "\0\0\0\x0e\0\x03\0\0\0\0\0\x01\xff\xff\0\0\0\0" >&3
    head -c 12 <&3 | od -An -tu1 -j11' kafka "$(port_of "$1")" 2>/dev/null) || return 1
  ((${brokers:-0} == BROKERS))
}

# kafka_tool NAME ARGUMENT...: one of Kafka's own programs, called as in Kafka's bin folder. The
# address of our broker is added when the call names none.
kafka_tool() {
  local class name=$1 args
  shift
  case $name in
    kafka-console-producer) class=org.apache.kafka.tools.ConsoleProducer ;;
    kafka-console-consumer) class=org.apache.kafka.tools.consumer.ConsoleConsumer ;;
    kafka-topics) class=org.apache.kafka.tools.TopicCommand ;;
    kafka-configs) class=kafka.admin.ConfigCommand ;;
    kafka-consumer-groups) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
    kafka-get-offsets) class=org.apache.kafka.tools.GetOffsetShell ;;
    *) die "there is no tool '$name' here (kafka-console-producer, -console-consumer, -topics, -configs, -consumer-groups, -get-offsets)" ;;
  esac
  args=("$@")
  [[ " $* " == *" --bootstrap-server"* ]] || args+=(--bootstrap-server "$(brokers)")
  exec "${KAFKA_JAVA[@]}" -Xmx256m "$class" "${args[@]}"
}
