package pipeline

import "crmsync"

// distrust notes that the CRM may hold something else than the link says: a
// version may have been sent, by this process or by the one before it, that
// never came to be noted. Until the row says so too, the partition isn't clean.
func (r *record) distrust() {
	if !r.unsure {
		r.unsure = true
		r.part.doubts++
	}
	forget(&r.link)
}

// forget takes out of a link what may not be so: nothing counts as unchanged
// then, and an archived object may have a successor.
func forget(l *crmsync.Link) {
	l.Hash = 0
	if l.Deleted {
		l.ExternalID, l.Deleted = "", false
	}
}

// sure ends the doubt: the row tells of it, or there is nothing left to send.
func (r *record) sure() {
	if r.unsure {
		r.unsure = false
		r.part.doubts--
	}
}

// overshadow marks a record that an earlier owner may have sent: its call may
// land until the CRM must be done with it.
func (e *Engine) overshadow(r *record, it *item) {
	limits := e.line(r.account, it.program.Object(), crmsync.Update).limits
	r.hazard = latest(r.hazard, it.part.aloneAt.Add(limits.MaxInflight+limits.SearchLag))
	r.distrust()
}

// learn takes in a link as it was read. A row that an earlier owner let wait may
// have been let out, and sent, by the one that left no word of it.
func (e *Engine) learn(r *record, l crmsync.Link) {
	r.link, r.known, r.seek = l, true, r.seek || l.Seek
	r.hazard = latest(r.hazard, l.Unsure)
	if l.Wait != nil && r.part.unclean && l.Owner.Epoch != r.part.epoch {
		r.hazard = latest(r.hazard, r.part.aloneAt.Add(e.cfg.MaxInflight))
	}
	if l.Wait != nil && l.Wait.Reason == Retry {
		r.notBefore = latest(r.notBefore, l.Wait.Until)
	}
	if r.unsure {
		forget(&r.link)
	}
}
