package document

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// position returns "file:line:col", or what is known of it.
func (d *Diagnostic) position() string {
	if d.Range.Start == (Position{}) {
		return d.File
	}
	return d.File + ":" + d.Range.Start.String()
}

func oneline(d *Diagnostic) string {
	return fmt.Sprintf("%s: %s: %s [%s]\n", d.position(), d.Severity, visible(d.Message), d.Code)
}

// Oneline prints one line per diagnostic: "path:12:17: error: message [CM201]".
func Oneline(w io.Writer, ds Diagnostics) error {
	for i := range ds {
		if _, err := io.WriteString(w, oneline(&ds[i])); err != nil {
			return fmt.Errorf("print diagnostics: %w", err)
		}
	}
	return nil
}

// quotedRunes is how much of the file a message quotes.
const quotedRunes = 80

// short returns the start of a text that a message quotes.
func short(text string) string {
	count := 0
	for i := range text {
		if count++; count > quotedRunes {
			return text[:i] + "…"
		}
	}
	return text
}

// visible replaces what could break a line or drive a terminal: diagnostics
// quote files that nobody has read yet.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return '\ufffd'
		}
		return r
	}, text)
}

type jsonReport struct {
	FormatVersion string           `json:"format_version"`
	Valid         bool             `json:"valid"`
	Errors        int              `json:"error_count"`
	Warnings      int              `json:"warning_count"`
	Diagnostics   []jsonDiagnostic `json:"diagnostics"`
}

type jsonDiagnostic struct {
	Severity Severity `json:"severity"`
	Code     string   `json:"code"`
	Rule     string   `json:"rule"`
	Message  string   `json:"message"`
	Help     string   `json:"help,omitempty"`
	Notes    []string `json:"notes,omitempty"`
	File     string   `json:"file"`
	Range    Range    `json:"range"`
	Pointer  string   `json:"pointer"`
	Org      string   `json:"org,omitempty"`
	Provider string   `json:"provider,omitempty"`
	Object   string   `json:"object,omitempty"`
	Fix      *Fix     `json:"fix,omitempty"`
}

// JSON prints one object with format_version, valid, error_count,
// warning_count and diagnostics. A change of the first number of
// format_version breaks readers, one of the second adds something.
func JSON(w io.Writer, ds Diagnostics) error {
	report := jsonReport{
		FormatVersion: "1.0", Valid: !ds.HasErrors(), Errors: ds.Count(Error), Warnings: ds.Count(Warning),
		Diagnostics: make([]jsonDiagnostic, len(ds)),
	}
	for i, d := range ds {
		report.Diagnostics[i] = jsonDiagnostic{
			d.Severity, d.Code, d.Rule, d.Message, d.Help, d.Notes, d.File, d.Range, d.Pointer, d.Org, d.Provider, d.Object, d.Fix,
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(report); err != nil {
		return fmt.Errorf("print diagnostics: %w", err)
	}
	return nil
}

// GitHub prints workflow commands that annotate a pull request. The first line
// of the help stands in the message.
func GitHub(w io.Writer, ds Diagnostics) error {
	for i := range ds {
		if _, err := io.WriteString(w, github(&ds[i])); err != nil {
			return fmt.Errorf("print diagnostics: %w", err)
		}
	}
	return nil
}

func github(d *Diagnostic) string {
	at := "file=" + property(d.File)
	if d.Range.Start != (Position{}) {
		at += fmt.Sprintf(",line=%d,col=%d", d.Range.Start.Line, d.Range.Start.Column)
	}
	switch {
	case d.Range.End.Line > d.Range.Start.Line: // GitHub takes end columns only within one line
		at += fmt.Sprintf(",endLine=%d", d.Range.End.Line)
	case d.Range.End.Column > d.Range.Start.Column:
		at += fmt.Sprintf(",endColumn=%d", d.Range.End.Column)
	}
	message := d.Message
	if d.Help != "" {
		first, _, _ := strings.Cut(d.Help, "\n")
		message += " (" + first + ")"
	}
	title := property(d.Code + " " + d.Rule)
	return fmt.Sprintf("::%s %s,title=%s::%s\n", d.Severity, at, title, data(visible(message)))
}

// data escapes the message of a workflow command, property one of its values.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(s))
}
