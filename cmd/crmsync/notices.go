package main

import (
	"maps"
	"time"

	"crmsync"
	"crmsync/pipeline"
)

// tenure is what is known of a partition that this process has.
type tenure struct {
	since   time.Time // since when it is taken over and sends nothing; zero: it does, or was left clean
	stalled bool      // its committed offset stands still
}

// Noticed keeps track of what is well and what is not.
func (w *watcher) Noticed(n pipeline.Notice) {
	w.metrics.Noticed(n)
	switch {
	case n.Err != nil:
		w.sick(n.Task, n.Err)
	case n.Task != "":
		w.healed(n.Task)
	case n.What == "closed":
		w.accountClosed(n)
	default:
		w.follow(n)
		w.tellOwner(n)
	}
}

// accountClosed tells of an account that is left alone for a while.
func (w *watcher) accountClosed(n pipeline.Notice) {
	if ok, skipped := w.once.pass("closed " + n.Account.String()); ok {
		w.log.Warn("account is closed for a while", "org", n.Account.Org, "connection", n.Account.Name,
			"kind", n.Fault.Kind.String(), "reason", n.Fault.Code, "until", n.Until, "more_like_it", skipped)
	}
}

// follow keeps what is known of each partition.
func (w *watcher) follow(n pipeline.Notice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.tenures[n.Partition]
	switch n.What {
	case "assigned":
		w.joined = true
		t = tenure{}
		if n.Gap != nil {
			w.unread[n.Partition] = *n.Gap
		}
	case "gap_accepted":
		delete(w.unread, n.Partition)
	case "taking_over":
		t.since = w.now()
	case "opened":
		if !t.since.IsZero() {
			w.opened(w.now().Sub(t.since))
		}
		t.since = time.Time{}
	case "commit_stalled":
		t.stalled = true
	case "commit_resumed":
		t.stalled = false
	}
	w.tenures[n.Partition] = t
	if n.What == "released" {
		delete(w.tenures, n.Partition)
	}
	w.countTenures()
}

// countTenures shows how many partitions are in a state worth an alarm. The
// lock is held.
func (w *watcher) countTenures() {
	shut, stalled := 0, 0
	for _, t := range w.tenures {
		if !t.since.IsZero() {
			shut++
		}
		if t.stalled {
			stalled++
		}
	}
	w.shut.Set(float64(shut))
	w.stalled.Set(float64(stalled))
}

// gaps returns the partitions that are not read because of a gap, also those
// that were handed back since.
func (w *watcher) gaps() map[int32]crmsync.Gap {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.unread)
}

// tellOwner logs what happens to a partition.
func (w *watcher) tellOwner(n pipeline.Notice) {
	log := w.log.With("partition", n.Partition)
	switch n.What {
	case "assigned":
		if n.Gap != nil {
			log.Error("partition is not read: the log no longer holds what comes after the committed offset", gapFields(n.Partition, n.Gap)...)
			return
		}
		log.Info("partition moved", "what", n.What)
	case "released":
		log.Info("partition moved", "what", n.What)
	case "gap_accepted":
		log.Warn("partition goes on from where the log begins; take --accept-gap away again: it would accept the next gap too",
			"committed", n.Gap.Committed, "log_start", n.Gap.Start, "log_end", n.Gap.End)
	case "fenced":
		log.Warn("partition given up: another process has claimed it, and repeats what was under way here")
	case "note_unknown":
		log.Warn("the note beside the committed offset is of another version of crmsync: the partition counts as not left clean")
	case "taking_over":
		log.Info("partition was not left clean: nothing is sent until its last owner can't send any more, and all that it may have sent is read", "not_before", n.Until)
	case "commit_stalled":
		log.Error("the committed offset stands still although more is finished: Kafka does not take commits", "committed", n.Offset, "finished", n.End)
	case "commit_resumed":
		log.Info("the committed offset moves again", "committed", n.Offset)
	case "unreadable_wait":
		if ok, skipped := w.once.pass("unreadable_wait"); ok {
			log.Warn("a waiting entry is of another version of crmsync, or damaged: it stays", "record", n.Key.Key.String(), "connection", n.Key.Connection, "more_like_it", skipped)
		}
	}
}

// gapFields say what a gap means and how the partition can go on.
func gapFields(partition int32, g *crmsync.Gap) []any {
	fields := []any{"committed", g.Committed, "log_start", g.Start, "log_end", g.End}
	if lost, ok := gapLost(*g); ok {
		fields = append(fields, "messages_lost_at_most", lost)
	} else {
		fields = append(fields, "topic_made_anew", true)
	}
	return append(fields, "go_on_with", gapFlag(partition))
}
