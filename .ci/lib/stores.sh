# shellcheck shell=bash
# Redis and PostgreSQL.
# Sourced by parts.

POSTGRES_USER=crmsync
POSTGRES_PASSWORD=crmsync-secret

AS_POSTGRES=() # what runs the server under another name when we are root, which it refuses
if ((EUID == 0)); then AS_POSTGRES=(setpriv --reuid=postgres --regid=postgres --init-groups --); fi

# Redis keeps nothing: a killed one comes back empty, which is the case that callers must bear.
start_redis() {
  launch redis redis-server --bind 127.0.0.1 --port "$(port_of redis)" --protected-mode yes \
    --save '' --appendonly no --dir "$STATE" --daemonize no
}

redis_answers() {
  # shellcheck disable=SC2016  # the inner bash expands it
  [[ $(timeout 3 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "PING\r\n" >&3 && head -c 5 <&3' \
    redis "$(port_of redis)" 2>/dev/null) == +PONG ]]
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
  if ((EUID == 0)); then echo "/var/lib/crmsync-parts/postgres-$(port_of postgres)"; else echo "$STATE/postgres"; fi
}

# make_database: initdb, with a password so that a wrong one is refused as in production.
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
}

# start_postgres: durability stays on (fsync), so that the figures of benchmarks mean something.
start_postgres() {
  local d
  d=$(postgres_dir)
  make_database "$d"
  clear_postgres_pid "$d/postmaster.pid"
  launch postgres "${AS_POSTGRES[@]}" "$(postgres_programs)/postgres" -D "$d" \
    -c listen_addresses=127.0.0.1 -c "port=$(port_of postgres)" -c "unix_socket_directories=$d" -c max_connections=200
}

# clear_postgres_pid FILE: after a KILL the file is still there. The server's other processes need a
# moment to notice; and where nobody reaps zombies, PostgreSQL would take the dead one for a live one.
clear_postgres_pid() {
  local pid
  [[ -f $1 ]] || return 0
  sleep 1
  pid=$(head -n 1 "$1")
  if grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; then rm -f "$1"; fi
}

postgres_url() {
  echo "postgres://$POSTGRES_USER:$POSTGRES_PASSWORD@127.0.0.1:$(port_of postgres)/postgres?sslmode=disable"
}

postgres_answers() {
  "$(postgres_programs)/psql" "$(postgres_url)" -qAtc 'select 1' >/dev/null 2>&1 </dev/null
}
