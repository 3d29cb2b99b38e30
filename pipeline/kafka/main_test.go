package kafka_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails when anything is left running after the tests. The one
// goroutine that never ends belongs to the meters of sarama's default settings,
// which the tests use and the package doesn't.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}
