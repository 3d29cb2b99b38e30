# shellcheck shell=bash
# Certificates of the servers: a CA of our own, a good certificate for 127.0.0.1 and localhost, one
# for the same names that ran out yesterday, and a CA that signed nothing.
# Sourced by parts; uses STATE.

TLS_DIR=$STATE/tls

# make_certificates: once for a set, in PEM as all three servers and Go read it. A NAME.pem holds key
# and certificates together, which is how Kafka wants them.
make_certificates() {
  [[ ! -f $TLS_DIR/complete ]] || return 0
  mkdir -p "$TLS_DIR"
  {
    make_ca ca && make_ca other-ca && make_certificate server 30 && make_certificate expired -1
  } >"$TLS_DIR/log" 2>&1 || {
    cat "$TLS_DIR/log" >&2
    die "openssl could not make the certificates (log above)"
  }
  chmod 600 "$TLS_DIR"/*.key
  touch "$TLS_DIR/complete"
}

# make_ca NAME
make_ca() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=crmsync-test-$1" \
    -keyout "$TLS_DIR/$1.key" -out "$TLS_DIR/$1.pem" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
}

# make_certificate NAME DAYS: signed by our CA; less than no days make one that has run out.
make_certificate() {
  local d=$TLS_DIR/$1
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=127.0.0.1 -keyout "$d.key" -out "$d.csr" &&
    openssl x509 -req -in "$d.csr" -CA "$TLS_DIR/ca.pem" -CAkey "$TLS_DIR/ca.key" -CAcreateserial -days "$2" -out "$d.crt" \
      -extfile <(printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n') &&
    (umask 077 && cat "$d.key" "$d.crt" "$TLS_DIR/ca.pem" >"$d.pem")
}
