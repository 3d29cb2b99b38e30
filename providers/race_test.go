//go:build race

package providers_test

// timed tells that times mean something: the race detector makes all slower.
const timed = false
