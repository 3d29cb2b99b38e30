// Command crmsync keeps the CRM of each customer org in step with the internal
// system of record. It is the only place that knows all parts by name: a file
// per verb, wiring, configuration. It owns no decision about a delivery; those
// are the engine's.
package main

import (
	"io"
	"log"
	"os"
)

//go:generate go run ../../.ci/licences ../../docs/dependencies.md

func main() {
	log.SetOutput(io.Discard) // net/http writes there what a server sends unasked, word for word
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
