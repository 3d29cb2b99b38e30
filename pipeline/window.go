package pipeline

// Window is the part of a partition that is not finished yet. It follows the
// offsets as they were received: compaction leaves holes of any size.
type Window struct {
	next    int64 // the offset after the newest admitted
	first   int   // place of entries[0]
	entries []entry
}

type entry struct {
	offset int64
	done   bool
}

// NewWindow returns a window over a partition that is read from start on.
func NewWindow(start int64) *Window { return &Window{next: start} }

// Open admits an offset and returns its place, by which it is finished. An
// offset that is not beyond all before has been admitted already: ok is false.
func (w *Window) Open(offset int64) (place int, ok bool) {
	if offset < w.next {
		return 0, false
	}
	w.next = offset + 1
	w.entries = append(w.entries, entry{offset: offset})
	return w.first + len(w.entries) - 1, true
}

// Finish ends what was admitted at place, in any order.
func (w *Window) Finish(place int) {
	w.entries[place-w.first].done = true
	n := 0
	for n < len(w.entries) && w.entries[n].done {
		n++
	}
	w.first += n
	if w.entries = w.entries[n:]; len(w.entries) == 0 {
		w.entries = nil // lets go of what append left behind
	}
}

// Watermark is the offset to restart from: all before it are finished.
func (w *Window) Watermark() int64 {
	if len(w.entries) == 0 {
		return w.next
	}
	return w.entries[0].offset
}

// Next is the offset after the newest admitted.
func (w *Window) Next() int64 { return w.next }

// Places is how many offsets have been admitted.
func (w *Window) Places() int { return w.first + len(w.entries) }

// Spent is how many admitted offsets have left the window.
func (w *Window) Spent() int { return w.first }

// Len is how many admitted offsets have not left the window.
func (w *Window) Len() int { return len(w.entries) }
