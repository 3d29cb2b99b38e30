package sim

import "crmsync"

// over says whether nothing is left to do, and nothing can still land.
func (w *World) over() bool {
	for p := range w.plan.partitions {
		if l := &w.logs[p]; l.committed < int64(len(l.messages)) {
			return false
		}
	}
	for _, key := range w.store.order {
		if w.store.rows[key].Wait != nil {
			return false
		}
	}
	return len(w.late) == 0
}

// verdict judges the end: nothing is stuck, every CRM shows the newest version
// of every record unless that need not be, and the engines' counts add up.
func (s *Sim) verdict() {
	w := s.World
	if !s.over() {
		s.judgeStuck()
		return
	}
	for _, h := range w.records {
		for _, c := range accounts {
			if key := (crmsync.LinkKey{Key: h.key, Connection: c.ID.Name}); c.ID.Org == h.key.Org && h.newest() > 0 {
				w.judgeRecord(h, key)
			}
		}
	}
	w.second()
}

// balanced says whether an engine's counts add up: each delivery has ended.
func (p *process) balanced() bool {
	counts, sum := p.engine.Counts(), int64(0)
	for _, n := range counts.Outcomes {
		sum += n
	}
	return sum == counts.Deliveries
}

func (s *Sim) judgeStuck() {
	w := s.World
	for _, p := range s.processes {
		if counts := p.engine.Counts(); !p.balanced() {
			w.breach("counts: %s has %d deliveries and other outcomes: %v", p.name, counts.Deliveries, counts.Outcomes)
		}
	}
	for p := range w.plan.partitions {
		if l := &w.logs[p]; l.committed < int64(len(l.messages)) {
			w.breach("stuck: partition %d is committed at %d of %d", p, l.committed, len(l.messages))
		}
	}
	for _, key := range w.store.order {
		if l := w.store.rows[key]; l.Wait != nil {
			w.breach("stuck: %v %s waits for %s", key.Key, key.Connection, l.Wait.Reason)
		}
	}
	if len(w.Breaches) == 0 {
		w.breach("stuck: a task does not end")
	}
}

func (w *World) judgeRecord(h *record, key crmsync.LinkKey) {
	if n := w.crm.alive(key); n > 1 {
		w.breach("duplicate: %v %s has %d objects", key.Key, key.Connection, n)
	}
	if v := h.newest(); !w.excused(key, v) && !w.shown(key, v) {
		w.breach("lost: %v@%d %s, the CRM shows %d", key.Key, v, key.Connection, w.mirror(key).version)
	}
}
