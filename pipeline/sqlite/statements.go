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
	prepared map[prepared]*sql.Stmt
}

// prepared names a statement: one text may serve those who read and those who write.
type prepared struct {
	db   *sql.DB
	text string
}

func (s *statements) get(ctx context.Context, db *sql.DB, text string) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := prepared{db, text}
	if statement, ok := s.prepared[name]; ok {
		return statement, nil
	}
	statement, err := db.PrepareContext(ctx, text) //nolint:sqlclosecheck // kept until the store is closed
	if err != nil {
		return nil, err
	}
	if s.prepared == nil {
		s.prepared = map[prepared]*sql.Stmt{}
	}
	s.prepared[name] = statement
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

// inRead runs do with statements in one read transaction, which sees the database as of one moment.
func (s *Store) inRead(ctx context.Context, do func([]*sql.Stmt) error, texts ...string) error {
	tx, statements, err := s.begin(ctx, s.read, texts)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return do(statements)
}

// inWrite runs do with statements in one write transaction and commits it.
func (s *Store) inWrite(ctx context.Context, do func([]*sql.Stmt) error, texts ...string) error {
	tx, statements, err := s.begin(ctx, s.write, texts)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // has no effect after a commit
	if err := do(statements); err != nil {
		return err
	}
	return tx.Commit()
}

// begin opens a transaction and returns the statements in it. They are prepared before: of the
// writing connections there is only one, and the transaction holds it.
func (s *Store) begin(ctx context.Context, db *sql.DB, texts []string) (*sql.Tx, []*sql.Stmt, error) {
	statements := make([]*sql.Stmt, len(texts))
	for i, text := range texts {
		statement, err := s.statements.get(ctx, db, text) //nolint:sqlclosecheck // kept until the store is closed
		if err != nil {
			return nil, nil, err
		}
		statements[i] = statement
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	for i := range statements {
		statements[i] = tx.StmtContext(ctx, statements[i])
	}
	return tx, statements, nil
}
