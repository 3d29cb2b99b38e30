package postgres

import (
	"time"

	"crmsync"
)

// linkColumns are links as columns, for unnest. Links share few owners, and most have no moment and
// don't wait: both have columns of their own.
type linkColumns struct {
	places map[crmsync.Owner]int32 // from 1
	topics []string
	parts  []int32
	epochs []int64

	keyColumns
	owner                                         []int32 // its place
	objects, externals                            []string
	applied, dead, hashes, eventHashes, revisions []int64
	deleted, seek                                 []bool
	updated                                       []*time.Time

	moments momentColumns
}

// momentColumns are what links have that wait or that a call may still land for.
type momentColumns struct {
	places                 []int64 // of the link, from 1
	unsure, until, version []*int64
	reasons                []*string
	since                  []*time.Time
	attempts               []*int32
	bodies                 [][]byte
}

func newLinkColumns(n int) linkColumns {
	text, numbers, flags := make([]string, 2*n), make([]int64, 5*n), make([]bool, 2*n)
	return linkColumns{
		places:     map[crmsync.Owner]int32{},
		keyColumns: newKeyColumns(n), owner: make([]int32, 0, n),
		objects: text[:0:n], externals: text[n : n : 2*n],
		applied: numbers[:0:n], dead: numbers[n : n : 2*n], hashes: numbers[2*n : 2*n : 3*n],
		eventHashes: numbers[3*n : 3*n : 4*n], revisions: numbers[4*n : 4*n : 5*n],
		deleted: flags[:0:n], seek: flags[n : n : 2*n], updated: make([]*time.Time, 0, n),
	}
}

// add appends a link. now is what the caller's clock shows.
func (c *linkColumns) add(l *crmsync.Link, now time.Time) {
	c.keyColumns.add(l.LinkKey)
	c.owner = append(c.owner, c.place(l.Owner))
	c.objects = append(c.objects, l.Object)
	c.externals = append(c.externals, l.ExternalID)
	c.applied = append(c.applied, l.Applied)
	c.dead = append(c.dead, l.Dead)
	c.hashes = append(c.hashes, int64(l.Hash))
	c.eventHashes = append(c.eventHashes, int64(l.EventHash))
	c.revisions = append(c.revisions, l.Revision)
	c.deleted = append(c.deleted, l.Deleted)
	c.seek = append(c.seek, l.Seek)
	c.updated = append(c.updated, timeOrNull(l.UpdatedAt))
	if l.Wait != nil || !l.Unsure.IsZero() {
		c.moments.add(int64(len(c.owner)), l, now)
	}
}

func (c *linkColumns) place(owner crmsync.Owner) int32 {
	place, ok := c.places[owner]
	if !ok {
		c.topics, c.parts, c.epochs = append(c.topics, owner.Topic), append(c.parts, owner.Partition), append(c.epochs, owner.Epoch)
		place = int32(len(c.topics))
		c.places[owner] = place
	}
	return place
}

func (c *momentColumns) add(place int64, l *crmsync.Link, now time.Time) {
	var unsure *int64
	if !l.Unsure.IsZero() {
		unsure = left(l.Unsure, now)
	}
	c.places, c.unsure = append(c.places, place), append(c.unsure, unsure)
	if l.Wait == nil {
		c.until, c.version, c.reasons = append(c.until, nil), append(c.version, nil), append(c.reasons, nil)
		c.since, c.attempts, c.bodies = append(c.since, nil), append(c.attempts, nil), append(c.bodies, nil)
		return
	}
	w, attempts := *l.Wait, int32(l.Wait.Attempts)
	c.until, c.version, c.reasons = append(c.until, left(w.Until, now)), append(c.version, &w.Version), append(c.reasons, &w.Reason)
	c.since, c.attempts, c.bodies = append(c.since, timeOrNull(w.Since)), append(c.attempts, &attempts), append(c.bodies, w.Body)
}

// left returns the microseconds from now to then, rounded up.
func left(then, now time.Time) *int64 {
	d := min(max(then.Sub(now), -farthest), farthest)
	n := int64(d / time.Microsecond)
	if d%time.Microsecond > 0 {
		n++
	}
	return &n
}

func (c *linkColumns) owners() []any { return []any{c.topics, c.parts, c.epochs} }

func (c *linkColumns) arguments() []any {
	m := &c.moments
	arguments := append(c.owners(), c.keyColumns.arguments()...)
	return append(arguments, c.owner, c.objects, c.externals, c.applied, c.dead, c.hashes, c.eventHashes, c.revisions,
		c.deleted, c.seek, c.updated,
		m.places, m.unsure, m.until, m.version, m.reasons, m.since, m.attempts, m.bodies)
}
