//go:build !race

package pipeline

// timed tells that time and memory mean something: the race detector makes all
// slower, and throws away what would be used again.
const timed = true
