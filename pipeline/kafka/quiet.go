package kafka

import (
	"sync"

	"github.com/IBM/sarama"
	"github.com/rcrowley/go-metrics"
)

// maxBatchBytes is how large a batch of the log may be once unpacked.
const maxBatchBytes = 64 << 20

// boundDecompression stops a small packed batch from filling the memory.
// sarama's default is no bound, and it has only this one for the process.
var boundDecompression = sync.OnceValue(func() int32 {
	sarama.MaxDecompressedBatchSize = maxBatchBytes
	return maxBatchBytes
})

// noMetrics is a registry that keeps nothing. sarama measures each request
// several times and nobody reads it here; the standard registry would keep
// samples, and a goroutine that never ends.
type noMetrics struct{}

func (noMetrics) GetOrRegister(_ string, metric any) any {
	switch metric.(type) {
	case func() metrics.Meter:
		return metrics.NilMeter{}
	case func() metrics.Counter:
		return metrics.NilCounter{}
	case func() metrics.Histogram:
		return metrics.NilHistogram{}
	}
	return metric
}

func (noMetrics) Each(func(string, any))            {}
func (noMetrics) Get(string) any                    { return nil }
func (noMetrics) GetAll() map[string]map[string]any { return nil }
func (noMetrics) Register(string, any) error        { return nil }
func (noMetrics) RunHealthchecks()                  {}
func (noMetrics) Unregister(string)                 {}
func (noMetrics) UnregisterAll()                    {}
