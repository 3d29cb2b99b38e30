package pipelinetest_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync/pipeline/pipelinetest"
)

const serverEnv = "CRMSYNC_TEST_SOME_SERVER"

func TestServer(t *testing.T) {
	const local = `CRMSYNC_TEST_SOME_SERVER is not set: start the servers with "make parts", then eval "$(.ci/parts env)"`
	const inCI = "CRMSYNC_TEST_SOME_SERVER is not set: start the servers with .ci/parts up and export what it prints"
	tests := []struct {
		name, address, ci string
		want              verdict
	}{
		{"an address is returned", "127.0.0.1:1", "", verdict{address: "127.0.0.1:1"}},
		{"an address is returned in CI", "127.0.0.1:1", "true", verdict{address: "127.0.0.1:1"}},
		{"without one a developer's test skips", "", "", verdict{skipped: local}},
		{"CI=false is a developer's machine", "", "false", verdict{skipped: local}},
		{"without one CI fails", "", "true", verdict{failed: inCI}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(serverEnv, test.address)
			t.Setenv("CI", test.ci)
			require.Equal(t, test.want, ask())
		})
	}
}

// verdict is what became of a test that asked for a server.
type verdict struct{ address, skipped, failed string }

// ask calls Server as a test would and reports how that test went on.
func ask() verdict {
	var seen recorder
	done := make(chan struct{})
	go func() { // Fatalf and Skipf end the goroutine, so it cannot be the test's own
		defer close(done)
		seen.verdict.address = pipelinetest.Server(&seen, serverEnv)
	}()
	<-done
	return seen.verdict
}

// recorder is a test that writes down how it was ended. The embedded interface stays nil: only the
// three methods that Server may use are there.
type recorder struct {
	testing.TB
	verdict verdict
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.verdict.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skipf(format string, args ...any) {
	r.verdict.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}
