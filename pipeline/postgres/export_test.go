package postgres

import "context"

// MigrateTo brings the database to an older program's shape.
func (s *Store) MigrateTo(ctx context.Context, version int64) error { return s.migrateTo(ctx, version) }

// NameOf returns how a store on that URL would name itself.
func NameOf(url string) (string, error) {
	config, err := parse(url)
	if err != nil {
		return "", err
	}
	return nameOf(config.ConnConfig), nil
}
