package demo

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Sample is one request that a mapping made, as it went over the wire.
type Sample struct {
	File   string // the mapping's name
	Text   string // the mapping
	Method string
	Path   string
	Status int
	Calls  int // records in the request
	Event  crmEvent
	Input  json.RawMessage // the part of the body that is of this record
}

// crmEvent is the record that a sample is of.
type crmEvent struct{ Record, Data string }

// NewSample reads a request's body and picks the record of that id out of it;
// nil if it isn't in it.
func NewSample(method, path string, status int, body []byte, id string) *Sample {
	var batch struct {
		Inputs []json.RawMessage `json:"inputs"`
	}
	if json.Unmarshal(body, &batch) != nil {
		return nil
	}
	for _, input := range batch.Inputs {
		var one struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(input, &one) == nil && one.ID == id {
			return &Sample{Method: method, Path: path, Status: status, Calls: len(batch.Inputs), Input: input}
		}
	}
	return nil
}

// beside returns the mapping's lines, each with what of the request comes from
// it: the field's property, or how the record is matched.
func (s *Sample) beside() (rows [][2]string) {
	var input struct {
		ID         string                     `json:"id"`
		IDProperty string                     `json:"idProperty"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if json.Unmarshal(s.Input, &input) != nil {
		return nil
	}
	for line := range strings.Lines(s.Text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue // said in words around it
		}
		right := ""
		name, _, isKey := strings.Cut(strings.TrimSpace(line), ":")
		value, sent := input.Properties[name]
		switch {
		case strings.HasPrefix(line, "match:"):
			right = `"id": "` + input.ID + `", "idProperty": "` + input.IDProperty + `"`
		case isKey && sent && strings.HasPrefix(line, "  ") && !strings.HasPrefix(line, "   "):
			right = `"` + name + `": ` + string(value)
		}
		rows = append(rows, [2]string{line, right})
	}
	return rows
}

// cut shortens a text to so many characters.
func cut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
