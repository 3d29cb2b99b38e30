package sim

// mutants are the rules without which the engine must be found out.
var mutants = []mutant{
	// Offsets and outcomes.
	{"the watermark: the highest finished offset is committed", "window.go", []string{"	return w.entries[0].offset\n", `	for i := len(w.entries) - 1; i >= 0; i-- {
		if w.entries[i].done {
			return w.entries[i].offset + 1
		}
	}
	return w.entries[0].offset
`}},
	{"a message counts as finished only when its row is safe", "save.go", []string{"	if err != nil {\n		return nil, err\n	}\n	some", "	if err != nil {\n		saved = make([]crmsync.Saved, len(s.rows))\n	}\n	some"}},
	{"dead letters are awaited", "bury.go", []string{"if !e.burials.done(e, some, err) {\n			e.burials.drop(e.unburied)\n			return\n		}", "e.burials.done(e, nil, nil)"}},
	{"a dead version is kept in the row", "bury.go", []string{"row.Dead = max(row.Dead, l.event.Version)", ""}},
	{"what is kept in the cache was written", "save.go", []string{"if saved[i] == crmsync.Written {\n			some", "if i >= 0 {\n			some"}},
	{"a gap stops its partition", "partition.go", []string{"if a.Gap != nil && slices.Contains(e.cfg.AcceptGaps, a.Partition) {", "if a.Gap != nil || slices.Contains(e.cfg.AcceptGaps, a.Partition) {"}},

	// Order of a record.
	{"the version gate", "record.go", []string{"return it.event.Version <= l.Settled()", "return false"}},
	{"one task at a time has a record", "record.go", []string{"case r.busy || r.part.closing():", "case r.part.closing():"}},
	{"a delete is not coalesced away", "record.go", []string{"n > r.frozen && (it.event.Op == crmsync.Deleted || r.pending[n-1].event.Op != crmsync.Deleted); n--", "n > r.frozen; n--"}},
	{"a retry stands before what came later", "record.go", []string{"	for _, it := range later {\n		e.join(r, it)\n	}", "	r.pending = append(later, r.pending...)"}},
	{"the same version with another payload is a data error", "record.go", []string{"if it.event.Version == r.link.Applied && differs(", "if false && differs("}},
	{"the cache knows payloads apart", "record.go", []string{", Hash: it.event.Hash}", "}"}},

	// Uncertain answers.
	{"a record is held after an uncertain answer", "retry.go", []string{"r.hazard = latest(r.hazard, at)", "at = e.now"}},
	{"uncertain is not done", "answer.go", []string{"case s.result.Fault != nil:", "case s.result.Fault != nil && s.result.Fault.Kind != crmsync.Ambiguous:"}},
	{"uncertain is not failed", "retry.go", []string{"		e.doubt(a, b, r, f)\n", "		e.later(a, r, f, e.now.Add(e.backoff(r.tries)))\n"}},
	{"what may have landed makes nothing unchanged", "doubt.go", []string{"	l.Hash = 0\n", ""}},
	{"an archived object may have a successor, when in doubt", "doubt.go", []string{"	if l.Deleted {\n		l.ExternalID, l.Deleted = \"\", false\n	}\n", ""}},
	{"a row tells what may still land", "save.go", []string{"if r.hazard.After(e.now) {", "if false {"}},
	{"a row's word of what may still land is heeded", "doubt.go", []string{"	r.hazard = latest(r.hazard, l.Unsure)\n", ""}},

	// Creates without upsert.
	{"an intent before a create", "send.go", []string{
		"case op == crmsync.Create && !r.intentBy.After(e.now):", "case false:",
		"if b.Operation == crmsync.Create && r.intentBy.Before(b.Deadline) {", "if false {",
	}},
	{"an intent says to look first", "send.go", []string{"	row.Seek = true\n", ""}},
	{"a doubtful create is looked for", "retry.go", []string{"		r.seek = r.seek || b.Operation == crmsync.Create\n", ""}},
	{"nothing is looked for before the search can see it", "retry.go", []string{"		at = at.Add(b.limits.SearchLag) // what is looked for next may be this object\n", ""}},

	// Owners.
	{"a fenced write gives the partition up", "save.go", []string{"case s == crmsync.Fenced:", "case false:"}},
	{"what is given up is handed back", "partition.go", []string{"	e.leaves.add(p.term)\n", ""}},
	{"a deadline within the proof of ownership", "send.go", []string{"if r.part.sendBy.Before(b.Deadline) {", "if false {"}},
	{"a proof is as old as its question", "claim.go", []string{"\t\t\t\tp.sendBy = asked.Add(e.cfg.Lease)", "\t\t\t\tp.sendBy = e.now.Add(e.cfg.Lease)"}},
	{"a take-over waits until it is alone", "claim.go", []string{"	p.aloneAt = e.now.Add(max(e.cfg.Lease, left.lease))\n", "	p.aloneAt = e.now\n"}},
	{"a take-over reads on", "claim.go", []string{"case max(p.window.Next(), p.readTo) >= p.reach || p.window.Places() >= p.most:", "default:"}},
	{"the window's room counts from what is committed", "partition.go", []string{"return p.window.Places() - p.spent }", "return p.window.Len() }"}},
	{"what an earlier owner may have sent is held", "doubt.go", []string{"	r.hazard = latest(r.hazard, it.part.aloneAt.Add(limits.MaxInflight+limits.SearchLag))\n", "	_ = limits\n"}},
	{"the note tells the epoch", "claim.go", []string{"left.clean && left.epoch == p.epoch-1", "left.clean"}},
	{"not clean before it is handed back", "commit.go", []string{"clean: p.draining && p.clean(e.now)", "clean: p.clean(e.now)"}},
	{"not clean while calls are under way", "partition.go", []string{"p.busy == 0 && ", ""}},
	{"not clean while in doubt", "partition.go", []string{"p.doubts == 0 && ", ""}},

	// The waiting room.
	{"a row keeps what still waits in it", "park.go", []string{"if why == parks || it.kept {", "if why == parks {"}},
	{"the waiting room is taken over", "claim.go", []string{"range c.Waiting {", "range c.Waiting[:0] {"}},
	{"an outdated answer of the waiting room is dropped", "release.go", []string{" || touched[l.link.LinkKey]", " || touched == nil"}},
	{"who came meanwhile is counted", "release.go", []string{"case w.moves != w.asked:", "case false:"}},
	{"what an earlier owner let out is held", "doubt.go", []string{"if l.Wait != nil && r.part.unclean && l.Owner.Epoch != r.part.epoch {", "if false {"}},

	// What answers ask for.
	{"a refused batch is halved", "answer.go", []string{"if len(b.Calls) < 2 || len(some) < 2 {", "if true {"}},
	{"an account's trouble makes no dead letter", "retry.go", []string{"e.again(r) // the account is closed", "e.reject(r, f, r.tries+1) // the account is closed"}},
	{"404 on delete is success", "retry.go", []string{"case r.flying.event.Op == crmsync.Deleted:", "case b.Operation == crmsync.Find && r.flying.event.Op == crmsync.Deleted:"}},
	{"on_missing: fail", "retry.go", []string{" && r.flying.program.Recreates()", ""}},
	{"on_missing: recreate", "retry.go", []string{" && r.flying.program.Recreates()", " && !r.flying.program.Recreates()"}},
	{"a marked object lives on", "answer.go", []string{"b.Operation == crmsync.Archive // one", "r.flying.event.Op == crmsync.Deleted // one"}},
	{"a paused connection is left alone", "call.go", []string{"if i < 0 || b.Connection.Paused {", "if false {"}},
}
