package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"crmsync"
)

// linkFields are the columns of a link behind its key, as row reads them.
const linkFields = `object, external_id, applied_version, dead_version, hash, event_hash, deleted, seek, revision, updated_at,
owner_topic, owner_partition, owner_epoch, unsure_until, wait_until, wait_version, wait_reason, wait_since, wait_attempts`

const selectLink = "SELECT " + linkFields + `, wait_body
FROM links WHERE org = ? AND record_type = ? AND record_id = ? AND connection = ?`

// Links answers one link per key, in the keys' order, as of one moment.
func (s *Store) Links(ctx context.Context, keys []crmsync.LinkKey) ([]crmsync.Link, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	links := make([]crmsync.Link, len(keys))
	err := s.inRead(ctx, func(query []*sql.Stmt) (err error) {
		for i, key := range keys {
			if links[i], err = readLink(ctx, query[0], key); err != nil {
				return err
			}
		}
		return nil
	}, selectLink)
	if err != nil {
		return nil, s.fault("read links", err)
	}
	return links, nil
}

func readLink(ctx context.Context, query *sql.Stmt, key crmsync.LinkKey) (crmsync.Link, error) {
	var row linkRow
	err := query.QueryRowContext(ctx, key.Key.Org, key.Key.Type, key.Key.ID, key.Connection).Scan(append(row.fields(), &row.body)...)
	if errors.Is(err, sql.ErrNoRows) {
		return crmsync.Link{LinkKey: key}, nil
	}
	if err != nil {
		return crmsync.Link{}, err
	}
	return row.link(key)
}

// linkRow is what a row's columns are read into.
type linkRow struct {
	plain                         crmsync.Link
	hash, eventHash               int64
	updated, unsure, until, since sql.NullString
	version, attempts             sql.NullInt64
	reason                        sql.NullString
	body                          []byte
}

// fields are the places of linkFields.
func (r *linkRow) fields() []any {
	l := &r.plain
	return []any{
		&l.Object, &l.ExternalID, &l.Applied, &l.Dead, &r.hash, &r.eventHash, &l.Deleted, &l.Seek, &l.Revision, &r.updated,
		&l.Owner.Topic, &l.Owner.Partition, &l.Owner.Epoch, &r.unsure, &r.until, &r.version, &r.reason, &r.since, &r.attempts,
	}
}

// link returns the row as a link of that key.
func (r *linkRow) link(key crmsync.LinkKey) (crmsync.Link, error) {
	link := r.plain
	link.LinkKey, link.Hash, link.EventHash = key, uint64(r.hash), uint64(r.eventHash)
	var err error
	if link.UpdatedAt, err = textTime(r.updated); err != nil {
		return link, err
	}
	if link.Unsure, err = textTime(r.unsure); err != nil || !r.until.Valid {
		return link, err
	}
	link.Wait = &crmsync.Wait{Version: r.version.Int64, Reason: r.reason.String, Attempts: int(r.attempts.Int64), Body: r.body}
	r.body = nil // the next row gets memory of its own
	if link.Wait.Until, err = textTime(r.until); err == nil {
		link.Wait.Since, err = textTime(r.since)
	}
	return link, err
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
