# shellcheck shell=bash
# Processes of the parts: start detached, find again, ask whether they answer, end.
# A pid file holds "pid start-time" (field 22 of /proc/PID/stat), so that a pid which the kernel
# has given to somebody else meanwhile is never taken for ours.
# Sourced by parts; uses STATE (the folder of the running set) and the functions of shell.sh.

start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# pid_of NAME: prints the pid while the process lives. A zombie that nobody has reaped is dead,
# except when it still has threads: then it is on its way out and holds its port.
pid_of() {
  local pid started fields
  [[ -f $STATE/$1.pid ]] || return 1
  read -r pid started <"$STATE/$1.pid" || return 1
  [[ -n $started && $(start_time "$pid") == "$started" ]] || return 1
  read -ra fields <<<"$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null)"
  [[ ${fields[0]-Z} != Z || ${fields[17]-1} -gt 1 ]] || return 1
  echo "$pid"
}

# launch NAME COMMAND...: starts it in a session of its own, so that a Ctrl-C at the terminal does
# not reach it, without our locks (descriptors 8 and 9) and without the caller's output pipe.
launch() {
  local name=$1 pid
  shift
  (cd / && exec setsid "$@") </dev/null >>"$STATE/$name.log" 2>&1 8>&- 9>&- &
  pid=$!
  echo "$pid $(start_time "$pid")" >"$STATE/$name.pid"
  disown "$pid"
}

# until_gone NAME SECONDS: waits for the process to end.
until_gone() {
  local i
  for ((i = 0; i < $2 * 20; i++)); do
    pid_of "$1" >/dev/null || return 0
    sleep 0.05
  done
  return 1
}

# finish NAME SIGNAL SECONDS: sends SIGNAL, waits, then sends KILL.
finish() {
  local pid
  if pid=$(pid_of "$1"); then
    kill -CONT "$pid" 2>/dev/null || true # a stopped process would sleep through the signal
    kill "-$2" "$pid" 2>/dev/null || true
    if ! until_gone "$1" "$3"; then
      kill -KILL "$pid" 2>/dev/null || true
      until_gone "$1" 5 || die "$1 (pid $pid) does not end"
    fi
  fi
  rm -f "$STATE/$1.pid"
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# claim_port PORT NAME: refuses a port that somebody else uses. Two seconds of patience, because
# a broker just ended may hold its port a moment longer than its pid.
claim_port() {
  local i
  for ((i = 0; i < 40; i++)); do
    listening "$1" || return 0
    sleep 0.05
  done
  die "port $1 for $2 is taken by another process: end it, or choose other ports with CRMSYNC_PARTS_PORT=$((PORT + 100))"
}

# await NAME: waits until the part answers; on failure shows the end of its log.
await() {
  local name=$1 deadline=$((SECONDS + 90))
  until answers "$name"; do
    if ! pid_of "$name" >/dev/null; then
      show_log "$STATE/$name.log"
      die "$name ended while it started (log above, whole in $STATE/$name.log)"
    fi
    if ((SECONDS >= deadline)); then
      show_log "$STATE/$name.log"
      die "$name does not answer on port $(port_of "$name") after 90s (log above)"
    fi
    sleep 0.1
  done
}

# show_log FILE: its last lines, without the frames of Java stack traces.
show_log() { grep -v $'^\tat ' "$1" | tail -n 25 >&2 || true; }
