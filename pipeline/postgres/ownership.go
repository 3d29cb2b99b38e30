package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"crmsync"
)

const (
	// closeGate makes later statements that save wait behind the claim. Locks of this kind are handed
	// out in the order in which they were asked for. There are at most 64 per topic, as a server has
	// room for some thousands only; that a claim holds up the saves of some other partitions is no harm.
	closeGate = `
SELECT pg_advisory_xact_lock(g.gate, g.wing) FROM (
  SELECT DISTINCT hashtext($1::text) AS gate, p.partition % 64 AS wing FROM unnest($2::integer[]) AS p (partition)
  ORDER BY gate, wing
) AS g`

	// claimEpochs waits for the statements that hold the epochs of the partitions. It takes them in one
	// order, as all do.
	claimEpochs = `
INSERT INTO epochs (topic, partition, epoch)
SELECT $1::text, p.partition, 1 FROM unnest($2::integer[]) AS p (partition)
ORDER BY p.partition
ON CONFLICT (topic, partition) DO UPDATE SET epoch = epochs.epoch + 1
RETURNING partition, epoch`

	// selectWards is a statement of its own behind claimEpochs: it must see the rows that the claim
	// waited for, and a statement sees what was there when it began.
	selectWards = `
SELECT k.n, l.org, l.connection, count(*), min(l.wait_until) - clock_timestamp()
FROM unnest($2::integer[]) WITH ORDINALITY AS k (partition, n)
CROSS JOIN LATERAL (
  SELECT org, connection, wait_until FROM links
  WHERE owner_topic = $1::text AND owner_partition = k.partition AND wait_until IS NOT NULL
  OFFSET 0
) AS l
GROUP BY k.n, l.org, l.connection
ORDER BY k.n, l.org COLLATE "C", l.connection COLLATE "C"`

	selectEpochs = `
SELECT k.n, e.epoch FROM unnest($2::integer[]) WITH ORDINALITY AS k (partition, n)
JOIN epochs AS e ON e.topic = $1::text AND e.partition = k.partition`
)

// Claim raises the epoch of each partition, by one round trip. Wards are ordered by connection.
func (s *Store) Claim(ctx context.Context, topic string, partitions []int32) ([]crmsync.Claim, error) {
	if len(partitions) == 0 {
		return nil, nil
	}
	claims := make([]crmsync.Claim, len(partitions))
	places := make(map[int32]int, len(partitions))
	for i, p := range partitions {
		places[p] = i
	}
	batch := &pgx.Batch{}
	batch.Queue("BEGIN ISOLATION LEVEL READ COMMITTED") // in any other selectWards would not see what claimEpochs waited for
	batch.Queue("SET LOCAL lock_timeout = '5s'")        // so that a server stuck with a save holds up no saves of others for longer
	batch.Queue(closeGate, topic, partitions)
	batch.Queue(claimEpochs, topic, partitions).Query(func(rows pgx.Rows) error {
		var partition int32
		var epoch int64
		_, err := pgx.ForEachRow(rows, []any{&partition, &epoch}, func() error {
			claims[places[partition]].Epoch = epoch
			return nil
		})
		return err
	})
	batch.Queue(selectWards, topic, partitions).Query(func(rows pgx.Rows) error { return s.readWards(rows, claims) })
	batch.Queue("COMMIT")
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, s.fault("claim partitions", err)
	}
	return claims, nil
}

func (s *Store) readWards(rows pgx.Rows, claims []crmsync.Claim) error {
	var n int64
	var ward crmsync.Ward
	var next time.Duration
	_, err := pgx.ForEachRow(rows, []any{&n, &ward.Connection.Org, &ward.Connection.Name, &ward.Entries, &next}, func() error {
		ward.Next = s.now().Add(next)
		claims[n-1].Waiting = append(claims[n-1].Waiting, ward)
		return nil
	})
	return err
}

// Epochs answers the newest epoch of each partition, by one query.
func (s *Store) Epochs(ctx context.Context, topic string, partitions []int32) ([]int64, error) {
	if len(partitions) == 0 {
		return nil, nil
	}
	rows, err := s.pool.Query(ctx, selectEpochs, topic, partitions)
	if err != nil {
		return nil, s.fault("read epochs", err)
	}
	epochs := make([]int64, len(partitions))
	var n, epoch int64
	if _, err := pgx.ForEachRow(rows, []any{&n, &epoch}, func() error { epochs[n-1] = epoch; return nil }); err != nil {
		return nil, s.fault("read epochs", err)
	}
	return epochs, nil
}
