package pipeline

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// note is what an owner leaves beside the committed offset for the next one.
type note struct {
	epoch  int64
	window int           // messages beyond the committed offset that it took in at most
	lease  time.Duration // how long it may send after a proof of ownership; whole milliseconds
	clean  bool          // no call of its is under way, and the rows tell of every one that was
}

// noteMark begins every note. Another version of crmsync that means something
// else by it must begin differently.
const noteMark = "crmsync/1"

// String returns the note as it is committed:
// "crmsync/1 epoch=7 window=20000 lease=15000 clean".
func (n note) String() string {
	s := fmt.Sprintf("%s epoch=%d window=%d lease=%d", noteMark, n.epoch, n.window, n.lease.Milliseconds())
	if n.clean {
		s += " clean"
	}
	return s
}

// What a note may say at most: who believes it reads that far, and waits that
// long, before anything is sent.
const (
	maxNoteWindow = 10_000_000
	maxNoteLease  = 10 * time.Minute
)

// parseNote reads what String writes. Any other text is not understood, and
// says nothing about how the partition was left.
func parseNote(s string) (n note, ok bool) {
	words := strings.Split(s, " ")
	if n.clean = len(words) == 5 && words[4] == "clean"; len(words) != 4 && !n.clean || words[0] != noteMark {
		return note{}, false
	}
	epoch, okEpoch := number(words[1], "epoch=")
	window, okWindow := number(words[2], "window=")
	lease, okLease := number(words[3], "lease=")
	if !okEpoch || !okWindow || !okLease || window > maxNoteWindow || lease > maxNoteLease.Milliseconds() {
		return note{}, false
	}
	n.epoch, n.window, n.lease = epoch, int(window), time.Duration(lease)*time.Millisecond
	return n, true
}

// number reads a positive number after its name, written as strconv writes it.
func number(word, name string) (int64, bool) {
	digits, ok := strings.CutPrefix(word, name)
	v, err := strconv.ParseInt(digits, 10, 64)
	return v, ok && err == nil && v > 0 && strconv.FormatInt(v, 10) == digits
}
