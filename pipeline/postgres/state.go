package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"crmsync"
)

// selectLinks looks every key up by itself: OFFSET 0 keeps the planner from joining the whole
// table where its statistics mislead it.
const selectLinks = `
SELECT k.n, l.object, l.external_id, l.applied_version, l.dead_version, l.hash, l.deleted, l.revision, l.updated_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS k (org, record_type, record_id, connection, n)
CROSS JOIN LATERAL (
  SELECT * FROM links
  WHERE org = k.org AND record_type = k.record_type AND record_id = k.record_id AND connection = k.connection
  OFFSET 0
) AS l`

// saveLinks is one statement for a slice. The subquery leaves out what was lost before the
// statement began; an INSERT alone would make a row of a revision that follows on none. The last
// WHERE decides between writers that got past it at the same time. Rows are taken in one order by
// all writers, so that they can't wait for each other in a circle.
const saveLinks = `
INSERT INTO links (org, record_type, record_id, connection,
  object, external_id, applied_version, dead_version, hash, deleted, revision, updated_at)
SELECT s.*
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[],
  $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::boolean[], $11::bigint[], $12::timestamptz[])
  AS s (org, record_type, record_id, connection,
  object, external_id, applied_version, dead_version, hash, deleted, revision, updated_at)
WHERE s.revision - 1 = COALESCE((
  SELECT l.revision FROM links AS l
  WHERE l.org = s.org AND l.record_type = s.record_type AND l.record_id = s.record_id AND l.connection = s.connection), 0)
ORDER BY s.org COLLATE "C", s.record_type COLLATE "C", s.record_id COLLATE "C", s.connection COLLATE "C"
ON CONFLICT (org, record_type, record_id, connection) DO UPDATE SET
  object = excluded.object, external_id = excluded.external_id, applied_version = excluded.applied_version,
  dead_version = excluded.dead_version, hash = excluded.hash, deleted = excluded.deleted,
  revision = excluded.revision, updated_at = excluded.updated_at
WHERE links.revision = excluded.revision - 1
RETURNING org, record_type, record_id, connection`

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
	var n, hash int64
	var row crmsync.Link
	var updated *time.Time
	_, err = pgx.ForEachRow(rows, []any{&n, &row.Object, &row.ExternalID, &row.Applied, &row.Dead, &hash, &row.Deleted, &row.Revision, &updated}, func() error {
		row.LinkKey, row.Hash, row.UpdatedAt = keys[n-1], uint64(hash), timeOf(updated)
		links[n-1] = row
		return nil
	})
	if err != nil {
		return nil, s.fault("read links", err)
	}
	return links, nil
}

// Save writes each link whose stored revision is one below its own, by one statement.
func (s *Store) Save(ctx context.Context, links []crmsync.Link) ([]crmsync.Saved, error) {
	if len(links) == 0 {
		return nil, nil
	}
	columns := newLinkColumns(len(links))
	places := make(map[crmsync.LinkKey]int, len(links))
	for i := range links {
		places[links[i].LinkKey] = i
		columns.add(&links[i])
	}
	rows, err := s.pool.Query(ctx, saveLinks, columns.arguments()...)
	if err != nil {
		return nil, s.fault("save links", err)
	}
	saved := make([]crmsync.Saved, len(links))
	for i := range saved {
		saved[i] = crmsync.Moved
	}
	var key crmsync.LinkKey
	_, err = pgx.ForEachRow(rows, []any{&key.Key.Org, &key.Key.Type, &key.Key.ID, &key.Connection}, func() error {
		saved[places[key]] = crmsync.Written
		return nil
	})
	if err != nil {
		return nil, s.fault("save links", err)
	}
	return saved, nil
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

// linkColumns are links as columns, for unnest.
type linkColumns struct {
	keyColumns
	objects, externals               []string
	applied, dead, hashes, revisions []int64
	deleted                          []bool
	updated                          []*time.Time
}

func newLinkColumns(n int) linkColumns {
	text, numbers := make([]string, 2*n), make([]int64, 4*n)
	return linkColumns{
		keyColumns: newKeyColumns(n),
		objects:    text[:0:n], externals: text[n : n : 2*n],
		applied: numbers[:0:n], dead: numbers[n : n : 2*n], hashes: numbers[2*n : 2*n : 3*n], revisions: numbers[3*n : 3*n : 4*n],
		deleted: make([]bool, 0, n), updated: make([]*time.Time, 0, n),
	}
}

func (c *linkColumns) add(l *crmsync.Link) {
	c.keyColumns.add(l.LinkKey)
	c.objects = append(c.objects, l.Object)
	c.externals = append(c.externals, l.ExternalID)
	c.applied = append(c.applied, l.Applied)
	c.dead = append(c.dead, l.Dead)
	c.hashes = append(c.hashes, int64(l.Hash))
	c.revisions = append(c.revisions, l.Revision)
	c.deleted = append(c.deleted, l.Deleted)
	c.updated = append(c.updated, timeOrNull(l.UpdatedAt))
}

func (c *linkColumns) arguments() []any {
	return append(c.keyColumns.arguments(), c.objects, c.externals, c.applied, c.dead, c.hashes, c.deleted, c.revisions, c.updated)
}

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
