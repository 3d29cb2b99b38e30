package postgres

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"

	"crmsync/pipeline/secure"
)

// tlsSettings are what decides about a handshake with PostgreSQL.
func tlsSettings() secure.Settings {
	return secure.Settings{CA: "sslrootcert in state.url", Name: "the host in state.url", Pair: "sslcert and sslkey in state.url"}
}

// protected refuses a server beyond this machine that is not held to prove who it is: rows of the
// waiting room hold records, and the driver's default, sslmode=prefer, gives up TLS when asked to.
func protected(config *pgx.ConnConfig) error {
	exposed := ""
	look := func(host string, c *tls.Config) {
		verified := c != nil && !c.InsecureSkipVerify && c.ServerName != ""
		if !verified && !secure.Loopback(host) {
			exposed = host
		}
	}
	look(config.Host, config.TLSConfig)
	for _, f := range config.Fallbacks {
		look(f.Host, f.TLSConfig)
	}
	if exposed == "" {
		return nil
	}
	return denied("insecure", fmt.Errorf("open state at %s: without verified TLS others on the network can read records and the password: "+
		"add sslmode=verify-full and sslrootcert=FILE to the URL, or set state.insecure: true", exposed))
}

// unreadable says which of the files that the URL names can't be read; nil if it is not that.
func unreadable(err error) error {
	file, ok := errors.AsType[*fs.PathError](err)
	if !ok {
		return nil
	}
	return denied("tls", fmt.Errorf("open state: read a file that the URL names: %w", file))
}
