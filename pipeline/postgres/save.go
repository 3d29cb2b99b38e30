package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"crmsync"
)

// statementBytes is how much of what waits one statement carries at most. PostgreSQL takes no
// message over 1 GiB.
const statementBytes = 64 << 20

// farthest is how far from now a moment is kept; one further away is kept as that far.
const farthest = 100 * 365 * 24 * time.Hour

// saveLinks is one statement for a slice.
//
// fence locks the partitions' epochs before any row is written: FOR SHARE waits for a claim that is
// under way and then reads what it wrote, and a claim waits for the statement. So there is no moment
// in which a claim has answered and a row of an older epoch is still to be written. owners goes through
// the gate first, for those who share a lock overtake the one who waits for them all to be gone: without
// it a claim would wait as long as statements overlap.
//
// judged leaves out what was lost before the statement began; an INSERT alone would make a row of a
// revision that follows on none. The last WHERE decides between writers that got past it at the same
// time. Rows are taken in one order by all writers, so that they can't wait for each other in a circle.
//
// The answer is one letter per link. It is short so that a server never holds the locks while it waits
// for a client that stands still to read on.
const saveLinks = `
WITH owners AS MATERIALIZED (
  SELECT o.*, pg_advisory_xact_lock_shared(o.gate, o.wing) FROM (
    SELECT *, hashtext(topic) AS gate, partition % 64 AS wing
    FROM unnest($1::text[], $2::integer[], $3::bigint[]) WITH ORDINALITY AS o (topic, partition, epoch, n)
    ORDER BY gate, wing
  ) AS o
), fence AS MATERIALIZED (
  SELECT o.n, e.epoch = o.epoch AS ours
  FROM owners AS o JOIN epochs AS e ON e.topic = o.topic AND e.partition = o.partition
  ORDER BY e.topic, e.partition
  FOR SHARE OF e
), judged AS MATERIALIZED (
  SELECT s.*, o.topic, o.partition, o.epoch, COALESCE(f.ours, false) AS ours,
    s.revision - 1 = COALESCE(l.revision, 0) AS follows,
    COALESCE(l.owner_topic = o.topic AND l.owner_partition = o.partition AND l.owner_epoch > o.epoch, false) AS later,
    COALESCE(s.revision = l.revision AND l.owner_topic = o.topic AND l.owner_partition = o.partition AND l.owner_epoch = o.epoch, false) AS there
  FROM unnest($4::text[], $5::text[], $6::text[], $7::text[],
    $8::integer[], $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[],
    $16::boolean[], $17::boolean[], $18::timestamptz[])
    WITH ORDINALITY AS s (org, record_type, record_id, connection,
    owner, object, external_id, applied_version, dead_version, hash, event_hash, revision, deleted, seek, updated_at, n)
  JOIN owners AS o ON o.n = s.owner
  LEFT JOIN fence AS f ON f.n = s.owner
  LEFT JOIN LATERAL (
    SELECT revision, owner_topic, owner_partition, owner_epoch FROM links
    WHERE org = s.org AND record_type = s.record_type AND record_id = s.record_id AND connection = s.connection
    OFFSET 0
  ) AS l ON true
), written AS (
  INSERT INTO links (org, record_type, record_id, connection,
    object, external_id, applied_version, dead_version, hash, event_hash, revision, deleted, seek, updated_at,
    owner_topic, owner_partition, owner_epoch,
    unsure_until, wait_until, wait_version, wait_reason, wait_since, wait_attempts, wait_body)
  SELECT j.org, j.record_type, j.record_id, j.connection,
    j.object, j.external_id, j.applied_version, j.dead_version, j.hash, j.event_hash, j.revision, j.deleted, j.seek, j.updated_at,
    j.topic, j.partition, j.epoch,
    clock_timestamp() + m.unsure * interval '1 microsecond', clock_timestamp() + m.until * interval '1 microsecond',
    m.version, m.reason, m.since, m.attempts, m.body
  FROM judged AS j
  LEFT JOIN unnest($19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[], $23::text[], $24::timestamptz[], $25::integer[], $26::bytea[])
    AS m (n, unsure, until, version, reason, since, attempts, body) ON m.n = j.n
  WHERE j.ours AND j.follows AND NOT j.later
  ORDER BY j.org COLLATE "C", j.record_type COLLATE "C", j.record_id COLLATE "C", j.connection COLLATE "C"
  ON CONFLICT (org, record_type, record_id, connection) DO UPDATE SET
    object = excluded.object, external_id = excluded.external_id, applied_version = excluded.applied_version,
    dead_version = excluded.dead_version, hash = excluded.hash, event_hash = excluded.event_hash,
    revision = excluded.revision, deleted = excluded.deleted, seek = excluded.seek, updated_at = excluded.updated_at,
    owner_topic = excluded.owner_topic, owner_partition = excluded.owner_partition, owner_epoch = excluded.owner_epoch,
    unsure_until = excluded.unsure_until, wait_until = excluded.wait_until, wait_version = excluded.wait_version,
    wait_reason = excluded.wait_reason, wait_since = excluded.wait_since, wait_attempts = excluded.wait_attempts,
    wait_body = excluded.wait_body
  WHERE links.revision = excluded.revision - 1
  RETURNING org, record_type, record_id, connection
)
SELECT string_agg(CASE
    WHEN NOT j.ours THEN 'f'
    WHEN j.later THEN 'l'
    WHEN j.there OR w.org IS NOT NULL THEN 'w'
    ELSE 'm' END, '' ORDER BY j.n)
FROM judged AS j
LEFT JOIN written AS w ON w.org = j.org AND w.record_type = j.record_type AND w.record_id = j.record_id AND w.connection = j.connection`

// shareGate goes through the gate ahead of insertEpochs, as a claim does.
const shareGate = `
SELECT pg_advisory_xact_lock_shared(o.gate, o.wing) FROM (
  SELECT hashtext(topic) AS gate, partition % 64 AS wing FROM unnest($1::text[], $2::integer[]) AS o (topic, partition)
  ORDER BY gate, wing
) AS o`

// insertEpochs gives partitions that nobody has claimed a row that can be locked.
const insertEpochs = `
INSERT INTO epochs (topic, partition, epoch)
SELECT o.topic, o.partition, 0 FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS o (topic, partition, epoch)
WHERE o.epoch = 0
ORDER BY 1, 2
ON CONFLICT DO NOTHING`

// raiseEpochs brings partitions up to the newest epoch of the keys' rows.
const raiseEpochs = `
INSERT INTO epochs (topic, partition, epoch)
SELECT l.owner_topic, l.owner_partition, max(l.owner_epoch)
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS k (org, record_type, record_id, connection)
JOIN links AS l ON l.org = k.org AND l.record_type = k.record_type AND l.record_id = k.record_id AND l.connection = k.connection
GROUP BY 1, 2
ORDER BY 1, 2
ON CONFLICT (topic, partition) DO UPDATE SET epoch = GREATEST(epochs.epoch, excluded.epoch)`

// Save writes each link whose stored revision is one below its own and whose owner's epoch is the
// newest, by one statement; by several where over 64 MiB wait in the slice.
//
// A row whose own epoch is later than its partition's shows that the table of epochs was lost or is
// older than the rows. It is not overwritten: the link is Fenced, and the partition's epoch raised to
// the row's, so that the next claim is later than both.
func (s *Store) Save(ctx context.Context, links []crmsync.Link) ([]crmsync.Saved, error) {
	saved := make([]crmsync.Saved, 0, len(links))
	for len(links) > 0 {
		n := statementLinks(links)
		letters, err := s.save(ctx, links[:n])
		if err == nil {
			saved, err = appendSaved(saved, letters, n)
		}
		if err == nil {
			err = s.raise(ctx, links[:n], letters)
		}
		if err != nil {
			return nil, s.fault("save links", err)
		}
		links = links[n:]
	}
	return saved, nil
}

// statementLinks returns how many of the links one statement takes, at least one.
func statementLinks(links []crmsync.Link) int {
	size := 0
	for i := range links {
		if links[i].Wait == nil {
			continue
		}
		if size += len(links[i].Wait.Body); size > statementBytes && i > 0 {
			return i
		}
	}
	return len(links)
}

// save answers one letter per link: w written, m moved, f fenced, l a row of a later epoch is there.
func (s *Store) save(ctx context.Context, links []crmsync.Link) (letters string, err error) {
	columns := newLinkColumns(len(links))
	now := s.now() // before the server's clock is read: moments are late rather than early
	for i := range links {
		columns.add(&links[i], now)
	}
	if !slices.Contains(columns.epochs, 0) {
		err = s.pool.QueryRow(ctx, saveLinks, columns.arguments()...).Scan(&letters)
		return letters, err
	}
	batch := &pgx.Batch{} // one transaction
	batch.Queue(shareGate, columns.topics, columns.parts)
	batch.Queue(insertEpochs, columns.owners()...)
	batch.Queue(saveLinks, columns.arguments()...).QueryRow(func(row pgx.Row) error { return row.Scan(&letters) })
	return letters, s.pool.SendBatch(ctx, batch).Close()
}

func appendSaved(saved []crmsync.Saved, letters string, n int) ([]crmsync.Saved, error) {
	if len(letters) != n {
		return nil, fmt.Errorf("%d answers for %d links", len(letters), n)
	}
	for _, letter := range []byte(letters) {
		switch letter {
		case 'w':
			saved = append(saved, crmsync.Written)
		case 'm':
			saved = append(saved, crmsync.Moved)
		default:
			saved = append(saved, crmsync.Fenced)
		}
	}
	return saved, nil
}

// raise mends the epochs of the links that a later row was found for, which no undamaged database has.
func (s *Store) raise(ctx context.Context, links []crmsync.Link, letters string) error {
	columns := newKeyColumns(0)
	for i := range links {
		if letters[i] == 'l' {
			columns.add(links[i].LinkKey)
		}
	}
	if len(columns.orgs) == 0 {
		return nil
	}
	_, err := s.pool.Exec(ctx, raiseEpochs, columns.arguments()...)
	return err
}
