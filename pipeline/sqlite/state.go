package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"crmsync"
)

const (
	selectLink = `SELECT object, external_id, applied_version, dead_version, hash, deleted, revision, updated_at
FROM links WHERE org = ? AND record_type = ? AND record_id = ? AND connection = ?`

	insertLink = `INSERT INTO links (object, external_id, applied_version, dead_version, hash, deleted, revision, updated_at, org, record_type, record_id, connection)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`

	updateLink = `UPDATE links SET object = ?, external_id = ?, applied_version = ?, dead_version = ?, hash = ?, deleted = ?, revision = ?, updated_at = ?
WHERE org = ? AND record_type = ? AND record_id = ? AND connection = ? AND revision = ?`
)

// Links answers one link per key, in the keys' order, as of one moment.
func (s *Store) Links(ctx context.Context, keys []crmsync.LinkKey) ([]crmsync.Link, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	links := make([]crmsync.Link, len(keys))
	err := s.inRead(ctx, selectLink, func(query *sql.Stmt) (err error) {
		for i, key := range keys {
			if links[i], err = readLink(ctx, query, key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, s.fault("read links", err)
	}
	return links, nil
}

func readLink(ctx context.Context, query *sql.Stmt, key crmsync.LinkKey) (crmsync.Link, error) {
	link := crmsync.Link{LinkKey: key}
	var hash int64
	var updated sql.NullString
	err := query.QueryRowContext(ctx, key.Key.Org, key.Key.Type, key.Key.ID, key.Connection).Scan(
		&link.Object, &link.ExternalID, &link.Applied, &link.Dead, &hash, &link.Deleted, &link.Revision, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		return link, nil
	}
	if err != nil {
		return link, err
	}
	link.Hash = uint64(hash)
	link.UpdatedAt, err = textTime(updated)
	return link, err
}

// Save writes each link whose stored revision is one below its own, all in one transaction.
func (s *Store) Save(ctx context.Context, links []crmsync.Link) ([]crmsync.Saved, error) {
	if len(links) == 0 {
		return nil, nil
	}
	saved := make([]crmsync.Saved, len(links))
	err := s.inWrite(ctx, func(statement []*sql.Stmt) (err error) {
		for i := range links {
			if saved[i], err = saveLink(ctx, statement[0], statement[1], &links[i]); err != nil {
				return err
			}
		}
		return nil
	}, insertLink, updateLink)
	if err != nil {
		return nil, s.fault("save links", err)
	}
	return saved, nil
}

// saveLink makes the row or moves it on. The transaction holds the write lock from its start, so
// nobody else writes between the rows.
func saveLink(ctx context.Context, insert, update *sql.Stmt, l *crmsync.Link) (crmsync.Saved, error) {
	arguments := []any{
		l.Object, l.ExternalID, l.Applied, l.Dead, int64(l.Hash), l.Deleted, l.Revision, timeText(l.UpdatedAt),
		l.Key.Org, l.Key.Type, l.Key.ID, l.Connection,
	}
	statement := insert
	if l.Revision != 1 {
		statement = update
		arguments = append(arguments, l.Revision-1)
	}
	result, err := statement.ExecContext(ctx, arguments...)
	if err != nil {
		return crmsync.Moved, err
	}
	rows, err := result.RowsAffected()
	if rows != 1 {
		return crmsync.Moved, err
	}
	return crmsync.Written, err
}

// Count returns how many links each org has.
func (s *Store) Count(ctx context.Context) (map[string]int64, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT org, count(*) FROM links GROUP BY org")
	if err != nil {
		return nil, s.fault("count links", err)
	}
	defer func() { _ = rows.Close() }() // Err below tells what went wrong
	orgs := map[string]int64{}
	for rows.Next() {
		var org string
		var n int64
		if err := rows.Scan(&org, &n); err != nil {
			return nil, s.fault("count links", err)
		}
		orgs[org] = n
	}
	return orgs, s.fault("count links", rows.Err())
}
