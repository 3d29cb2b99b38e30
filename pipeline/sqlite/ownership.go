package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"crmsync"
)

const (
	claimEpoch = `INSERT INTO epochs (topic, partition, epoch) VALUES (?, ?, 1)
ON CONFLICT DO UPDATE SET epoch = epoch + 1 RETURNING epoch`

	selectWards = `SELECT org, connection, count(*), min(wait_until) FROM links
WHERE owner_topic = ? AND owner_partition = ? AND wait_until IS NOT NULL GROUP BY org, connection ORDER BY org, connection`
)

// Claim raises the epoch of each partition, all in one transaction. Wards are ordered by connection.
func (s *Store) Claim(ctx context.Context, topic string, partitions []int32) ([]crmsync.Claim, error) {
	if len(partitions) == 0 {
		return nil, nil
	}
	claims := make([]crmsync.Claim, len(partitions))
	err := s.inWrite(ctx, func(statement []*sql.Stmt) error {
		for i, p := range partitions {
			err := statement[0].QueryRowContext(ctx, topic, p).Scan(&claims[i].Epoch)
			if err == nil {
				claims[i].Waiting, err = readWards(ctx, statement[1], topic, p)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}, claimEpoch, selectWards)
	if err != nil {
		return nil, s.fault("claim partitions", err)
	}
	return claims, nil
}

func readWards(ctx context.Context, query *sql.Stmt, topic string, partition int32) ([]crmsync.Ward, error) {
	rows, err := query.QueryContext(ctx, topic, partition)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what went wrong
	var wards []crmsync.Ward
	for rows.Next() {
		var ward crmsync.Ward
		var next sql.NullString
		if err := rows.Scan(&ward.Connection.Org, &ward.Connection.Name, &ward.Entries, &next); err != nil {
			return nil, err
		}
		if ward.Next, err = textTime(next); err != nil {
			return nil, err
		}
		wards = append(wards, ward)
	}
	return slices.Clip(wards), rows.Err()
}

// Epochs answers the newest epoch of each partition, as of one moment.
func (s *Store) Epochs(ctx context.Context, topic string, partitions []int32) ([]int64, error) {
	if len(partitions) == 0 {
		return nil, nil
	}
	epochs := make([]int64, len(partitions))
	err := s.inRead(ctx, func(query []*sql.Stmt) error {
		for i, p := range partitions {
			err := query[0].QueryRowContext(ctx, topic, p).Scan(&epochs[i])
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		return nil
	}, selectEpoch)
	if err != nil {
		return nil, s.fault("read epochs", err)
	}
	return epochs, nil
}
