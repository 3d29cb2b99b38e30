package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"crmsync"
)

const (
	selectEpoch = "SELECT epoch FROM epochs WHERE topic = ? AND partition = ?"

	raiseEpoch = `INSERT INTO epochs (topic, partition, epoch) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET epoch = max(epoch, excluded.epoch)`

	insertLink = `INSERT INTO links (object, external_id, applied_version, dead_version, hash, event_hash, deleted, seek, revision, updated_at,
owner_topic, owner_partition, owner_epoch, unsure_until, wait_until, wait_version, wait_reason, wait_since, wait_attempts, wait_body,
org, record_type, record_id, connection)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)
ON CONFLICT DO NOTHING`

	updateLink = `UPDATE links SET object = ?1, external_id = ?2, applied_version = ?3, dead_version = ?4, hash = ?5, event_hash = ?6,
deleted = ?7, seek = ?8, revision = ?9, updated_at = ?10, owner_topic = ?11, owner_partition = ?12, owner_epoch = ?13, unsure_until = ?14,
wait_until = ?15, wait_version = ?16, wait_reason = ?17, wait_since = ?18, wait_attempts = ?19, wait_body = ?20
WHERE org = ?21 AND record_type = ?22 AND record_id = ?23 AND connection = ?24 AND revision = ?9 - 1
AND NOT (owner_topic = ?11 AND owner_partition = ?12 AND owner_epoch > ?13)`

	selectOwner = `SELECT revision, owner_topic, owner_partition, owner_epoch
FROM links WHERE org = ? AND record_type = ? AND record_id = ? AND connection = ?`
)

// Save writes each link whose stored revision is one below its own and whose owner's epoch is the
// newest, all in one transaction. That holds the write lock from its start, so no claim and nobody
// else's row comes between.
//
// A row whose own epoch is later than its partition's shows that the table of epochs was lost or is
// older than the rows. It is not overwritten: the link is Fenced, and the partition's epoch raised to
// the row's, so that the next claim is later than both.
func (s *Store) Save(ctx context.Context, links []crmsync.Link) ([]crmsync.Saved, error) {
	if len(links) == 0 {
		return nil, nil
	}
	saved := make([]crmsync.Saved, len(links))
	err := s.inWrite(ctx, func(statement []*sql.Stmt) (err error) {
		w := writer{
			epoch: statement[0], raise: statement[1], insert: statement[2], update: statement[3], owner: statement[4],
			epochs: map[lane]int64{},
		}
		for i := range links {
			if saved[i], err = w.save(ctx, &links[i]); err != nil {
				return err
			}
		}
		return nil
	}, selectEpoch, raiseEpoch, insertLink, updateLink, selectOwner)
	if err != nil {
		return nil, s.fault("save links", err)
	}
	return saved, nil
}

// lane is a partition of a topic.
type lane struct {
	topic     string
	partition int32
}

// writer saves the links of one transaction.
type writer struct {
	epoch, raise, insert, update, owner *sql.Stmt
	epochs                              map[lane]int64 // of the partitions seen so far
}

func (w *writer) save(ctx context.Context, l *crmsync.Link) (crmsync.Saved, error) {
	newest, err := w.newest(ctx, lane{l.Owner.Topic, l.Owner.Partition})
	if err != nil || newest != l.Owner.Epoch {
		return crmsync.Fenced, err
	}
	statement := w.insert
	if l.Revision != 1 {
		statement = w.update
	}
	result, err := statement.ExecContext(ctx, linkArguments(l)...)
	if err != nil {
		return crmsync.Moved, err
	}
	if rows, err := result.RowsAffected(); err != nil || rows == 1 {
		return crmsync.Written, err
	}
	return w.judge(ctx, l)
}

// newest returns the newest epoch of a partition; 0: it was never claimed.
func (w *writer) newest(ctx context.Context, at lane) (int64, error) {
	epoch, known := w.epochs[at]
	if known {
		return epoch, nil
	}
	if err := w.epoch.QueryRowContext(ctx, at.topic, at.partition).Scan(&epoch); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	w.epochs[at] = epoch
	return epoch, nil
}

// judge tells why a link was not written.
func (w *writer) judge(ctx context.Context, l *crmsync.Link) (crmsync.Saved, error) {
	var revision int64
	var owner crmsync.Owner
	err := w.owner.QueryRowContext(ctx, l.Key.Org, l.Key.Type, l.Key.ID, l.Connection).Scan(&revision, &owner.Topic, &owner.Partition, &owner.Epoch)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return crmsync.Moved, nil
	case err != nil:
		return crmsync.Moved, err
	case owner == l.Owner && revision == l.Revision:
		return crmsync.Written, nil
	case owner.Topic != l.Owner.Topic || owner.Partition != l.Owner.Partition || owner.Epoch <= l.Owner.Epoch:
		return crmsync.Moved, nil
	}
	w.epochs[lane{owner.Topic, owner.Partition}] = owner.Epoch
	_, err = w.raise.ExecContext(ctx, owner.Topic, owner.Partition, owner.Epoch)
	return crmsync.Fenced, err
}

// linkArguments are the arguments of insertLink and updateLink.
func linkArguments(l *crmsync.Link) []any {
	arguments := []any{
		l.Object, l.ExternalID, l.Applied, l.Dead, int64(l.Hash), int64(l.EventHash), l.Deleted, l.Seek, l.Revision, timeText(l.UpdatedAt),
		l.Owner.Topic, l.Owner.Partition, l.Owner.Epoch, momentOrNull(l.Unsure), nil, nil, nil, nil, nil, nil,
		l.Key.Org, l.Key.Type, l.Key.ID, l.Connection,
	}
	if w := l.Wait; w != nil {
		var body any // a nil slice would be stored as an empty one
		if w.Body != nil {
			body = w.Body
		}
		copy(arguments[14:], []any{momentText(w.Until), w.Version, w.Reason, timeText(w.Since), w.Attempts, body})
	}
	return arguments
}
