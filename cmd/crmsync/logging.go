package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/lmittmann/tint"
	"golang.org/x/term"
)

// logger returns the program's logger: JSON, or coloured text on a terminal.
func (p *program) logger(c logConfig) (*slog.Logger, error) {
	if p.logLevel != "" {
		c.Level = p.logLevel
	}
	if p.logFormat != "" {
		c.Format = p.logFormat
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		return nil, usage{fmt.Errorf("log level %q: give debug, info, warn or error", c.Level)}
	}
	switch c.Format {
	case "json":
		return slog.New(slog.NewJSONHandler(p.err, &slog.HandlerOptions{Level: level})), nil
	case "auto":
		if !p.terminal(p.err) {
			return slog.New(slog.NewJSONHandler(p.err, &slog.HandlerOptions{Level: level})), nil
		}
	case "text":
	default:
		return nil, usage{fmt.Errorf("log format %q: give auto, text or json", c.Format)}
	}
	return slog.New(tint.NewTextHandler(p.err, &tint.Options{Level: level, NoColor: !p.color(p.err), TimeFormat: time.TimeOnly})), nil
}

// repeats lets the same fault through once a second, and counts the rest.
type repeats struct {
	now func() time.Time

	mu   sync.Mutex // guards last
	last map[string]*repeat
}

type repeat struct {
	at      time.Time
	skipped int
}

// maxRepeats bounds how many different faults are told apart.
const maxRepeats = 1000

func newRepeats(now func() time.Time) *repeats {
	return &repeats{now: now, last: map[string]*repeat{}}
}

// pass says whether a fault may be logged now, and how many like it were not.
func (r *repeats) pass(key string) (ok bool, skipped int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	f := r.last[key]
	if f == nil {
		if len(r.last) >= maxRepeats {
			clear(r.last)
		}
		f = &repeat{at: now.Add(-time.Hour)}
		r.last[key] = f
	}
	if now.Sub(f.at) < time.Second {
		f.skipped++
		return false, 0
	}
	skipped = f.skipped
	f.at, f.skipped = now, 0
	return true, skipped
}

// line is a line on a terminal that is written over; elsewhere it is nothing.
type line struct {
	mu   sync.Mutex // guards w and wide
	w    io.Writer
	wide int
}

// show puts text in the line.
func (l *line) show(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.w == nil {
		return
	}
	text := fmt.Sprintf(format, args...)
	if runes := []rune(text); l.columns() > 0 && len(runes) >= l.columns() {
		text = string(runes[:l.columns()-1]) // a line that wraps can't be written over
	}
	fmt.Fprintf(l.w, "\r%-*s", l.wide, text)
	l.wide = utf8.RuneCountInString(text)
}

// columns returns how wide the terminal is, 0 if that is not known.
func (l *line) columns() int {
	f, ok := l.w.(*os.File)
	if !ok {
		return 0
	}
	wide, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return wide
}

// clear empties the line and stays there.
func (l *line) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.w != nil && l.wide > 0 {
		fmt.Fprintf(l.w, "\r%*s\r", l.wide, "")
		l.wide = 0
	}
}

// progress returns the line that shows how far a command has come; on anything
// but a terminal, or with --quiet, it shows nothing.
func (p *program) progress() *line {
	if p.quiet || !p.terminal(p.err) {
		return &line{}
	}
	return &line{w: p.err}
}
