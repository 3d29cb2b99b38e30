package sqlite

import (
	"context"
	"database/sql"
	"sync"
)

// statements keeps prepared statements by their text. They can be prepared only once the tables
// are there, so each is prepared when it is first used.
type statements struct {
	mu       sync.Mutex // guards prepared
	prepared map[string]*sql.Stmt
}

func (s *statements) get(ctx context.Context, db *sql.DB, text string) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if statement, ok := s.prepared[text]; ok {
		return statement, nil
	}
	statement, err := db.PrepareContext(ctx, text) //nolint:sqlclosecheck // kept until the store is closed
	if err != nil {
		return nil, err
	}
	if s.prepared == nil {
		s.prepared = map[string]*sql.Stmt{}
	}
	s.prepared[text] = statement
	return statement, nil
}

func (s *statements) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, statement := range s.prepared {
		_ = statement.Close() // its connection is closed next
	}
	clear(s.prepared)
}

// inRead runs do with a statement in one read transaction, which sees the database as of one moment.
func (s *Store) inRead(ctx context.Context, text string, do func(*sql.Stmt) error) error {
	statement, err := s.statements.get(ctx, s.read, text)
	if err != nil {
		return err
	}
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return do(tx.StmtContext(ctx, statement))
}

// inWrite runs do with statements in one write transaction and commits it. The statements are
// prepared before: there is only one connection, and the transaction holds it.
func (s *Store) inWrite(ctx context.Context, do func([]*sql.Stmt) error, texts ...string) error {
	prepared := make([]*sql.Stmt, len(texts))
	for i, text := range texts {
		statement, err := s.statements.get(ctx, s.write, text) //nolint:sqlclosecheck // kept until the store is closed
		if err != nil {
			return err
		}
		prepared[i] = statement
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // has no effect after a commit
	for i := range prepared {
		prepared[i] = tx.StmtContext(ctx, prepared[i])
	}
	if err := do(prepared); err != nil {
		return err
	}
	return tx.Commit()
}
