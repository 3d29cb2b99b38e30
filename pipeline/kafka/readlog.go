package kafka

import (
	"context"
	"fmt"
	"iter"

	"crmsync"
)

// ReadLog returns the messages that cfg.Topic holds now, partition by partition.
// It joins no group and commits nothing. An error ends it.
func ReadLog(ctx context.Context, cfg Config) iter.Seq2[crmsync.Message, error] {
	return func(yield func(crmsync.Message, error) bool) {
		r, err := newReader(ctx, cfg.withDefaults())
		if err != nil {
			yield(crmsync.Message{}, fault("read "+cfg.Topic, err))
			return
		}
		defer r.close()
		partitions, err := r.client.Partitions(cfg.Topic)
		if err != nil {
			yield(crmsync.Message{}, fault("read "+cfg.Topic, err))
			return
		}
		for _, p := range partitions {
			for m, err := range r.partition(ctx, cfg.Topic, p, Filter{}) {
				if err != nil {
					yield(crmsync.Message{}, fault(fmt.Sprintf("read partition %d of %s", p, cfg.Topic), err))
					return
				}
				out := crmsync.Message{
					Topic: cfg.Topic, Partition: p, Offset: m.Offset, Key: m.Key, Value: m.Value,
					Time: m.Timestamp, Headers: headersOf(m.Headers),
				}
				if !yield(out, nil) {
					return
				}
			}
		}
	}
}
