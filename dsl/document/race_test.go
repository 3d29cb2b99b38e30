//go:build race

package document

// raceFactor is how much slower the race detector makes what is timed.
const raceFactor = 10
