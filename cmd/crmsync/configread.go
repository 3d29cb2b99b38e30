package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"crmsync/dsl/document"
	"crmsync/schemas"
)

// secretFileBytes is the most that a file with one secret in it may hold.
const secretFileBytes = 64 << 10

// configFormat compiles the schema of the configuration, once: it is part of
// the program.
var configFormat = sync.OnceValues(func() (*document.Schema, error) {
	raw, _ := schemas.Format("config")
	return document.CompileSchema("config", raw)
})

// readUpTo returns a file's text, at most most bytes and one more: the caller
// that takes no more tells from it that the file is too large, and a device or
// a pipe that never ends is not read for ever.
func readUpTo(file string, most int) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(f, int64(most)+1))
}

// readSecretFile returns what a file with one secret in it holds.
func readSecretFile(file string) ([]byte, error) {
	text, err := readUpTo(file, secretFileBytes)
	if err == nil && len(text) > secretFileBytes {
		return nil, fmt.Errorf("%s has more than %d bytes: it holds more than one secret", file, secretFileBytes)
	}
	return text, err
}
