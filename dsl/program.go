package dsl

import (
	"cmp"
	"fmt"

	"crmsync"
	"crmsync/dsl/expr"
)

// Program is a compiled mapping. It is immutable and may be used concurrently,
// each user with its own [Renderer].
type Program struct {
	slot     slot
	file     string // as messages name it
	base     string // the file it extends; may be empty
	object   string
	vars     *expr.Vars
	varNames []string // sorted
	when     *snippet // nil: always
	match    matchBy
	onDelete onDelete
	missing  onMissing
	fields   []field // sorted by name
	removed  []removal
	// later tells that some fields are written by updates only, so that a
	// create doesn't leave what an equal update would.
	later bool
}

// snippet is an expression and where it stands.
type snippet struct {
	at   place
	prog *expr.Program
}

// matchBy is how the CRM finds an existing object.
type matchBy struct {
	field string
	at    place
	value *snippet
}

// removal is an inherited field that the mapping takes out.
type removal struct {
	name string
	at   place
}

// deletion is what becomes of the object when its record is deleted.
type deletion uint8

const (
	ignoreObject deletion = iota
	archiveObject
	setFields
)

// onDelete is what a mapping says of deletes.
type onDelete struct {
	action deletion
	at     place
	fields []byte // of setFields: a JSON object
}

// onMissing is what a mapping says of updates whose object the CRM has lost.
type onMissing struct {
	recreate bool
	at       place
}

// compareSlots orders slots as their files are sorted.
func compareSlots(a, b slot) int {
	return cmp.Or(cmp.Compare(a.org, b.org), cmp.Compare(a.provider, b.provider), cmp.Compare(a.record, b.record))
}

// Object returns the CRM's kind of object, as its API names it.
func (p *Program) Object() string { return p.object }

// RecordType returns the type of the records that the program renders.
func (p *Program) RecordType() string { return p.slot.record }

// Fields returns the names of the CRM's fields that the program writes, sorted.
func (p *Program) Fields() []string {
	names := make([]string, len(p.fields))
	for i := range p.fields {
		names[i] = p.fields[i].name
	}
	return names
}

// File returns the mapping's file, below the folder that Options.Dir names.
func (p *Program) File() string { return p.file }

// Recreates tells what is to become of an update when the CRM answers that it
// has no such object (404): true makes the object again, false, the default,
// makes the update a dead letter. It is `on_missing` of the mapping, and says
// nothing of deletes.
func (p *Program) Recreates() bool { return p.missing.recreate }

// Operation tells what a delivery will ask for, without rendering it. act is
// false when it asks for nothing.
//
// Without an object known to the link, a create or update is an Upsert, and a
// delete a Find: once that has named the object, asking again gives the
// Archive or Update. An object that was archived before is not known any more,
// except to a delete with `on_delete: archive`, whose call then has the hash
// that the link holds.
func (p *Program) Operation(op crmsync.Op, link *crmsync.Link) (o crmsync.Operation, act bool) {
	known := link != nil && link.ExternalID != "" && (link.Object == "" || link.Object == p.object)
	if op != crmsync.Deleted {
		if known && !link.Deleted {
			return crmsync.Update, true
		}
		return crmsync.Upsert, true
	}
	switch {
	case p.onDelete.action == ignoreObject:
		return crmsync.Find, false
	case !known:
		return crmsync.Find, true
	case p.onDelete.action == archiveObject:
		return crmsync.Archive, true
	default:
		return crmsync.Update, !link.Deleted
	}
}

// Where returns the place of a CRM field's mapping as "file:line:col", and the
// file alone for a field that the mapping doesn't have.
func (p *Program) Where(name string) string {
	if f := p.field(name); f != nil {
		return f.at.String()
	}
	return p.file
}

// field returns the field of that name, nil if there is none.
func (p *Program) field(name string) *field {
	for i := range p.fields {
		if p.fields[i].name == name {
			return &p.fields[i]
		}
	}
	return nil
}

// place is where an expression or a value starts, and how to find the file's
// place of each of its runes.
type place struct {
	file string
	runs []run
}

// run says that the runes of a value from offset on stand in one line of the
// file, the first at line and col.
type run struct{ offset, line, col int }

// String returns "file:line:col" of the first rune.
func (p place) String() string { return p.rune(0) }

// rune returns "file:line:col" of the rune at that offset.
func (p place) rune(offset int) string {
	if len(p.runs) == 0 {
		return p.file
	}
	r := p.runs[0]
	for _, next := range p.runs[1:] {
		if next.offset > offset {
			break
		}
		r = next
	}
	return fmt.Sprintf("%s:%d:%d", p.file, r.line, r.col+max(0, offset-r.offset))
}
