package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"crmsync"
)

// releaseMax is how many rows one statement releases: it holds their locks until it ends.
const releaseMax = 1000

const (
	keyFields = "l.org, l.record_type, l.record_id, l.connection"

	// selectDue answers per ask the links that are due, and behind them one more, which tells when to
	// ask again: the first that is due beyond the limit, or else the first that is not due yet. That
	// one leaves its body at home.
	selectDue = `
SELECT a.n, l.counts, ` + keyFields + `, ` + linkFields + `, CASE WHEN l.counts THEN l.wait_body END
FROM unnest($2::integer[], $3::text[], $4::text[], $5::bigint[]) WITH ORDINALITY AS a (partition, org, connection, most, n)
CROSS JOIN LATERAL (
  SELECT d.*, row_number() OVER (ORDER BY d.wait_until) <= a.most AS counts FROM (
    SELECT * FROM links
    WHERE owner_topic = $1::text AND owner_partition = a.partition AND org = a.org AND connection = a.connection
      AND wait_until <= statement_timestamp()
    ORDER BY wait_until LIMIT a.most + 1
  ) AS d
  UNION ALL (
    SELECT links.*, false FROM links
    WHERE owner_topic = $1::text AND owner_partition = a.partition AND org = a.org AND connection = a.connection
      AND wait_until > statement_timestamp()
    ORDER BY wait_until LIMIT 1
  )
) AS l`
)

// Due answers per ask the links whose wait is over, by one query.
func (s *Store) Due(ctx context.Context, topic string, asks []crmsync.WaitAsk) ([]crmsync.Due, error) {
	if len(asks) == 0 {
		return nil, nil
	}
	partitions, limits := make([]int32, len(asks)), make([]int64, len(asks))
	orgs, connections := make([]string, len(asks)), make([]string, len(asks))
	for i, ask := range asks {
		partitions[i], orgs[i], connections[i], limits[i] = ask.Partition, ask.Connection.Org, ask.Connection.Name, int64(ask.Limit)
	}
	rows, err := s.pool.Query(ctx, selectDue, topic, partitions, orgs, connections, limits)
	if err != nil {
		return nil, s.fault("read what is due", err)
	}
	answers := make([]crmsync.Due, len(asks))
	if err := s.readDue(rows, answers); err != nil {
		return nil, s.fault("read what is due", err)
	}
	return answers, nil
}

func (s *Store) readDue(rows pgx.Rows, answers []crmsync.Due) error {
	var n int64
	var counts bool
	var key crmsync.LinkKey
	var row linkRow
	targets := append([]any{&n, &counts, &key.Key.Org, &key.Key.Type, &key.Key.ID, &key.Connection}, row.fields()...)
	_, err := pgx.ForEachRow(rows, append(targets, &row.body), func() error {
		answer, link := &answers[n-1], row.link(key, s.now)
		switch until := link.Wait.Until; {
		case counts:
			answer.Links = append(answer.Links, link)
		case answer.Next.IsZero() || until.Before(answer.Next):
			answer.Next = until
		}
		return nil
	})
	for i := range answers { // the query sorts each ask's, but promises no order of the whole
		slices.SortStableFunc(answers[i].Links, func(a, b crmsync.Link) int { return a.Wait.Until.Compare(b.Wait.Until) })
	}
	return err
}

// Waiting lists links that wait, without their bodies, by one query.
func (s *Store) Waiting(ctx context.Context, f crmsync.WaitFilter, limit int) ([]crmsync.Link, error) {
	where, arguments := filter(f)
	query := fmt.Sprintf("SELECT %s, %s FROM links AS l WHERE %s ORDER BY %s LIMIT $%d",
		keyFields, linkFields, where, keyFields, len(arguments)+1)
	rows, err := s.pool.Query(ctx, query, append(arguments, max(0, limit))...)
	if err != nil {
		return nil, s.fault("list what waits", err)
	}
	var links []crmsync.Link
	var key crmsync.LinkKey
	var row linkRow
	targets := append([]any{&key.Key.Org, &key.Key.Type, &key.Key.ID, &key.Connection}, row.fields()...)
	if _, err := pgx.ForEachRow(rows, targets, func() error { links = append(links, row.link(key, s.now)); return nil }); err != nil {
		return nil, s.fault("list what waits", err)
	}
	return links, nil
}

// Release ends the waits that the filter picks, by one statement per 1,000 links. Where one fails,
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

// release ends the first waits that the filter picks and answers how many and the last one's key. The
// rows are locked in the order in which Save takes them, so that neither waits for the other in a circle.
func (s *Store) release(ctx context.Context, f crmsync.WaitFilter) (n int64, last crmsync.LinkKey, err error) {
	where, arguments := filter(f)
	query := fmt.Sprintf(`
WITH picked AS MATERIALIZED (
  SELECT %s FROM links AS l WHERE %s ORDER BY %s LIMIT $%d FOR UPDATE
), released AS (
  UPDATE links AS l SET wait_until = statement_timestamp() FROM picked AS p
  WHERE l.org = p.org AND l.record_type = p.record_type AND l.record_id = p.record_id AND l.connection = p.connection
    AND l.wait_until IS NOT NULL
)
SELECT (SELECT count(*) FROM picked), org, record_type, record_id, connection FROM picked
ORDER BY 2 DESC, 3 DESC, 4 DESC, 5 DESC LIMIT 1`, keyFields, where, keyFields, len(arguments)+1)
	row := s.pool.QueryRow(ctx, query, append(arguments, releaseMax)...)
	err = row.Scan(&n, &last.Key.Org, &last.Key.Type, &last.Key.ID, &last.Connection)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return n, last, err
}

// filter returns the condition on links AS l that a filter stands for, and its arguments. Only the
// fields that are set take part, so that the plan is that of the question.
func filter(f crmsync.WaitFilter) (where string, arguments []any) {
	conditions := []string{"l.wait_until IS NOT NULL"}
	for _, c := range []struct{ column, value string }{
		{"l.org", f.Key.Org}, {"l.record_type", f.Key.Type}, {"l.record_id", f.Key.ID}, {"l.connection", f.Connection}, {"l.wait_reason", f.Reason},
	} {
		if c.value != "" {
			arguments = append(arguments, c.value)
			conditions = append(conditions, fmt.Sprintf("%s = $%d", c.column, len(arguments)))
		}
	}
	if f.After != (crmsync.LinkKey{}) {
		n := len(arguments)
		arguments = append(arguments, f.After.Key.Org, f.After.Key.Type, f.After.Key.ID, f.After.Connection)
		conditions = append(conditions, fmt.Sprintf("(%s) > ($%d, $%d, $%d, $%d)", keyFields, n+1, n+2, n+3, n+4))
	}
	return strings.Join(conditions, " AND "), arguments
}
