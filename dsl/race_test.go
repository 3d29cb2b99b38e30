//go:build race

package dsl

import "time"

// hostile is how long one file may take, with room for a slow machine: work
// that grows with the square of the file takes many times as long. The
// race detector makes all of it several times slower.
const hostile = 30 * time.Second
