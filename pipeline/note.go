package pipeline

import (
	"fmt"
	"strconv"
	"strings"
)

// note is what an owner leaves beside the committed offset for the next one.
type note struct {
	epoch  int64
	window int  // messages beyond the committed offset that it took in at most
	clean  bool // no call of its is under way, and the rows tell of every one that was
}

// noteMark begins every note. Another version of crmsync that means something
// else by it must begin differently.
const noteMark = "crmsync/1"

// String returns the note as it is committed: "crmsync/1 epoch=7 window=20000 clean".
func (n note) String() string {
	s := fmt.Sprintf("%s epoch=%d window=%d", noteMark, n.epoch, n.window)
	if n.clean {
		s += " clean"
	}
	return s
}

// maxNoteWindow bounds what a note may say of a window: who believes it reads
// that far before anything is sent.
const maxNoteWindow = 10_000_000

// parseNote reads what String writes. Any other text is not understood, and
// says nothing about how the partition was left.
func parseNote(s string) (n note, ok bool) {
	words := strings.Split(s, " ")
	if n.clean = len(words) == 4 && words[3] == "clean"; len(words) != 3 && !n.clean || words[0] != noteMark {
		return note{}, false
	}
	epoch, okEpoch := number(words[1], "epoch=")
	window, okWindow := number(words[2], "window=")
	if !okEpoch || !okWindow || window > maxNoteWindow {
		return note{}, false
	}
	n.epoch, n.window = epoch, int(window)
	return n, true
}

// number reads a positive number after its name, written as strconv writes it.
func number(word, name string) (int64, bool) {
	digits, ok := strings.CutPrefix(word, name)
	v, err := strconv.ParseInt(digits, 10, 64)
	return v, ok && err == nil && v > 0 && strconv.FormatInt(v, 10) == digits
}
