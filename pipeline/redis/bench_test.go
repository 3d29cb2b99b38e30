package redis_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync/pipeline/pipelinetest"
	"crmsync/pipeline/redis"
)

func BenchmarkSlice1000(b *testing.B) {
	store, err := redis.Open(pipelinetest.Server(b, serverEnv), redis.Options{Prefix: "test-" + rand.Text(), TTL: time.Minute, Timeout: time.Minute})
	require.NoError(b, err)
	defer store.Close()
	slice, drawing := deliveries(1000), requests(1000)
	calls := []struct {
		name string
		call func()
	}{
		{"mark", func() { store.Mark(b.Context(), slice) }},
		{"seen", func() { store.Seen(b.Context(), slice) }},
		{"check", func() { store.Check(b.Context(), drawing) }},
	}
	for _, c := range calls {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.call()
			}
			b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "items/s")
		})
	}
}
