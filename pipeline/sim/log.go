package sim

import (
	"slices"
	"time"

	"crmsync"
)

// partitionLog is one partition of the log, and who reads it.
type partitionLog struct {
	messages  []crmsync.Message
	facts     []*fact
	start     int64 // what lies before has been truncated
	cuts      [][2]int64
	committed int64
	note      string
	term      int64
	gap       *crmsync.Gap // of this term
	owner     *process
	heir      *process // gets the partition when its owner hands it back
}

// end is where a partition ends now.
func (w *World) end(p int32) int64 {
	l := &w.logs[p]
	n, _ := slices.BinarySearchFunc(l.messages, w.Now, func(m crmsync.Message, now time.Time) int {
		if m.Time.After(now) {
			return 1
		}
		return -1
	})
	return int64(n)
}

// ---- the group's coordinator

// assign gives a partition to a process, and takes it from whoever had it.
func (w *World) assign(p int32, to *process) {
	l := &w.logs[p]
	if old := l.owner; old != nil {
		old.mail.Assigned = slices.DeleteFunc(old.mail.Assigned, func(a crmsync.Assignment) bool { return a.Partition == p })
		old.mail.Revoked = slices.DeleteFunc(old.mail.Revoked, func(r int32) bool { return r == p })
		old.loses(p)
	}
	l.owner, l.heir, l.gap = to, nil, nil
	l.term++
	if l.committed < l.start {
		l.gap = &crmsync.Gap{Committed: l.committed, Start: l.start, End: w.end(p)}
	}
	w.trace("partition %d goes to %s from %d %q%s", p, to.name, l.committed, l.note, map[bool]string{true: ", with a gap"}[l.gap != nil])
	if slices.Contains(to.mail.Lost, p) {
		to.tellAt = w.Now // first things first
	}
	to.next[p], to.gapped[p] = l.committed, l.gap != nil
	to.blind[p] = w.Now
	if w.happens(LateStart) {
		to.blind[p] = w.Now.Add(w.span(250 * ms))
	}
	to.mail.Assigned = append(to.mail.Assigned, crmsync.Assignment{
		Partition: p, Term: l.term, Offset: l.committed, Note: l.note, End: w.end(p), Gap: l.gap,
	})
}

// loses lets the process hear that a partition is no more its own, sooner or
// later: till then it goes on reading, and nobody hinders it.
func (p *process) loses(part int32) {
	if len(p.mail.Lost) == 0 {
		if p.tellAt = p.w.Now; p.w.happens(LateLoss) {
			p.tellAt = p.w.Now.Add(p.w.span(150 * ms))
		}
	}
	if !slices.Contains(p.mail.Lost, part) {
		p.mail.Lost = append(p.mail.Lost, part)
	}
}

// told says whether the process hears at its next poll what it lost.
func (p *process) told() bool { return len(p.mail.Lost) > 0 && !p.tellAt.After(p.w.Now) }

// revoke asks a partition's owner to hand it back, for another process.
func (w *World) revoke(p int32, to *process) {
	l := &w.logs[p]
	w.trace("partition %d shall go from %s to %s", p, l.owner.name, to.name)
	l.heir = to
	l.owner.mail.Revoked = append(l.owner.mail.Revoked, p)
}

// free takes back a partition that its owner releases.
func (w *World) free(p int32) {
	l := &w.logs[p]
	if l.heir != nil && l.heir.inGroup() {
		w.assign(p, l.heir)
		return
	}
	l.owner, l.heir = nil, nil
}

// truncate lets the log's retention take a part that nobody has finished.
func (w *World) truncate(p int32) bool {
	l := &w.logs[p]
	room := w.end(p) - l.committed
	if room <= 0 {
		return false
	}
	l.start = max(l.start, l.committed+1+int64(w.dice.N(int(room))))
	w.trace("partition %d is truncated before %d, committed is %d", p, l.start, l.committed)
	if l.owner != nil {
		w.assign(p, l.owner)
	}
	return true
}

// settledBefore judges a commit: nothing before the offset may still need the log.
func (w *World) settledBefore(p int32, offset int64) {
	l := &w.logs[p]
	for _, f := range l.facts[l.committed:max(offset, l.committed)] {
		w.judgeCommitted(f, offset)
	}
}
