package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"crmsync"
)

const (
	selectSealed = `
SELECT k.n, c.org, c.name, c.key_id, c.box, c.updated_at
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (org, name, n)
JOIN credentials AS c ON c.org = k.org AND c.name = k.name`

	selectAllSealed = `SELECT 0, org, name, key_id, box, updated_at FROM credentials ORDER BY org, name`

	upsertSealed = `
INSERT INTO credentials (org, name, key_id, box, updated_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::timestamptz[]) AS c (org, name, key_id, box, updated_at)
ORDER BY c.org COLLATE "C", c.name COLLATE "C"
ON CONFLICT (org, name) DO UPDATE SET key_id = excluded.key_id, box = excluded.box, updated_at = excluded.updated_at`

	deleteSealed = `
DELETE FROM credentials AS c USING unnest($1::text[], $2::text[]) AS k (org, name)
WHERE c.org = k.org AND c.name = k.name`
)

// Sealed answers one row per id, in the ids' order; for nil ids all rows, ordered by id.
func (s *Store) Sealed(ctx context.Context, ids []crmsync.CredentialID) ([]crmsync.SealedCredential, error) {
	if ids != nil && len(ids) == 0 {
		return nil, nil
	}
	var answers []crmsync.SealedCredential
	for _, id := range ids {
		answers = append(answers, crmsync.SealedCredential{ID: id})
	}
	query, arguments := selectSealed, idColumns(ids)
	if ids == nil {
		query, arguments = selectAllSealed, nil
	}
	rows, err := s.pool.Query(ctx, query, arguments...)
	if err != nil {
		return nil, s.fault("read credentials", err)
	}
	var n int64
	var row crmsync.SealedCredential
	var updated *time.Time
	_, err = pgx.ForEachRow(rows, []any{&n, &row.ID.Org, &row.ID.Name, &row.KeyID, &row.Box, &updated}, func() error {
		row.UpdatedAt = timeOf(updated)
		if ids == nil {
			answers = append(answers, row)
		} else {
			answers[n-1] = row
		}
		row.Box = nil // the next row gets memory of its own
		return nil
	})
	if err != nil {
		return nil, s.fault("read credentials", err)
	}
	return answers, nil
}

// PutSealed stores rows, over what was there, all or none. Of rows with the same id the last counts.
func (s *Store) PutSealed(ctx context.Context, rows []crmsync.SealedCredential) error {
	if len(rows) == 0 {
		return nil
	}
	last := make(map[crmsync.CredentialID]crmsync.SealedCredential, len(rows))
	for _, row := range rows { // a statement can't write a row twice
		last[row.ID] = row
	}
	var orgs, names, keys []string
	var boxes [][]byte
	var updated []*time.Time
	for _, row := range last {
		orgs, names, keys = append(orgs, row.ID.Org), append(names, row.ID.Name), append(keys, row.KeyID)
		boxes, updated = append(boxes, row.Box), append(updated, timeOrNull(row.UpdatedAt))
	}
	_, err := s.pool.Exec(ctx, upsertSealed, orgs, names, keys, boxes, updated)
	return s.fault("put credentials", err)
}

// DeleteSealed forgets rows, all or none.
func (s *Store) DeleteSealed(ctx context.Context, ids []crmsync.CredentialID) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := s.pool.Exec(ctx, deleteSealed, idColumns(ids)...)
	return s.fault("delete credentials", err)
}

func idColumns(ids []crmsync.CredentialID) []any {
	var orgs, names []string
	for _, id := range ids {
		orgs, names = append(orgs, id.Org), append(names, id.Name)
	}
	return []any{orgs, names}
}
