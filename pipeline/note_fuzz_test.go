package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzNote reads any text that somebody left beside a committed offset. What is
// taken for a note is one that String writes, letter for letter, and so means
// the same to the next owner; nothing else is believed, least of all that a
// partition was left clean.
func FuzzNote(f *testing.F) {
	for _, n := range []note{{epoch: 1, window: 1, lease: time.Millisecond}, {epoch: 7, window: 20_000, lease: 15 * time.Second, clean: true}, {epoch: 1<<63 - 1, window: maxNoteWindow, lease: maxNoteLease}} {
		f.Add(n.String())
	}
	for _, text := range []string{
		"", " ", "clean", "crmsync/1", "crmsync/2 epoch=7 window=20000 lease=1 clean", "crmsync/1 epoch=07 window=1 lease=1", "crmsync/1 epoch=-1 window=1 lease=1", "crmsync/1 epoch=1 window=10000001 lease=1",
		"crmsync/1 window=1 epoch=1 lease=1", "crmsync/1 epoch=1 window=1 lease=1 dirty", "crmsync/1 epoch=1  window=1 lease=1", "crmsync/1 epoch=1 window=1 lease=1 clean ", "crmsync/1 epoch=9223372036854775808 window=1 lease=1", "crmsync/1\tepoch=1\twindow=1 lease=1",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := parseNote(text)
		if !ok {
			require.Equal(t, note{}, n, "a note that isn't understood says nothing")
			return
		}
		require.Equal(t, text, n.String())
		require.Positive(t, n.epoch)
		require.Positive(t, n.window)
		require.LessOrEqual(t, n.window, maxNoteWindow)
		require.Equal(t, n.clean, strings.HasSuffix(text, " clean"))
		require.Less(t, len(text), 4096, "Kafka takes no more beside an offset")
	})
}

// FuzzNoteOf writes any note: it is read back as it was, or not understood.
func FuzzNoteOf(f *testing.F) {
	f.Add(int64(7), 20_000, true)
	f.Add(int64(0), 0, false)
	f.Add(int64(-1), maxNoteWindow+1, true)
	f.Fuzz(func(t *testing.T, epoch int64, window int, clean bool) {
		n := note{epoch: epoch, window: window, lease: 15 * time.Second, clean: clean}
		read, ok := parseNote(n.String())
		require.Equal(t, epoch > 0 && window > 0 && window <= maxNoteWindow, ok)
		if ok {
			require.Equal(t, n, read)
		}
	})
}
