//go:build !race

package document

// timed tells whether tests may judge how long work takes.
const timed = true
