# shellcheck shell=bash
# Words that every script here uses: say, die, tries, and the installing of Debian packages.
# Sourced, never run. The caller sets PROGRAM, the name that messages start with.

# Messages go to stderr: stdout is for what a script hands on.
say() { printf '%s: %s\n' "$PROGRAM" "$*" >&2; }

die() {
  say "$*"
  exit 1
}

# tries COMMAND...: runs it up to three times with a pause between. Everything that uses the
# network goes through it, because a mirror that stumbles once should not cost a whole run.
tries() {
  local n
  for n in 1 2 3; do
    if "$@"; then return 0; fi
    if ((n < 3)); then
      say "try $n of 3 did not work; again in $((n * 5))s: $*"
      sleep $((n * 5))
    fi
  done
  return 1
}

# need_packages LOG PACKAGE...: installs Debian packages; without arguments after LOG it does nothing.
need_packages() {
  local log=$1
  shift
  (($# > 0)) || return 0
  command -v apt-get >/dev/null || die "missing $*, and there is no apt-get here to install them"
  ((EUID == 0)) || die "missing $*; run as root, or: sudo apt-get install $*"
  say "installing $*"
  without_services tries apt_install "$@" >"$log" 2>&1 </dev/null || {
    tail -n 25 "$log" >&2
    die "apt-get could not install $* (log above, whole in $log)"
  }
}

apt_install() {
  timeout 300 apt-get -q update &&
    DEBIAN_FRONTEND=noninteractive timeout 900 apt-get -qy -o DPkg::Lock::Timeout=120 \
      install --no-install-recommends "$@"
}

# without_services COMMAND...: runs it while Debian's policy file forbids packages to start their
# own services: those would take memory, and a stranger on the default ports could answer a test.
without_services() (
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  "$@"
)
