package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"crmsync"
)

const (
	selectSealed    = "SELECT key_id, box, updated_at FROM credentials WHERE org = ? AND name = ?"
	selectAllSealed = "SELECT org, name, key_id, box, updated_at FROM credentials ORDER BY org, name"
	deleteSealed    = "DELETE FROM credentials WHERE org = ? AND name = ?"
	upsertSealed    = `INSERT INTO credentials (org, name, key_id, box, updated_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET key_id = excluded.key_id, box = excluded.box, updated_at = excluded.updated_at`
)

// Sealed answers one row per id, in the ids' order; for nil ids all rows, ordered by id.
func (s *Store) Sealed(ctx context.Context, ids []crmsync.CredentialID) ([]crmsync.SealedCredential, error) {
	if ids == nil {
		return s.allSealed(ctx)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	rows := make([]crmsync.SealedCredential, len(ids))
	err := s.inRead(ctx, func(query []*sql.Stmt) error {
		for i, id := range ids {
			row := &rows[i]
			row.ID = id
			err := scanSealed(query[0].QueryRowContext(ctx, id.Org, id.Name), row, &row.KeyID, &row.Box)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		return nil
	}, selectSealed)
	if err != nil {
		return nil, s.fault("read credentials", err)
	}
	return rows, nil
}

func (s *Store) allSealed(ctx context.Context) ([]crmsync.SealedCredential, error) {
	found, err := s.read.QueryContext(ctx, selectAllSealed)
	if err != nil {
		return nil, s.fault("read credentials", err)
	}
	defer func() { _ = found.Close() }() // Err below tells what went wrong
	var rows []crmsync.SealedCredential
	for found.Next() {
		var row crmsync.SealedCredential
		if err := scanSealed(found, &row, &row.ID.Org, &row.ID.Name, &row.KeyID, &row.Box); err != nil {
			return nil, s.fault("read credentials", err)
		}
		rows = append(rows, row)
	}
	return rows, s.fault("read credentials", found.Err())
}

// scanSealed reads the columns, and updated_at after them, into row.
func scanSealed(from interface{ Scan(...any) error }, row *crmsync.SealedCredential, columns ...any) error {
	var updated sql.NullString
	if err := from.Scan(append(columns, &updated)...); err != nil {
		return err
	}
	var err error
	row.UpdatedAt, err = textTime(updated)
	return err
}

// PutSealed stores rows, over what was there, all in one transaction.
func (s *Store) PutSealed(ctx context.Context, rows []crmsync.SealedCredential) error {
	if len(rows) == 0 {
		return nil
	}
	return s.fault("put credentials", s.inWrite(ctx, func(statement []*sql.Stmt) error {
		for _, row := range rows {
			if _, err := statement[0].ExecContext(ctx, row.ID.Org, row.ID.Name, row.KeyID, row.Box, timeText(row.UpdatedAt)); err != nil {
				return err
			}
		}
		return nil
	}, upsertSealed))
}

// DeleteSealed forgets rows, all in one transaction.
func (s *Store) DeleteSealed(ctx context.Context, ids []crmsync.CredentialID) error {
	if len(ids) == 0 {
		return nil
	}
	return s.fault("delete credentials", s.inWrite(ctx, func(statement []*sql.Stmt) error {
		for _, id := range ids {
			if _, err := statement[0].ExecContext(ctx, id.Org, id.Name); err != nil {
				return err
			}
		}
		return nil
	}, deleteSealed))
}
