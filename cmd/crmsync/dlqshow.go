package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"crmsync/pipeline/kafka"
)

func (p *program) dlqShowCommand() *cobra.Command {
	var asJSON, raw bool
	c := &cobra.Command{
		Use: "show ENTRY", Short: "Show a dead letter whole: why, where from, and its event", Args: exactArgs("ENTRY"),
		Long: `Show a dead letter whole: why, where from, and its event. This may be personal
data.`,
		Example: "  crmsync dlq show 0/17\n  crmsync dlq show 0/17 --raw > event.json    # its bytes, untouched",
		RunE: func(c *cobra.Command, args []string) error {
			if asJSON && raw {
				return usage{errors.New("dlq show: give --json or --raw, not both")}
			}
			l, err := p.dlqLetter(c.Context(), args[0])
			switch {
			case err != nil:
				return err
			case raw && l.Reference:
				return fmt.Errorf("show the bytes of %s: %s", l.Entry, elsewhere(l))
			case raw:
				_, err := p.out.Write(l.Message.Value)
				return err
			case asJSON:
				return p.printJSON(wholeLetter(l))
			}
			return p.printLetter(l)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&raw, "raw", false, "print the event's bytes and nothing else")
	return c
}

// dlqLetter reads one dead letter.
func (p *program) dlqLetter(ctx context.Context, entry string) (*kafka.Letter, error) {
	s := selection{entries: []string{entry}}
	filters, err := s.filters(time.Now())
	if err != nil {
		return nil, err
	}
	m, err := p.openMorgue(ctx, &s)
	if err != nil {
		return nil, err
	}
	for l, err := range m.letters(ctx, &s, filters) {
		return &l, err
	}
	return nil, fmt.Errorf("read dead letter %s: %w", entry, ctx.Err())
}

// letterWhole is all that is known of a dead letter.
type letterWhole struct {
	letterShown
	Message    string            `json:"message"`
	ExistingID string            `json:"existing_id"`
	Key        string            `json:"key"`
	Headers    map[string]string `json:"headers"`
	ReadAt     time.Time         `json:"message_time"`
	Reference  bool              `json:"reference"` // the event is not here, but perhaps at source still
	Event      json.RawMessage   `json:"event,omitempty"`
	Base64     string            `json:"event_base64,omitempty"` // of an event that is not JSON
	Tombstone  bool              `json:"tombstone"`
}

func wholeLetter(l *kafka.Letter) letterWhole {
	w := letterWhole{
		letterShown: shownLetter(l), Message: l.Fault.Message, ExistingID: l.Fault.ExistingID, Key: string(l.Message.Key),
		Headers: map[string]string{}, ReadAt: l.Message.Time, Reference: l.Reference, Tombstone: l.Message.Value == nil && !l.Reference,
	}
	for _, h := range l.Message.Headers {
		w.Headers[h.Key] = string(h.Value)
	}
	switch value := l.Message.Value; {
	case value == nil:
	case json.Valid(value) && utf8.Valid(value):
		w.Event = value
	default:
		w.Base64 = base64.StdEncoding.EncodeToString(value)
	}
	return w
}

// elsewhere tells of an event that was too large for the dead-letter topic.
func elsewhere(l *kafka.Letter) string {
	return fmt.Sprintf("the event was too large for the dead-letter topic; it may still lie at %s/%d/%d",
		l.Message.Topic, l.Message.Partition, l.Message.Offset)
}

func (p *program) printLetter(l *kafka.Letter) error {
	w := wholeLetter(l)
	lines := [][2]string{
		{"dead letter", w.Entry},
		{"given up", join(moment(w.At), attempts(w.Attempts))},
		{"record", join(w.Record, versionText(w.Version))},
		{"connection", join(w.Connection, prefixed("provider ", w.Provider))},
		{"reason", join(w.Reason, w.Kind)},
		{"message", w.Message},
		{"mapping", w.Mapping},
		{"field", w.Field},
		{"in the way", w.ExistingID},
		{"read from", join(w.Source, moment(w.ReadAt))},
		{"replay of", w.ReplayOf},
		{"key", w.Key},
	}
	for _, h := range l.Message.Headers {
		lines = append(lines, [2]string{"header", h.Key + ": " + string(h.Value)})
	}
	for _, line := range lines {
		if line[1] != "" {
			fmt.Fprintf(p.out, "%-12s %s\n", line[0], printable(line[1]))
		}
	}
	fmt.Fprintln(p.out, "event")
	for line := range strings.Lines(eventText(l)) {
		fmt.Fprintf(p.out, "  %s\n", printable(strings.TrimRight(line, "\n")))
	}
	p.hint("Once its cause is mended:  crmsync dlq replay %s", w.Entry)
	return nil
}

// eventText returns the event as a person reads it.
func eventText(l *kafka.Letter) string {
	value := l.Message.Value
	if l.Reference {
		return elsewhere(l)
	}
	if value == nil {
		return "a tombstone: the record was deleted"
	}
	var b bytes.Buffer
	if utf8.Valid(value) && json.Indent(&b, value, "", "  ") == nil {
		return b.String()
	}
	return strconv.QuoteToGraphic(string(value))
}

// join puts what is there of some texts in a line.
func join(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(t string) bool { return t == "" }), ", ")
}

// prefixed returns prefix and text, or nothing without a text.
func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

func versionText(v int64) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf("version %d", v)
}

func attempts(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "after 1 attempt"
	}
	return fmt.Sprintf("after %d attempts", n)
}
