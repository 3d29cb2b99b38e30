package sim

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"crmsync"
	"crmsync/pipeline/history"
)

// crm is all accounts at both CRMs.
type crm struct {
	w       *World
	objects []*object
	states  map[crmsync.ConnectionID]*accountState
	mirrors map[crmsync.LinkKey]*mirror
	air     []*airborne
	calls   []history.Call // those that had an effect
}

// object is one object of an account.
type object struct {
	id       string
	account  crmsync.ConnectionID
	kind     string // people, …
	match    string
	key      crmsync.LinkKey // the record that made it
	born     time.Time
	content  content
	archived bool
}

// mirror is what calls have made of a record at one CRM.
type mirror struct {
	version int64   // the newest that landed
	content content // of the last call
	byHand  bool    // its object was deleted in the CRM since
	handID  string
}

// airborne is a call of a record that may still land, till then.
type airborne struct {
	key    crmsync.LinkKey
	till   time.Time
	flight *flight // whose answer ends it; nil: it is ambiguous, only time does
}

// accountState is what an account is in: down, out of quota, with another
// credential than the one that is stored.
type accountState struct {
	id                    crmsync.ConnectionID
	down, quota, unusable time.Time // till when
	accepted, stored      int       // numbers of credentials
}

func (s *accountState) secret(n int) string { return fmt.Sprintf("%s-%d", s.id, n) }

func (c *crm) state(id crmsync.ConnectionID) *accountState {
	s := c.states[id]
	if s == nil {
		s = &accountState{id: id}
		c.states[id] = s
	}
	return s
}

// credential returns the state of the account that a credential opens.
func (c *crm) credential(id crmsync.CredentialID) *accountState {
	for i := range accounts {
		if accounts[i].CredentialID() == id {
			return c.state(accounts[i].ID)
		}
	}
	panic("no such credential: " + id.String())
}

func (w *World) mirror(key crmsync.LinkKey) *mirror {
	m := w.crm.mirrors[key]
	if m == nil {
		m = &mirror{}
		w.crm.mirrors[key] = m
	}
	return m
}

// alive counts the live objects of a record.
func (c *crm) alive(key crmsync.LinkKey) (n int) {
	for _, o := range c.objects {
		if o.key == key && !o.archived {
			n++
		}
	}
	return n
}

// find returns the live object that a match names, nil if there is none.
func (c *crm) find(b *crmsync.Batch, m crmsync.Match) *object {
	for _, o := range c.objects {
		if !o.archived && o.account == b.Connection.ID && o.kind == b.Object && o.match == m.Value {
			return o
		}
	}
	return nil
}

// byID returns the live object of that id, nil if there is none.
func (c *crm) byID(b *crmsync.Batch, id string) *object {
	for _, o := range c.objects {
		if !o.archived && o.account == b.Connection.ID && o.id == id && o.kind == b.Object {
			return o
		}
	}
	return nil
}

// fields is what a call says of an object. Nil: it says nothing of it.
type fields struct {
	Value  *int    `json:"value"`
	Life   *int    `json:"life"`
	Status *string `json:"status"`
	Flaw   *string `json:"flaw"`
}

func read(call *crmsync.Call) (f fields) {
	if len(call.Fields) > 0 {
		if err := json.Unmarshal(call.Fields, &f); err != nil {
			panic("a call's fields are no JSON: " + err.Error())
		}
	}
	return f
}

// flawed says that the CRM refuses the call for what it says.
func (f *fields) flawed() bool { return f.Flaw != nil && *f.Flaw != "" }

func (f *fields) apply(c *content) {
	if f.Value != nil {
		c.Value = *f.Value
	}
	if f.Life != nil {
		c.Life = *f.Life
	}
	if f.Status != nil {
		c.Status = *f.Status
	}
}

func missing() crmsync.Result {
	return crmsync.Result{Fault: &crmsync.Fault{Kind: crmsync.Missing, Code: "NOT_FOUND"}}
}

// land is the effect of a call, and its answer.
func (c *crm) land(b *crmsync.Batch, call *crmsync.Call) crmsync.Result {
	key := crmsync.LinkKey{Key: call.Key, Connection: b.Connection.ID.Name}
	said := read(call)
	var o *object
	switch b.Operation {
	case crmsync.Find:
		return c.search(b, call)
	case crmsync.Update, crmsync.Archive:
		if o = c.byID(b, call.ExternalID); o == nil {
			c.w.trace("%v %s %s lands on nothing", key.Key, key.Connection, b.Operation)
			return missing()
		}
	case crmsync.Upsert:
		o = c.find(b, call.Match)
	}
	created := o == nil
	if created {
		o = &object{
			id: fmt.Sprintf("%s%d", b.Connection.Provider[:1], len(c.objects)+1), account: b.Connection.ID, kind: b.Object, match: call.Match.Value,
			key: key, born: c.w.Now,
		}
		c.objects = append(c.objects, o)
		said.apply(&o.content)
	}
	c.w.judgeLanding(b, call, o, &said, created)
	said.apply(&o.content)
	o.archived = b.Operation == crmsync.Archive
	c.remember(b, call, o, created)
	m := c.w.mirror(key)
	m.version, m.content, m.byHand = max(m.version, call.Version), o.content, false
	if o.archived {
		m.content = content{}
	}
	return crmsync.Result{ExternalID: o.id, Created: created}
}

// search looks for an object. One that is younger than the lag may stay unseen.
func (c *crm) search(b *crmsync.Batch, call *crmsync.Call) crmsync.Result {
	o := c.find(b, call.Match)
	lag := c.w.plan.limits[kindOf(b.Connection.Provider)][crmsync.Find].SearchLag
	if o == nil || o.born.Add(lag).After(c.w.Now) && c.w.dice.N(4) < 3 {
		return missing()
	}
	return crmsync.Result{ExternalID: o.id}
}

// deleteByHand is somebody who deletes an object in the CRM.
func (c *crm) deleteByHand() bool {
	live := slices.DeleteFunc(slices.Clone(c.objects), func(o *object) bool { return o.archived })
	if len(live) == 0 {
		return false
	}
	o := live[c.w.dice.N(len(live))]
	o.archived = true
	m := c.w.mirror(o.key)
	m.byHand, m.handID = true, o.id
	c.w.handled[o.key] = true
	c.w.trace("somebody deletes %s of %v %s", o.id, o.key.Key, o.key.Connection)
	return true
}
