package sim

import (
	"context"
	"errors"
	"slices"
	"time"

	"crmsync"
)

// member is the log as one process sees it.
type member struct{ *process }

// owns says whether the process has the partition in that term.
func (m member) owns(p int32, term int64) bool {
	l := &m.w.logs[p]
	return l.owner == m.process && l.term == term
}

// readable says whether a fetch of the partition would bring anything at all
// now. The log lets everybody read, so only what the process was told counts.
func (m member) readable(r crmsync.Room) bool {
	return m.terms[r.Partition] == r.Term && !m.gapped[r.Partition] && !m.blind[r.Partition].After(m.w.Now)
}

// news says whether a poll would answer now.
func (m member) news(rooms []crmsync.Room, since time.Time) bool {
	if m.told() || m.refused || len(m.mail.Lost) == 0 && len(m.mail.Assigned)+len(m.mail.Revoked) > 0 {
		return true
	}
	switch waited := m.w.Now.Sub(since); {
	case waited < m.w.plan.fetchFor:
		return false
	case waited >= m.w.plan.idle:
		return true
	}
	return slices.ContainsFunc(rooms, func(r crmsync.Room) bool {
		return m.readable(r) && m.next[r.Partition] < m.w.end(r.Partition)
	})
}

// Poll answers what the coordinator has to say, and messages.
func (m member) Poll(_ context.Context, rooms []crmsync.Room) (news crmsync.News, err error) {
	w := m.w
	m.rooms = rooms
	if m.refused {
		return news, &crmsync.Fault{Kind: crmsync.Denied, Code: "not_a_member", Err: errors.New("poll: this member was removed from its group")}
	}
	if m.told() { // alone: a lost partition may be assigned anew already
		news.Lost, m.mail.Lost = m.mail.Lost, nil
		for _, p := range news.Lost {
			m.terms[p] = 0
		}
		return news, nil
	}
	err = w.remote(PollError, PollError, func() {})
	if err != nil {
		return news, err
	}
	if len(m.mail.Lost) == 0 { // it hears of nothing before it hears of that
		news, m.mail = m.mail, crmsync.News{}
	}
	for _, a := range news.Assigned {
		m.terms[a.Partition] = a.Term
	}
	for _, r := range rooms {
		if !m.readable(r) {
			continue
		}
		from, end := m.next[r.Partition], w.end(r.Partition)
		if to := min(end, from+int64(min(r.Messages, w.plan.fetch))); to > from {
			m.next[r.Partition] = to
			news.Fetched = append(news.Fetched, crmsync.Fetch{Partition: r.Partition, Term: r.Term, End: end, Messages: w.logs[r.Partition].messages[from:to]})
			w.trace("%s is brought %d-%d of partition %d", m.name, from, to-1, r.Partition)
		}
	}
	return news, nil
}

// Commit makes marks durable.
func (m member) Commit(_ context.Context, marks []crmsync.Mark) error {
	w := m.w
	return w.remote(CommitError, CommitAckLost, func() {
		for _, mark := range marks {
			if !m.owns(mark.Partition, mark.Term) {
				continue
			}
			l := &w.logs[mark.Partition]
			if l.gap != nil && mark.Offset >= l.gap.Start && l.committed < l.gap.Start {
				w.judgeGap(m.process, mark)
				l.cuts = append(l.cuts, [2]int64{l.committed, l.gap.Start})
			}
			w.settledBefore(mark.Partition, mark.Offset)
			if mark.Offset < l.committed {
				w.breach("rewound: partition %d is committed at %d after %d", mark.Partition, mark.Offset, l.committed)
			}
			l.committed, l.note = mark.Offset, mark.Note
			if w.tracing() {
				w.trace("%s commits partition %d at %d %q", m.name, mark.Partition, mark.Offset, mark.Note)
			}
		}
	})
}

// Release hands partitions back.
func (m member) Release(_ context.Context, assignments []crmsync.Assignment) error {
	return m.w.remote(ReleaseError, ReleaseAckLost, func() {
		for _, a := range assignments {
			if m.owns(a.Partition, a.Term) {
				m.w.trace("%s hands back partition %d", m.name, a.Partition)
				m.w.free(a.Partition)
			}
		}
	})
}

// Ends answers where partitions end now.
func (m member) Ends(_ context.Context, partitions []int32) ([]int64, error) {
	if m.w.happens(EndsError) {
		return nil, errBroken
	}
	ends := make([]int64, len(partitions))
	for i, p := range partitions {
		ends[i] = m.w.end(p)
	}
	return ends, nil
}
