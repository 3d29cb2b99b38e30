//go:build !race

package sealed_test

// timed tells that times mean something: the race detector makes all slower.
const timed = true
