//go:build !race

package expr

// raceDetector tells that times mean nothing.
const raceDetector = false
