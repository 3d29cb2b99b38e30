package pipelinetest

import (
	"os"
	"testing"
)

// Server returns the address of a real server, which the environment variable env holds: for
// example CRMSYNC_TEST_REDIS_URL. A test calls it first of all.
//
// Without an address the test is skipped on a developer's machine, and the message says how to get
// one. With CI=true it fails, so that a continuous integration that lost its servers cannot pass
// by testing nothing.
func Server(t testing.TB, env string) string {
	t.Helper()
	address := os.Getenv(env)
	switch {
	case address != "":
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is not set: start the servers with .ci/parts up and export what it prints", env)
	default:
		t.Skipf(`%s is not set: start the servers with "make parts", then eval "$(.ci/parts env)"`, env)
	}
	return address
}
