//go:build race

package main

// timed tells that times mean something: the race detector makes all slower.
const timed = false
