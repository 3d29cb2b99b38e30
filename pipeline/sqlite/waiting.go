package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"crmsync"
)

// releaseMax is how many rows one transaction releases: nobody else writes until it ends.
const releaseMax = 1000

const (
	keyFields = "org, record_type, record_id, connection"

	selectDue = "SELECT " + keyFields + ", " + linkFields + `, wait_body FROM links
WHERE owner_topic = ? AND owner_partition = ? AND org = ? AND connection = ? AND wait_until <= ? ORDER BY wait_until LIMIT ?`

	// selectNext answers when the first is due behind those that selectDue answered.
	selectNext = `SELECT wait_until FROM links
WHERE owner_topic = ? AND owner_partition = ? AND org = ? AND connection = ? AND wait_until IS NOT NULL ORDER BY wait_until LIMIT 1 OFFSET ?`
)

// Due answers per ask the links whose wait is over, as of one moment.
func (s *Store) Due(ctx context.Context, topic string, asks []crmsync.WaitAsk) ([]crmsync.Due, error) {
	if len(asks) == 0 {
		return nil, nil
	}
	answers := make([]crmsync.Due, len(asks))
	now := timeText(s.now())
	err := s.inRead(ctx, func(query []*sql.Stmt) error {
		for i, ask := range asks {
			in := []any{topic, ask.Partition, ask.Connection.Org, ask.Connection.Name}
			links, err := readLinks(ctx, query[0], true, append(in, now, ask.Limit)...)
			if err != nil {
				return err
			}
			answers[i].Links = links
			var next sql.NullString
			err = query[1].QueryRowContext(ctx, append(in, len(links))...).Scan(&next)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			if answers[i].Next, err = textTime(next); err != nil {
				return err
			}
		}
		return nil
	}, selectDue, selectNext)
	if err != nil {
		return nil, s.fault("read what is due", err)
	}
	return answers, nil
}

// readLinks reads rows of keyFields and linkFields, and of bodies behind them.
func readLinks(ctx context.Context, query *sql.Stmt, bodies bool, arguments ...any) ([]crmsync.Link, error) {
	rows, err := query.QueryContext(ctx, arguments...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what went wrong
	var links []crmsync.Link
	for rows.Next() {
		var key crmsync.LinkKey
		var row linkRow
		targets := append([]any{&key.Key.Org, &key.Key.Type, &key.Key.ID, &key.Connection}, row.fields()...)
		if bodies {
			targets = append(targets, &row.body)
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		link, err := row.link(key)
		if err != nil {
			return nil, err
		}
		links = append(links, link)
	}
	return links, rows.Err()
}

// Waiting lists links that wait, without their bodies, by one query.
func (s *Store) Waiting(ctx context.Context, f crmsync.WaitFilter, limit int) ([]crmsync.Link, error) {
	where, arguments := filter(f)
	var links []crmsync.Link
	err := s.inRead(ctx, func(query []*sql.Stmt) (err error) {
		links, err = readLinks(ctx, query[0], false, append(arguments, max(0, limit))...)
		return err
	}, "SELECT "+keyFields+", "+linkFields+" FROM links WHERE "+where+" ORDER BY "+keyFields+" LIMIT ?")
	if err != nil {
		return nil, s.fault("list what waits", err)
	}
	return links, nil
}

// Release ends the waits that the filter picks, by one transaction per 1,000 links. Where one fails,
// those before it are released, and the number says how many.
func (s *Store) Release(ctx context.Context, f crmsync.WaitFilter) (int64, error) {
	var released int64
	for {
		n, last, err := s.release(ctx, f)
		if released += n; err != nil {
			return released, s.fault("release what waits", err)
		}
		if n < releaseMax {
			return released, nil
		}
		f.After = last
	}
}

const releaseLink = "UPDATE links SET wait_until = ? WHERE org = ? AND record_type = ? AND record_id = ? AND connection = ?"

// release ends the first waits that the filter picks and answers how many and the last one's key.
func (s *Store) release(ctx context.Context, f crmsync.WaitFilter) (n int64, last crmsync.LinkKey, err error) {
	where, arguments := filter(f)
	err = s.inWrite(ctx, func(statement []*sql.Stmt) error {
		keys, err := readKeys(ctx, statement[0], append(arguments, releaseMax)...)
		if err != nil {
			return err
		}
		now := timeText(s.now())
		for _, k := range keys {
			if _, err := statement[1].ExecContext(ctx, now, k.Key.Org, k.Key.Type, k.Key.ID, k.Connection); err != nil {
				return err
			}
			last = k
		}
		n = int64(len(keys))
		return nil
	}, "SELECT "+keyFields+" FROM links WHERE "+where+" ORDER BY "+keyFields+" LIMIT ?", releaseLink)
	if err != nil {
		return 0, last, err
	}
	return n, last, nil
}

func readKeys(ctx context.Context, query *sql.Stmt, arguments ...any) ([]crmsync.LinkKey, error) {
	rows, err := query.QueryContext(ctx, arguments...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what went wrong
	var keys []crmsync.LinkKey
	for rows.Next() {
		var k crmsync.LinkKey
		if err := rows.Scan(&k.Key.Org, &k.Key.Type, &k.Key.ID, &k.Connection); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

// filter returns the condition that a filter stands for, and its arguments. Only the fields that are
// set take part, so that the plan is that of the question.
func filter(f crmsync.WaitFilter) (where string, arguments []any) {
	conditions := []string{"wait_until IS NOT NULL"}
	for _, c := range []struct{ column, value string }{
		{"org", f.Key.Org}, {"record_type", f.Key.Type}, {"record_id", f.Key.ID}, {"connection", f.Connection}, {"wait_reason", f.Reason},
	} {
		if c.value != "" {
			conditions, arguments = append(conditions, c.column+" = ?"), append(arguments, c.value)
		}
	}
	if f.After != (crmsync.LinkKey{}) {
		conditions = append(conditions, "("+keyFields+") > (?, ?, ?, ?)")
		arguments = append(arguments, f.After.Key.Org, f.After.Key.Type, f.After.Key.ID, f.After.Connection)
	}
	return strings.Join(conditions, " AND "), arguments
}
