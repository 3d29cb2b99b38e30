package expr

import (
	"fmt"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
	"github.com/valyala/fastjson"

	"crmsync"
)

// Scope holds the values that expressions read, and scratch memory. It is
// reusable and not for concurrent use. The zero Scope is ready.
type Scope struct {
	parser fastjson.Parser
	record ref.Val // what `record` reads
	event  *crmsync.Event
	vars   *Vars
	plain  []plainVariable
	frame  *interpreter.ExecutionFrame // made once; it reads through the scope
}

// plainVariable is a variable of a plain Env.
type plainVariable struct {
	name   string
	value  ref.Val // nil: not set
	parser *fastjson.Parser
}

// Reset puts an event in the place of what was there: record, event, record_id,
// org_id and vars. The event's Data is parsed, its fields are converted only
// when they are read. It fails when Data is not a JSON object; nil Data is an
// empty one. The event must stay untouched while the scope is in use.
func (s *Scope) Reset(ev *crmsync.Event, vars *Vars) error {
	s.event, s.vars, s.record = nil, nil, nil
	data := ev.Data
	if data == nil {
		data = []byte("{}")
	}
	v, err := s.parser.ParseBytes(data)
	if err != nil {
		return fmt.Errorf("read event data: not JSON: %w", err)
	}
	if v.Type() != fastjson.TypeObject {
		return fmt.Errorf("read event data: it is %s, not an object", jsonKind(v.Type()))
	}
	s.event, s.vars, s.record = ev, vars, (*object)(v)
	return nil
}

// Set gives a variable of a plain Env its value, see ValueOf.
func (s *Scope) Set(name string, v any) { s.variable(name).value = ValueOf(v).ref() }

// SetJSON parses data and gives it to a variable of a plain Env. Memory is
// reused from the variable's last SetJSON. It fails when data is not JSON.
func (s *Scope) SetJSON(name string, data []byte) error {
	p := s.variable(name)
	if p.parser == nil {
		p.parser = &fastjson.Parser{}
	}
	p.value = nil
	v, err := p.parser.ParseBytes(data)
	if err != nil {
		return fmt.Errorf("read %s: not JSON: %w", name, err)
	}
	p.value = untyped(v)
	return nil
}

// Clear forgets all values, and keeps the memory.
func (s *Scope) Clear() {
	s.event, s.vars, s.record = nil, nil, nil
	for i := range s.plain {
		s.plain[i].value = nil
	}
}

func (s *Scope) variable(name string) *plainVariable {
	for i := range s.plain {
		if s.plain[i].name == name {
			return &s.plain[i]
		}
	}
	s.plain = append(s.plain, plainVariable{name: name})
	return &s.plain[len(s.plain)-1]
}

// ResolveName implements interpreter.Activation. A variable that was not set is
// missing.
func (s *Scope) ResolveName(name string) (any, bool) {
	for i := range s.plain {
		if s.plain[i].name == name && s.plain[i].value != nil {
			return s.plain[i].value, true
		}
	}
	if s.event != nil {
		switch name {
		case "record":
			return s.record, true
		case "event":
			return (*envelope)(s.event), true
		case "record_id":
			return types.String(s.event.Key.ID), true
		case "org_id":
			return types.String(s.event.Key.Org), true
		case "vars":
			return s.vars, true
		}
	}
	return &missing{path: name}, true
}

// Parent implements interpreter.Activation.
func (s *Scope) Parent() interpreter.Activation { return nil }

// running returns the frame that evaluations share.
func (s *Scope) running() (*interpreter.ExecutionFrame, error) {
	if s.frame == nil {
		frame, err := interpreter.NewExecutionFrame(s)
		if err != nil {
			return nil, err
		}
		s.frame = frame
	}
	return s.frame, nil
}

// envelope is an event as expressions see it: without its data.
type envelope crmsync.Event

// readEvent reads a field of the envelope.
func readEvent(target any, name string) ref.Val {
	e, ok := target.(*envelope)
	if !ok {
		return &missing{path: "event." + name}
	}
	switch name {
	case "id":
		return types.String(e.ID)
	case "version":
		return types.Int(e.Version)
	case "op":
		return types.String(e.Op.String())
	case "occurred_at":
		return types.Timestamp{Time: e.OccurredAt}
	case "changed":
		return types.NewStringList(adapter{}, e.Changed)
	}
	return &missing{path: "event." + name}
}

// asMap returns the whole envelope as one value.
func (e *envelope) asMap() ref.Val {
	all := map[ref.Val]ref.Val{}
	for name := range eventFields() {
		all[types.String(name)] = readEvent(e, name)
	}
	return types.NewRefValMap(adapter{}, all)
}
