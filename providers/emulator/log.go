package emulator

import (
	"iter"
	"slices"
	"sync"
	"time"
)

// DefaultLogLimit is how many lines a log keeps when its limit is not set.
// A record of fifteen properties takes about 1 KB.
const DefaultLogLimit = 1_000_000

// compactAfter is how many dropped entries may stand at the front of the
// log's slice before it is moved down.
const compactAfter = 1024

// Log is the history of one server: what each request did, in the order of
// the effects. It keeps the newest lines up to its limit and counts those
// that it dropped. Its counters cover all lines, also the dropped ones.
// It is safe for concurrent use.
type Log struct {
	mu sync.Mutex
	// mu guards all below.
	entries []Entry // entries[head:] are kept
	head    int
	next    int64 // the Seq of the next entry
	lines   int   // the weight of what is kept
	limit   int
	pending int64 // requests without an entry
	counts  Counters
}

// NewLog returns an empty log that keeps up to limit lines, where each
// request counts one line and each of its records another. Without a limit
// above zero it keeps DefaultLogLimit lines.
func NewLog(limit int) *Log {
	if limit <= 0 {
		limit = DefaultLogLimit
	}
	return &Log{next: 1, limit: limit, counts: newCounters()}
}

// Arrived counts a request that is there and has no entry yet: it may still
// change objects. Its Append ends that.
func (l *Log) Arrived() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending++
}

// Append adds e as the next entry and returns its sequence number. The caller
// holds the lock of the effects that e tells of, and leaves e.Records alone
// afterwards. Status and End follow with Finish.
func (l *Log) Append(e Entry) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Seq = l.next
	l.next++
	l.pending = max(l.pending-1, 0)
	l.entries = append(l.entries, e)
	l.lines += weight(e)
	l.counts.began(e)
	for l.lines > l.limit && len(l.entries)-l.head > 1 {
		l.dropFirst()
	}
	if l.head > compactAfter && l.head > len(l.entries)/2 {
		l.entries = slices.Delete(l.entries, 0, l.head)
		l.head = 0
	}
	return e.Seq
}

func weight(e Entry) int { return 1 + len(e.Records) }

func (l *Log) dropFirst() {
	gone := weight(l.entries[l.head])
	l.entries[l.head] = Entry{}
	l.head++
	l.lines -= gone
	l.counts.LogDropped += int64(gone)
}

// Finish says how the entry with the sequence number seq ended. Status is 0
// when the client got no answer. An entry that the log has dropped is only
// counted; one from before a Reset is not.
func (l *Log) Finish(seq int64, status int, end time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq < l.counts.firstSeq {
		return
	}
	l.counts.finished(status)
	if i := l.index(seq); i >= l.head && i < len(l.entries) {
		l.entries[i].Status, l.entries[i].End = status, end
	}
}

// index is where the entry with the number seq stands in entries.
func (l *Log) index(seq int64) int { return len(l.entries) - int(l.next-seq) }

// Since returns up to limit entries with numbers of seq and above, oldest
// first. It never returns entries that the log has dropped: compare the first
// number with seq.
func (l *Log) Since(seq int64, limit int) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := min(max(l.index(seq), l.head), len(l.entries))
	to := min(from+max(limit, 0), len(l.entries))
	return slices.Clone(l.entries[from:to])
}

// All yields the entries with numbers of seq and above, oldest first, up to
// those that are there when it reaches the end. It holds no lock while the
// loop's body runs.
func (l *Log) All(seq int64) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for {
			page := l.Since(seq, 512)
			for _, e := range page {
				if !yield(e) {
					return
				}
				seq = e.Seq + 1
			}
			if len(page) == 0 {
				return
			}
		}
	}
}

// Entries returns all entries that are kept, oldest first.
func (l *Log) Entries() []Entry { return l.Since(0, l.limit) }

// Counters returns the counts of all entries since the start or the last
// Reset.
func (l *Log) Counters() Counters {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.counts.clone()
	c.LastSeq, c.LogLines, c.Pending = l.next-1, int64(l.lines), l.pending
	return c
}

// Reset forgets all entries and counts. Sequence numbers go on, and requests
// that have no entry yet stay counted.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries, l.head, l.lines = nil, 0, 0
	l.counts = newCounters()
	l.counts.firstSeq = l.next
}
