package redis

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/redis/go-redis/v9"

	"crmsync"
)

// deliveryKey returns PREFIX:ORG:d:HASH. The hash is 128 bits of SHA-256 over the whole delivery,
// so that long ids make no long keys and two deliveries never meet.
func (s *Store) deliveryKey(d *crmsync.Delivery) string {
	buffer := make([]byte, 0, 256)
	for _, part := range [...]string{d.Key.Org, d.Key.Type, d.Key.ID, d.Connection} {
		buffer = binary.BigEndian.AppendUint32(buffer, uint32(len(part))) // parts can't run together
		buffer = append(buffer, part...)
	}
	buffer = binary.BigEndian.AppendUint64(buffer, uint64(d.Version))
	buffer = binary.BigEndian.AppendUint64(buffer, d.Hash)
	sum := sha256.Sum256(buffer)
	key := make([]byte, 0, len(s.options.Prefix)+len(d.Key.Org)+26)
	key = append(append(append(append(key, s.options.Prefix...), ':'), d.Key.Org...), ":d:"...)
	return string(base64.RawURLEncoding.AppendEncode(key, sum[:16]))
}

// Seen answers per delivery whether it was marked within the TTL, by one MGET; false for all when
// Redis doesn't answer in time.
func (s *Store) Seen(ctx context.Context, deliveries []crmsync.Delivery) []bool {
	seen := make([]bool, len(deliveries))
	if len(deliveries) == 0 {
		return seen
	}
	keys := make([]string, len(deliveries))
	for i := range deliveries {
		keys[i] = s.deliveryKey(&deliveries[i])
	}
	s.call(ctx, "seen", func(ctx context.Context) error {
		values, err := s.client.MGet(ctx, keys...).Result()
		if err != nil {
			return err
		}
		if len(values) != len(keys) {
			return fmt.Errorf("%d values for %d keys", len(values), len(keys))
		}
		for i, value := range values {
			seen[i] = value != nil
		}
		return nil
	})
	return seen
}

// Mark remembers deliveries for the TTL, by one pipeline.
func (s *Store) Mark(ctx context.Context, deliveries []crmsync.Delivery) {
	if len(deliveries) == 0 {
		return
	}
	s.call(ctx, "mark", func(ctx context.Context) error {
		_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for i := range deliveries {
				pipe.Set(ctx, s.deliveryKey(&deliveries[i]), "", s.options.TTL)
			}
			return nil
		})
		return err
	})
}
