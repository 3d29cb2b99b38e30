package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"crmsync"
)

// linkFields are the columns of a link behind its key, as row reads them. Moments leave the server
// as what is left until them.
const linkFields = `l.object, l.external_id, l.applied_version, l.dead_version, l.hash, l.event_hash, l.deleted, l.seek,
  l.revision, l.updated_at, l.owner_topic, l.owner_partition, l.owner_epoch,
  l.unsure_until - clock_timestamp(), l.wait_until - clock_timestamp(),
  l.wait_version, l.wait_reason, l.wait_since, l.wait_attempts`

// selectLinks looks every key up by itself: OFFSET 0 keeps the planner from joining the whole
// table where its statistics mislead it.
const selectLinks = `
SELECT k.n, ` + linkFields + `, l.wait_body
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS k (org, record_type, record_id, connection, n)
CROSS JOIN LATERAL (
  SELECT * FROM links
  WHERE org = k.org AND record_type = k.record_type AND record_id = k.record_id AND connection = k.connection
  OFFSET 0
) AS l`

// Links answers one link per key, in the keys' order, by one query.
func (s *Store) Links(ctx context.Context, keys []crmsync.LinkKey) ([]crmsync.Link, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	links := make([]crmsync.Link, len(keys))
	columns := newKeyColumns(len(keys))
	for i, key := range keys {
		links[i].LinkKey = key
		columns.add(key)
	}
	rows, err := s.pool.Query(ctx, selectLinks, columns.arguments()...)
	if err != nil {
		return nil, s.fault("read links", err)
	}
	var n int64
	var row linkRow
	_, err = pgx.ForEachRow(rows, append(append([]any{&n}, row.fields()...), &row.body), func() error {
		links[n-1] = row.link(keys[n-1], s.now)
		return nil
	})
	if err != nil {
		return nil, s.fault("read links", err)
	}
	return links, nil
}

// linkRow is what a row's columns are read into.
type linkRow struct {
	plain           crmsync.Link
	hash, eventHash int64
	updated         *time.Time
	unsure, until   *time.Duration // from now
	version         *int64
	reason          *string
	since           *time.Time
	attempts        *int
	body            []byte
}

// fields are the places of linkFields.
func (r *linkRow) fields() []any {
	l := &r.plain
	return []any{
		&l.Object, &l.ExternalID, &l.Applied, &l.Dead, &r.hash, &r.eventHash, &l.Deleted, &l.Seek,
		&l.Revision, &r.updated, &l.Owner.Topic, &l.Owner.Partition, &l.Owner.Epoch,
		&r.unsure, &r.until,
		&r.version, &r.reason, &r.since, &r.attempts,
	}
}

// link returns the row as a link of that key. The clock is asked after the server was, so that
// moments are late rather than early.
func (r *linkRow) link(key crmsync.LinkKey, now func() time.Time) crmsync.Link {
	link := r.plain
	link.LinkKey, link.Hash, link.EventHash, link.UpdatedAt = key, uint64(r.hash), uint64(r.eventHash), timeOf(r.updated)
	if r.unsure != nil {
		link.Unsure = now().Add(*r.unsure)
	}
	if r.until != nil {
		link.Wait = &crmsync.Wait{
			Version: valueOf(r.version), Reason: valueOf(r.reason), Since: timeOf(r.since),
			Until: now().Add(*r.until), Attempts: valueOf(r.attempts), Body: r.body,
		}
	}
	r.body = nil // the next row gets memory of its own
	return link
}

// Count returns how many links each org has.
func (s *Store) Count(ctx context.Context) (map[string]int64, error) {
	rows, err := s.pool.Query(ctx, "SELECT org, count(*) FROM links GROUP BY org")
	if err != nil {
		return nil, s.fault("count links", err)
	}
	orgs := map[string]int64{}
	var org string
	var n int64
	if _, err := pgx.ForEachRow(rows, []any{&org, &n}, func() error { orgs[org] = n; return nil }); err != nil {
		return nil, s.fault("count links", err)
	}
	return orgs, nil
}

// keyColumns are keys as columns, for unnest.
type keyColumns struct{ orgs, types, ids, connections []string }

func newKeyColumns(n int) keyColumns {
	text := make([]string, 4*n)
	return keyColumns{text[:0:n], text[n : n : 2*n], text[2*n : 2*n : 3*n], text[3*n : 3*n : 4*n]}
}

func (c *keyColumns) add(key crmsync.LinkKey) {
	c.orgs = append(c.orgs, key.Key.Org)
	c.types = append(c.types, key.Key.Type)
	c.ids = append(c.ids, key.Key.ID)
	c.connections = append(c.connections, key.Connection)
}

func (c *keyColumns) arguments() []any { return []any{c.orgs, c.types, c.ids, c.connections} }

// timeOrNull returns a time as it is stored; the zero time is NULL.
func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func valueOf[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
