package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"crmsync"
	"crmsync/pipeline"
)

// maxEventLine is how much of a line is read, in bytes: far more than an event may
// have, so that one that is too large is told as the engine tells it.
const maxEventLine = 64 << 20

// eventLines are events as messages of a log, and what was left out.
type eventLines struct {
	messages []crmsync.Message
	numbers  []int // the messages' lines in the file, from 1
	lines    int   // that hold something
	nobody   int   // left out by --org, because they are no event of anybody
	more     bool  // than --limit
}

// readEvents reads the events of a file or of standard input.
func (p *program) readEvents(flags dryRunFlags) (*eventLines, error) {
	in := p.in
	if flags.events != "-" {
		f, err := os.Open(flags.events)
		if err != nil {
			return nil, fmt.Errorf("read the events: %w", err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	e := &eventLines{}
	err := eachLine(in, func(number int, line []byte) bool {
		e.lines++
		m := crmsync.Message{Topic: "dry-run", Offset: int64(len(e.messages)), Value: line, Time: rehearsalStart()}
		if flags.org != "" {
			var d pipeline.Decoder
			ev, _ := d.Decode(&m)
			if ev.Key.Org == "" {
				e.nobody++
			}
			if ev.Key.Org != flags.org {
				return true
			}
		}
		if e.more = len(e.messages) == flags.limit; e.more {
			return false
		}
		e.messages, e.numbers = append(e.messages, m), append(e.numbers, number)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("read the events of %s: %w", flags.events, err)
	}
	return e, nil
}

// eachLine gives the lines that are not empty to take, until it wants no more.
func eachLine(in io.Reader, take func(number int, line []byte) (more bool)) error {
	r := bufio.NewReaderSize(in, 64<<10)
	for number := 1; ; number++ {
		line, err := readLine(r)
		if line = bytes.TrimSpace(line); len(line) > 0 && !take(number, line) {
			return nil
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// readLine returns the next line, of a long one the first maxEventLine bytes.
// The error is io.EOF with the last line.
func readLine(r *bufio.Reader) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part[:min(len(part), maxEventLine-len(line))]...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// knownObject is a line of --state.
type knownObject struct {
	Org        string `json:"org"`
	Connection string `json:"connection"`
	RecordType string `json:"record_type"`
	RecordID   string `json:"record_id"`
	ExternalID string `json:"external_id"`
	Version    int64  `json:"version"`
}

// link is the line as a row of the state.
func (k *knownObject) link() (crmsync.Link, error) {
	for _, v := range []struct{ name, text string }{
		{"org", k.Org}, {"connection", k.Connection}, {"record_type", k.RecordType}, {"record_id", k.RecordID}, {"external_id", k.ExternalID},
	} {
		if v.text == "" {
			return crmsync.Link{}, fmt.Errorf("%s is missing", v.name)
		}
	}
	key := crmsync.LinkKey{Key: crmsync.RecordKey{Org: k.Org, Type: k.RecordType, ID: k.RecordID}, Connection: k.Connection}
	return crmsync.Link{LinkKey: key, Revision: 1, ExternalID: k.ExternalID, Applied: k.Version}, nil
}

// knows reads the CRM objects that are known.
func (r *rehearsal) knows(ctx context.Context, file string) error {
	if file == "" {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("read the state: %w", err)
	}
	defer func() { _ = f.Close() }()
	var wrong error
	err = eachLine(f, func(number int, line []byte) bool {
		var k knownObject
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		err := d.Decode(&k)
		if err == nil {
			var link crmsync.Link
			if link, err = k.link(); err == nil {
				_, err = r.state.Save(ctx, []crmsync.Link{link})
			}
		}
		if err != nil {
			wrong = fmt.Errorf("read the state: %s:%d: %w; a line has org, connection, record_type, record_id and external_id as texts, and version as a number", file, number, err)
		}
		return wrong == nil
	})
	if err != nil {
		return fmt.Errorf("read the state of %s: %w", file, err)
	}
	return wrong
}
