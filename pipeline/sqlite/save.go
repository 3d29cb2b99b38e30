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

	plainColumns = `object, external_id, applied_version, dead_version, hash, event_hash, deleted, seek, revision, updated_at,
owner_topic, owner_partition, owner_epoch, unsure_until`
	waitColumns = "wait_until, wait_version, wait_reason, wait_since, wait_attempts, wait_body"

	// Most links don't wait. They have statements with fewer arguments, which are what takes the time.
	insertLink    = "INSERT INTO links (" + plainColumns + ", " + keyFields + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
	insertWaiting = "INSERT INTO links (" + plainColumns + ", " + keyFields + ", " + waitColumns + `)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`

	updateLink = "UPDATE links SET (" + plainColumns + ", " + waitColumns + `) =
(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL, NULL, NULL, NULL)` + follows
	updateWaiting = "UPDATE links SET (" + plainColumns + ", " + waitColumns + `) =
(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)` + follows

	// follows lets no row go back, and none of a later epoch of the partition.
	follows = `
WHERE org = ? AND record_type = ? AND record_id = ? AND connection = ? AND revision = ?
AND (owner_epoch <= ? OR owner_partition <> ? OR owner_topic <> ?)`

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
			epoch: statement[0], raise: statement[1], owner: statement[2],
			plain: writing{statement[3], statement[4]}, waiting: writing{statement[5], statement[6]},
			epochs: map[lane]int64{},
		}
		for i := range links {
			if saved[i], err = w.save(ctx, &links[i]); err != nil {
				return err
			}
		}
		return nil
	}, selectEpoch, raiseEpoch, selectOwner, insertLink, updateLink, insertWaiting, updateWaiting)
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
	epoch, raise, owner *sql.Stmt
	plain, waiting      writing
	epochs              map[lane]int64 // of the partitions seen so far
}

type writing struct{ insert, update *sql.Stmt }

func (w *writer) save(ctx context.Context, l *crmsync.Link) (crmsync.Saved, error) {
	newest, err := w.newest(ctx, lane{l.Owner.Topic, l.Owner.Partition})
	if err != nil || newest != l.Owner.Epoch {
		return crmsync.Fenced, err
	}
	result, err := w.write(ctx, l)
	if err != nil {
		return crmsync.Moved, err
	}
	if rows, err := result.RowsAffected(); err != nil || rows == 1 {
		return crmsync.Written, err
	}
	return w.judge(ctx, l)
}

// write makes the row or moves it on, where none or the revision before is there.
func (w *writer) write(ctx context.Context, l *crmsync.Link) (sql.Result, error) {
	arguments := make([]any, 0, 28)
	arguments = append(arguments,
		l.Object, l.ExternalID, l.Applied, l.Dead, int64(l.Hash), int64(l.EventHash), l.Deleted, l.Seek, l.Revision, timeText(l.UpdatedAt),
		l.Owner.Topic, l.Owner.Partition, l.Owner.Epoch, momentOrNull(l.Unsure))
	key := []any{l.Key.Org, l.Key.Type, l.Key.ID, l.Connection}
	statements, wait := w.plain, []any(nil)
	if l.Wait != nil {
		statements, wait = w.waiting, waitArguments(l.Wait)
	}
	if l.Revision == 1 {
		return statements.insert.ExecContext(ctx, append(append(arguments, key...), wait...)...)
	}
	arguments = append(append(arguments, wait...), key...)
	return statements.update.ExecContext(ctx, append(arguments, l.Revision-1, l.Owner.Epoch, l.Owner.Partition, l.Owner.Topic)...)
}

func waitArguments(w *crmsync.Wait) []any {
	var body any // a nil slice would be stored as an empty one
	if w.Body != nil {
		body = w.Body
	}
	return []any{momentText(w.Until), w.Version, w.Reason, timeText(w.Since), w.Attempts, body}
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
