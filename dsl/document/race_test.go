//go:build race

package document

// timed is off: how long work takes under the race detector says nothing.
const timed = false
