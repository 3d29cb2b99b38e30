package sim

import (
	"slices"

	"crmsync"
)

// upset lets a trouble come over the world. One that finds nothing to come over
// is none.
func (s *Sim) upset(t Trouble) {
	if s.strike(t, s.processes[s.dice.N(len(s.processes))]) {
		s.note(t)
		s.trace("-- %s", t)
	}
}

// strike says whether the trouble came.
func (s *Sim) strike(t Trouble, p *process) bool {
	switch t {
	case Crash, Sleep, GracefulStop, SourceRefuses:
		return p.up() && s.strikeProcess(t, p)
	case Rebalance, Eviction, Truncation, StrangeNote:
		return s.strikePartition(t, int32(s.dice.N(s.plan.partitions)), p)
	case OtherProgram, ConnectionPaused, MappingGone:
		return s.reload(t, p)
	case CRMDown, QuotaForLong, CredentialRevoked, CredentialUnusable, OperatorReleases:
		return s.strikeAccount(t, s.crm.state(accounts[s.dice.N(len(accounts))].ID))
	case StoreDown:
		s.store.down = s.Now.Add(s.span(150 * ms))
	case CacheForgets:
		clear(s.cache)
	case CacheGone:
		s.cacheGone = s.Now.Add(s.span(300 * ms))
	case LettersDown:
		s.lettersDown = s.Now.Add(s.span(300 * ms))
	case HandDeletion:
		return s.crm.deleteByHand()
	case DeadReplayed:
		return s.replay()
	default:
		return false // a clock is off from a process's start on
	}
	return true
}

func (s *Sim) strikeProcess(t Trouble, p *process) bool {
	switch t {
	case Crash:
		s.trace("%s crashes", p.name)
		s.kill(p, s.Now.Add(s.span(60*ms)))
	case Sleep:
		if s.setup.Even {
			return false
		}
		p.asleep = s.Now.Add(s.span(600 * ms))
		s.trace("%s sleeps till %v", p.name, p.asleep.Sub(Epoch()))
	case GracefulStop:
		if p.leaving {
			return false
		}
		s.stop(p)
	case SourceRefuses:
		p.refused = true
		s.trace("the group refuses %s", p.name)
	}
	return true
}

// stop tells a process to come to an end.
func (s *Sim) stop(p *process) {
	s.trace("%s is told to stop", p.name)
	p.leaving = true
	if p.loop != nil {
		close(p.loop.enough)
		s.setup.Bubble()
	} else {
		p.engine.Stop(p.clock())
	}
	s.start(p)
}

func (s *Sim) strikePartition(t Trouble, part int32, p *process) bool {
	l := &s.logs[part]
	able := l.owner != nil && l.owner != p && p.up() && p.inGroup()
	switch t {
	case Rebalance:
		if able = able && l.heir == nil && l.owner.inGroup(); able {
			s.revoke(part, p)
		}
	case Eviction:
		if able {
			s.assign(part, p)
		}
	case Truncation:
		return s.truncate(part)
	case StrangeNote:
		if able = l.committed > 0; able {
			l.note = "crmsync/9 of days to come"
		}
	}
	return able
}

// reload lets a process read other mappings.
func (s *Sim) reload(t Trouble, p *process) bool {
	var some []int
	for i := range variants {
		if variants[i].trouble == t && i > 0 {
			some = append(some, i)
		}
	}
	p.reads(some[s.dice.N(len(some))])
	s.trace("%s reads mappings: %d", p.name, p.variant)
	if s.dice.N(2) == 1 {
		s.later(s.Now.Add(400*ms), func() { p.reads(0) })
	}
	return true
}

func (s *Sim) strikeAccount(t Trouble, a *accountState) bool {
	switch t {
	case CRMDown:
		a.down = s.Now.Add(s.span(500 * ms))
	case QuotaForLong:
		a.quota = s.Now.Add(s.span(800 * ms))
	case CredentialUnusable:
		a.unusable = s.Now.Add(s.span(300 * ms))
	case CredentialRevoked:
		a.accepted++
		s.later(s.Now.Add(600*ms), func() { a.stored = a.accepted })
	case OperatorReleases:
		return s.store.release(&crmsync.WaitFilter{Key: crmsync.RecordKey{Org: a.id.Org}, Connection: a.id.Name}) > 0
	}
	return true
}

// replay sends a dead letter again, as an operator does.
func (s *Sim) replay() bool {
	if len(s.letters) == 0 {
		return false
	}
	at := s.letters[s.dice.N(len(s.letters))]
	l := &s.logs[at.partition]
	old := l.facts[at.offset]
	if old.broken || l.messages[len(l.messages)-1].Time.After(s.Now) {
		return false // nobody could send it; or it would overtake what is still to be published
	}
	m, f := l.messages[at.offset], *old
	m.Time, f.replay = s.Now, true
	m.Headers = []crmsync.Header{{Key: crmsync.HeaderReplay, Value: []byte("letter")}, {Key: crmsync.HeaderVersion, Value: []byte(itoa(f.version))}}
	s.place(m, &f)
	s.trace("dead letter %d/%d is sent again as %d", at.partition, at.offset, f.offset)
	return true
}

// ---- what the coordinator and the operators do without being asked

// coordinate takes partitions from processes that are down, have slept or have
// drained for too long, and gives out those without an owner.
func (s *Sim) coordinate() {
	for part := range int32(s.plan.partitions) {
		l := &s.logs[part]
		other := s.someone(l.owner)
		switch {
		case l.owner == nil || !l.owner.alive():
			if other != nil {
				s.assign(part, other)
			}
		case other == nil:
		case !l.owner.up() && s.dice.Chance(300), l.owner.refused:
			s.assign(part, other)
		case l.heir != nil && l.heir.inGroup() && s.dice.Chance(30):
			s.assign(part, l.heir)
		}
		if l.gap != nil && (s.calm || s.dice.Chance(100)) {
			s.acceptGap(part)
		}
	}
	if !s.calm {
		return
	}
	for _, p := range s.processes {
		p.reads(0)
	}
	if s.Steps > s.plan.calmAt+patience { // some wait for long by their own reason
		s.store.release(&crmsync.WaitFilter{})
	}
}

// someone is a process that could have a partition, other than its owner.
func (s *Sim) someone(owner *process) *process {
	some := slices.DeleteFunc(slices.Clone(s.processes), func(p *process) bool { return p == owner || !p.up() || !p.inGroup() })
	if len(some) == 0 {
		return nil
	}
	return some[s.dice.N(len(some))]
}

// acceptGap is an operator's word: processes that start from now on go on
// behind the gap. The partition's owner is one of them.
func (s *Sim) acceptGap(part int32) {
	l := &s.logs[part]
	if l.owner == nil || !l.owner.up() || l.owner.leaving || slices.Contains(l.owner.accepts, part) {
		return
	}
	s.trace("an operator accepts the gap of partition %d", part)
	s.accepted[part] = true
	s.stop(l.owner)
}
