package sim

import (
	"context"
	"fmt"
	"strings"
	"time"

	"crmsync"
)

// statements is the store as one process asks it, with faults on the way.
type statements struct{ *process }

// ask is one statement that reads.
func (s statements) ask(t Trouble) error {
	if s.w.store.down.After(s.w.Now) || s.w.happens(t) {
		return errBroken
	}
	return nil
}

// Links answers one link per key.
func (s statements) Links(_ context.Context, keys []crmsync.LinkKey) ([]crmsync.Link, error) {
	if err := s.ask(LinksError); err != nil {
		return nil, err
	}
	links := make([]crmsync.Link, len(keys))
	for i, key := range keys {
		if l := s.w.store.rows[key]; l != nil {
			links[i] = shifted(*l, s.skew)
		}
		links[i].LinkKey = key
	}
	return links, nil
}

// Save writes links. The statement may run on after its client gave up.
func (s statements) Save(_ context.Context, links []crmsync.Link) (saved []crmsync.Saved, err error) {
	w := s.w
	if w.store.down.After(w.Now) {
		return nil, errBroken
	}
	rows := make([]crmsync.Link, len(links))
	for i, l := range links {
		rows[i] = shifted(l, -s.skew)
	}
	put := func() {
		saved = make([]crmsync.Saved, len(rows))
		for i := range rows {
			saved[i] = w.store.put(s.name, rows[i])
		}
	}
	if w.happens(SaveLate) {
		w.later(w.Now.Add(250*ms), put)
		return nil, errBroken
	}
	if err := w.remote(SaveError, SaveAckLost, put); err != nil {
		return nil, err
	}
	return saved, nil
}

// Claim raises the epoch of each partition.
func (s statements) Claim(_ context.Context, _ string, partitions []int32) (claims []crmsync.Claim, err error) {
	w := s.w
	if w.store.down.After(w.Now) {
		return nil, errBroken
	}
	err = w.remote(ClaimError, ClaimAckLost, func() {
		claims = make([]crmsync.Claim, len(partitions))
		for i, p := range partitions {
			w.store.epochs[p] = append(w.store.epochs[p], claimed{s.process, w.Now})
			claims[i] = crmsync.Claim{Epoch: w.store.epoch(p), Waiting: w.store.wards(p)}
			for n := range claims[i].Waiting {
				claims[i].Waiting[n].Next = claims[i].Waiting[n].Next.Add(s.skew)
			}
			w.trace("%s claims partition %d: epoch %d", s.name, p, claims[i].Epoch)
		}
	})
	if err != nil {
		return nil, err
	}
	return claims, nil
}

// Epochs answers the newest epoch of each partition.
func (s statements) Epochs(_ context.Context, _ string, partitions []int32) ([]int64, error) {
	if err := s.ask(EpochsError); err != nil {
		return nil, err
	}
	epochs := make([]int64, len(partitions))
	for i, p := range partitions {
		epochs[i] = s.w.store.epoch(p)
	}
	return epochs, nil
}

// waitingRoom is the store's waiting room as one process asks it.
type waitingRoom struct{ statements }

// Due answers per ask whose wait is over.
func (r waitingRoom) Due(_ context.Context, _ string, asks []crmsync.WaitAsk) ([]crmsync.Due, error) {
	if err := r.ask(DueError); err != nil {
		return nil, err
	}
	due := make([]crmsync.Due, len(asks))
	for i, ask := range asks {
		due[i] = r.w.store.due(ask)
		for n := range due[i].Links {
			due[i].Links[n] = shifted(due[i].Links[n], r.skew)
		}
		if !due[i].Next.IsZero() {
			due[i].Next = due[i].Next.Add(r.skew)
		}
	}
	return due, nil
}

// Waiting lists nothing: no engine asks for it.
func (r waitingRoom) Waiting(context.Context, crmsync.WaitFilter, int) ([]crmsync.Link, error) {
	return nil, errBroken
}

// Release sets Until to now for those that the filter picks.
func (r waitingRoom) Release(_ context.Context, f crmsync.WaitFilter) (int64, error) {
	if err := r.ask(DueError); err != nil {
		return 0, err
	}
	return r.w.store.release(&f), nil
}

// describe prints a row for a trace.
func describe(l *crmsync.Link) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %s r%d e%d applied=%d", l.Key, l.Connection, l.Revision, l.Owner.Epoch, l.Applied)
	if l.Dead > 0 {
		fmt.Fprintf(&b, " dead=%d", l.Dead)
	}
	if l.ExternalID != "" {
		fmt.Fprintf(&b, " id=%s", l.ExternalID)
	}
	if l.Deleted {
		b.WriteString(" deleted")
	}
	if l.Seek {
		b.WriteString(" seek")
	}
	if !l.Unsure.IsZero() {
		fmt.Fprintf(&b, " unsure till %v", l.Unsure.Sub(Epoch()).Round(ms/10))
	}
	if l.Wait != nil {
		fmt.Fprintf(&b, " waits@%d %s till %v", l.Wait.Version, l.Wait.Reason, l.Wait.Until.Sub(Epoch()).Round(ms/10))
	}
	return b.String()
}

// clock is a moment as the process's clock tells it.
func (p *process) clock() time.Time { return p.w.Now.Add(p.skew) }
