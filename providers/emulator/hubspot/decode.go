package hubspot

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxInputs is how many inputs a batch may have.
const maxInputs = 100

// pair is one property of an input as it came.
type pair struct {
	name  string
	value string
}

// input is one record of a batch, or the whole of a single call.
type input struct {
	id         string
	idProperty string
	traceID    string
	props      []pair
	associated bool // asks for associations, which the emulator has not
}

// batch is the body of a batch call.
type batch struct {
	inputs     []input
	count      int      // all inputs, also those over maxInputs
	present    bool     // there was a list of inputs
	idProperty string   // batch read only
	properties []string // batch read only
}

// batchDecoder reads a batch. All pairs stand in one slice, so that a batch
// costs few allocations.
type batchDecoder struct {
	cursor
	strict bool
	pairs  []pair
	ends   []int // where the pairs of each input end
	out    batch
}

// decodeBatch reads the body of any batch call.
func decodeBatch(body []byte, strict bool) (*batch, *refusal) {
	if r := invalidSyntax(body); r != nil {
		return nil, r
	}
	d := &batchDecoder{cursor: cursor{text: string(body)}, strict: strict}
	if err := d.object(wantObject, d.field); err != nil {
		return nil, invalidJSON(d.text, err)
	}
	start := 0
	for i, end := range d.ends {
		d.out.inputs[i].props = d.pairs[start:end:end]
		start = end
	}
	return &d.out, nil
}

func (d *batchDecoder) field(name string) (err error) {
	switch name {
	case "inputs":
		d.out.inputs, d.pairs, d.ends, d.out.count = nil, nil, nil, 0
		d.out.present = true
		return d.list(d.input)
	case "idProperty":
		d.out.idProperty, err = d.scalar(d.strict)
	case "properties":
		d.out.properties = nil
		return d.list(func() error {
			name, err := d.scalar(d.strict)
			d.out.properties = append(d.out.properties, name)
			return err
		})
	default:
		d.skip()
	}
	return err
}

func (d *batchDecoder) input() error {
	if d.out.count++; d.out.count > maxInputs {
		d.skip()
		return nil
	}
	in, err := d.record(&d.pairs, d.strict)
	d.out.inputs, d.ends = append(d.out.inputs, in), append(d.ends, len(d.pairs))
	return err
}

// record reads one input and appends its properties to pairs.
func (c *cursor) record(pairs *[]pair, strict bool) (in input, err error) {
	start := len(*pairs)
	err = c.object(wantObject, func(name string) (err error) {
		switch name {
		case "id":
			in.id, err = c.scalar(strict)
		case "idProperty":
			in.idProperty, err = c.scalar(strict)
		case "objectWriteTraceId":
			in.traceID, err = c.scalar(strict)
		case "properties":
			*pairs = (*pairs)[:start] // a second "properties" replaces the first
			err = c.object(wantObject, func(name string) error {
				value, err := c.scalar(strict)
				*pairs = append(*pairs, pair{name, value})
				return err
			})
		case "associations":
			before := c.at
			c.skip()
			value := strings.TrimSpace(c.text[before:c.at])
			in.associated = value != "null" && strings.Trim(value, "[] \t\r\n") != ""
		default:
			c.skip()
		}
		return err
	})
	return in, err
}

// decodeSingle reads the body of a single create or update.
func decodeSingle(body []byte, strict bool) (input, *refusal) {
	if r := invalidSyntax(body); r != nil {
		return input{}, r
	}
	c := &cursor{text: string(body)}
	var pairs []pair
	in, err := c.record(&pairs, strict)
	if err != nil {
		return input{}, invalidJSON(c.text, err)
	}
	in.props = pairs
	return in, nil
}

// invalidSyntax is the refusal of a body that is not JSON, or nil.
func invalidSyntax(body []byte) *refusal {
	if json.Valid(body) {
		return nil
	}
	var ignored any
	err := json.Unmarshal(body, &ignored)
	return invalidJSON(string(body), err)
}

// invalidJSON tells where in the body and why. HubSpot gives no category for
// it. Not documented: the reasons of syntax errors; these are Go's.
func invalidJSON(text string, err error) *refusal {
	at, reason := len(text), "Unexpected end-of-input"
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		at, reason = int(syntax.Offset)-1, syntax.Error()
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		at, reason = int(wrong.Offset)-1, fmt.Sprintf("Cannot deserialize value of type `%s` from %s value", wrong.Type, wrong.Value)
	}
	if wrong, ok := errors.AsType[*mistyped](err); ok {
		at, reason = wrong.at, wrong.Error()
	}
	line, column := position(text, at)
	r := refused(fmt.Sprintf("Invalid input JSON on line %d, column %d: %s", line, column, reason))
	r.category = ""
	return r
}

// position counts lines and characters from 1.
func position(text string, at int) (line, column int) {
	before := text[:min(max(at, 0), len(text))]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}
