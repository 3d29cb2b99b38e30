# shellcheck shell=bash
# Redis and PostgreSQL, each a second time with a certificate that has run out.
# Sourced by parts.

POSTGRES_USER=crmsync
POSTGRES_PASSWORD=crmsync-secret

AS_POSTGRES=() # what runs the server under another name when we are root, which it refuses
if ((EUID == 0)); then AS_POSTGRES=(setpriv --reuid=postgres --regid=postgres --init-groups --); fi

# Redis keeps nothing: a killed one comes back empty, which is the case that callers must bear. It
# listens on 127.0.0.2 too, a name that its certificate does not carry.
start_redis() {
  launch redis redis-server --bind 127.0.0.1 127.0.0.2 --port "$(port_of redis)" --tls-port $((PORT + 5)) \
    --protected-mode yes --save '' --appendonly no --dir "$STATE" --daemonize no \
    --tls-cert-file "$TLS_DIR/server.crt" --tls-key-file "$TLS_DIR/server.key" --tls-auth-clients no
}

start_redis_expired() {
  launch redis_expired redis-server --bind 127.0.0.1 --port 0 --tls-port "$(port_of redis_expired)" \
    --protected-mode yes --save '' --appendonly no --dir "$STATE" --daemonize no \
    --tls-cert-file "$TLS_DIR/expired.crt" --tls-key-file "$TLS_DIR/expired.key" --tls-auth-clients no
}

redis_answers() {
  # shellcheck disable=SC2016  # the inner bash expands it
  [[ $(timeout 3 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "PING\r\n" >&3 && head -c 5 <&3' \
    redis "$(port_of redis)" 2>/dev/null) == +PONG ]]
}

redis_expired_answers() {
  [[ $(timeout 3 redis-cli -p "$(port_of redis_expired)" --tls --insecure ping 2>/dev/null) == PONG ]]
}

# postgres_programs: prints the folder of the newest PostgreSQL server that is installed.
postgres_programs() {
  local d
  for d in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -Vr); do
    [[ -x $d/initdb && -x $d/postgres && -x $d/psql ]] || continue
    echo "$d"
    return
  done
  return 1
}

# postgres_dir: PostgreSQL refuses to run as root, and the user postgres cannot enter root's home
# where the other state lies. So root's data goes below /var/lib, where only root can make folders.
postgres_dir() {
  if ((EUID == 0)); then echo "/var/lib/crmsync-parts/$1-$(port_of "$1")"; else echo "$STATE/$1"; fi
}

# make_database FOLDER CERTIFICATE: initdb, with a password so that a wrong one is refused as in production.
make_database() {
  local d=$1
  [[ ! -f $d/PG_VERSION ]] || return 0
  rm -rf "$d"
  mkdir -p "$d"
  chmod 700 "$d"
  if ((EUID == 0)); then chown postgres: "$d"; fi
  echo "$POSTGRES_PASSWORD" >"$d.password"
  (cd / && "${AS_POSTGRES[@]}" "$(postgres_programs)/initdb" -D "$d" -U "$POSTGRES_USER" --pwfile="$d.password" \
    -A scram-sha-256 -E UTF8 --no-locale --no-instructions) </dev/null >"$STATE/postgres.log" 2>&1 9>&- || {
    show_log "$STATE/postgres.log"
    die "initdb did not work (log above)"
  }
  rm -f "$d.password"
  cp "$TLS_DIR/$2.crt" "$d/server.crt"
  (umask 077 && cp "$TLS_DIR/$2.key" "$d/server.key")
  if ((EUID == 0)); then chown postgres: "$d/server.crt" "$d/server.key"; fi
}

# launch_postgres NAME CERTIFICATE SETTING...: durability stays on (fsync), so that the figures of
# benchmarks mean something. TLS is offered beside plain connections, on the same port.
launch_postgres() {
  local d name=$1 certificate=$2
  shift 2
  d=$(postgres_dir "$name")
  make_database "$d" "$certificate"
  clear_postgres_pid "$d"
  launch "$name" "${AS_POSTGRES[@]}" "$(postgres_programs)/postgres" -D "$d" \
    -c "port=$(port_of "$name")" -c "unix_socket_directories=$d" -c ssl=on "$@"
}

# It listens on 127.0.0.2 too, a name that its certificate does not carry.
start_postgres() { launch_postgres postgres server -c listen_addresses=127.0.0.1,127.0.0.2 -c max_connections=200; }

start_postgres_expired() {
  launch_postgres postgres_expired expired -c listen_addresses=127.0.0.1 -c max_connections=10 -c shared_buffers=1MB
}

# clear_postgres_pid FOLDER: after a KILL its files are still there. The server's other processes need
# a moment to notice; and where nobody reaps zombies, PostgreSQL would take the dead one for a live one.
clear_postgres_pid() {
  local pid
  [[ -f $1/postmaster.pid ]] || return 0
  sleep 1
  pid=$(head -n 1 "$1/postmaster.pid")
  if grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; then rm -f "$1/postmaster.pid" "$1"/.s.PGSQL.*.lock; fi
}

# postgres_url NAME PARAMETERS
postgres_url() {
  echo "postgres://$POSTGRES_USER:$POSTGRES_PASSWORD@127.0.0.1:$(port_of "$1")/postgres?$2"
}

postgres_server_answers() {
  "$(postgres_programs)/psql" "$(postgres_url "$1" sslmode=disable)" -qAtc 'select 1' >/dev/null 2>&1 </dev/null
}

postgres_answers() { postgres_server_answers postgres; }

postgres_expired_answers() { postgres_server_answers postgres_expired; }
