package sim

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"crmsync"
	"crmsync/pipeline/history"
)

const (
	ms    = time.Millisecond
	topic = "events"
	most  = 3 // partitions, processes
)

// Epoch is when every history begins.
func Epoch() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

// World is all that survives a crash: log, store, CRMs, dead letters. It notes
// what breaks the promise as it happens.
type World struct {
	Now      time.Time
	Breaches []string
	Coverage Coverage

	setup *Setup
	dice  *Dice
	plan  plan
	calm  bool // no more faults
	late  []effect

	histories map[crmsync.RecordKey]*record
	records   []*record // in the order of their first message

	logs  [most]partitionLog
	store store
	crm   crm
	cache map[crmsync.Delivery]bool

	cacheGone, lettersDown time.Time        // till when
	letters                []place          // dead, that an operator could replay
	graves                 []history.Letter // all that were put
	buried                 map[way]bool
	unmapped               map[way]bool
	ended                  map[way]bool
	handled                map[crmsync.LinkKey]bool // records of which an object was deleted by hand
}

// way is one message's way to one connection; an empty connection: it came to none.
type way struct {
	place
	connection string
}

// effect is what happens by itself, later.
type effect struct {
	at   time.Time
	land func()
}

func newWorld(d *Dice, setup *Setup) *World {
	w := &World{
		Now: Epoch(), setup: setup, dice: d, histories: map[crmsync.RecordKey]*record{}, cache: map[crmsync.Delivery]bool{},
		buried: map[way]bool{}, unmapped: map[way]bool{}, ended: map[way]bool{}, handled: map[crmsync.LinkKey]bool{},
	}
	w.Coverage.Ended = map[string]int64{}
	w.store = store{w: w, rows: map[crmsync.LinkKey]*crmsync.Link{}}
	w.crm = crm{w: w, mirrors: map[crmsync.LinkKey]*mirror{}, states: map[crmsync.ConnectionID]*accountState{}}
	w.draw()
	return w
}

// tracing says whether anybody reads the trace.
func (w *World) tracing() bool { return w.setup.Trace != nil }

func (w *World) trace(format string, args ...any) {
	if w.setup.Trace != nil {
		w.setup.Trace("%8v  "+format, append([]any{w.Now.Sub(Epoch()).Round(ms / 10)}, args...)...)
	}
}

// breach notes that the promise does not hold. The first word says how.
func (w *World) breach(format string, args ...any) {
	w.trace("BREACH "+format, args...)
	w.Breaches = append(w.Breaches, fmt.Sprintf(format, args...))
}

// happens decides whether a fault that comes with a call comes now.
func (w *World) happens(t Trouble) bool {
	if w.calm || w.plan.rates[t] == 0 || !w.dice.Chance(w.plan.rates[t]) {
		return false
	}
	w.note(t)
	return true
}

// note counts a trouble.
func (w *World) note(t Trouble) { w.Coverage.Happened[t]++ }

// span is a duration from one millisecond to top.
func (w *World) span(top time.Duration) time.Duration {
	return ms * time.Duration(1+w.dice.N(max(1, int(top/ms))))
}

var errBroken = errors.New("broken pipe")

// remote is a call that may fail before its effect, or lose its answer after it.
func (w *World) remote(before, after Trouble, effect func()) error {
	if w.happens(before) {
		return errBroken
	}
	effect()
	if w.happens(after) {
		return errBroken
	}
	return nil
}

// later lets something happen by itself before an end.
func (w *World) later(end time.Time, land func()) {
	w.late = append(w.late, effect{w.Now.Add(w.span(end.Sub(w.Now))), land})
}

// wake is when the world next changes by itself, zero for never.
func (w *World) wake() (at time.Time) {
	sooner := func(t time.Time) {
		if t.After(w.Now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	for i := range w.late {
		sooner(w.late[i].at)
	}
	for p := range w.plan.partitions {
		l := &w.logs[p]
		if end := w.end(int32(p)); end < int64(len(l.messages)) {
			sooner(l.messages[end].Time)
		}
	}
	return at
}

// advance moves time on, and lets what is late land.
func (w *World) advance(to time.Time) {
	slices.SortStableFunc(w.late, func(a, b effect) int { return a.at.Compare(b.at) })
	for len(w.late) > 0 && !w.late[0].at.After(to) {
		l := w.late[0]
		w.late = w.late[1:]
		w.Now = l.at
		l.land()
	}
	w.Now = to
}

// settle ends all faults that last.
func (w *World) settle() {
	w.calm = true
	w.cacheGone, w.lettersDown, w.store.down = w.Now, w.Now, w.Now
	for _, s := range w.crm.states {
		s.down, s.quota, s.unusable = w.Now, w.Now, w.Now
		s.stored = s.accepted
	}
}
