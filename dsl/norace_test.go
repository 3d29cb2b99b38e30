//go:build !race

package dsl

// timed tells that times mean something: the race detector makes all slower.
const timed = true
