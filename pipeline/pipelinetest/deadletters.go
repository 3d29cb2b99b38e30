package pipelinetest

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// DeadLetterQueueHarness is a dead-letter queue and a way to read what is in it.
type DeadLetterQueueHarness struct {
	Queue crmsync.DeadLetterQueue
	// Read returns all letters, in any order, once there are at least n; it fails the test when
	// that takes too long. A letter may be there twice.
	Read func(t testing.TB, n int) []crmsync.DeadLetter
}

// DeadLetterQueue runs the promises of crmsync.DeadLetterQueue. open returns an empty queue and
// closes it with the test's Cleanup. A queue must keep times to the millisecond; of a fault it
// keeps kind, code, message, where and field.
func DeadLetterQueue(t *testing.T, open func(t testing.TB) DeadLetterQueueHarness) {
	cases := []struct {
		name string
		run  func(t *testing.T, h DeadLetterQueueHarness)
	}{
		{"no letters are no error", deadNone},
		{"every field comes back, the message's bytes untouched", deadFields},
		{"odd messages", deadOddities},
		{"a letter that is too large leaves a reference", deadLarge},
		{"a full slice", deadFullSlice},
		{"several callers", deadConcurrent},
		{"a cancelled context is an error", deadCancelled},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

func letter(offset int64) crmsync.DeadLetter {
	key := linkKey(fmt.Sprint("c-", offset)).Key
	return crmsync.DeadLetter{
		Message: crmsync.Message{
			Topic: "crmsync.events", Partition: 3, Offset: offset, Time: aTime().Truncate(time.Millisecond),
			Key: []byte(key.String()), Value: []byte(`{"event_id":"e"}`),
			Headers: []crmsync.Header{{Key: "source", Value: []byte("billing")}},
		},
		Key: key, Version: 7, Provider: "hubspot", Connection: "hubspot-eu", Attempts: 3,
		At: aTime().Add(time.Minute).Truncate(time.Millisecond),
		Fault: &crmsync.Fault{
			Kind: crmsync.Rejected, Code: "PROPERTY_DOESNT_EXIST", Message: `Property "naem" does not exist`,
			Where: "mappings/acme/hubspot/contact.yaml:14:9", Field: "naem",
		},
	}
}

func put(t testing.TB, h DeadLetterQueueHarness, letters ...crmsync.DeadLetter) {
	t.Helper()
	require.NoError(t, h.Queue.Put(t.Context(), letters))
}

// read returns the letters without repeats, ordered by where they came from.
func (h DeadLetterQueueHarness) read(t testing.TB, n int) []crmsync.DeadLetter {
	t.Helper()
	letters := slices.SortedStableFunc(slices.Values(h.Read(t, n)), func(a, b crmsync.DeadLetter) int {
		return cmp.Or(cmp.Compare(a.Message.Offset, b.Message.Offset), cmp.Compare(a.Connection, b.Connection))
	})
	return slices.CompactFunc(letters, func(a, b crmsync.DeadLetter) bool {
		return a.Message.Topic == b.Message.Topic && a.Message.Partition == b.Message.Partition &&
			a.Message.Offset == b.Message.Offset && a.Connection == b.Connection
	})
}

// requireLetters compares; times are equal when they are the same instant, headers when all of
// the message's own are there.
func requireLetters(t testing.TB, want, got []crmsync.DeadLetter) {
	t.Helper()
	require.Len(t, got, len(want))
	for i, w := range want {
		g := got[i]
		require.Truef(t, w.At.Equal(g.At), "letter %d: at %v, want %v", i, g.At, w.At)
		require.Truef(t, w.Message.Time.Equal(g.Message.Time), "letter %d: message of %v, want %v", i, g.Message.Time, w.Message.Time)
		for _, header := range w.Message.Headers {
			require.Containsf(t, g.Message.Headers, header, "letter %d", i)
		}
		require.Equalf(t, w.Message.Value == nil, g.Message.Value == nil, "letter %d: a tombstone is not an empty value", i)
		require.Truef(t, bytes.Equal(w.Message.Key, g.Message.Key), "letter %d: key %q, want %q", i, g.Message.Key, w.Message.Key)
		g.At, g.Message.Time, g.Message.Headers, g.Message.Key = w.At, w.Message.Time, w.Message.Headers, w.Message.Key
		require.Equalf(t, w, g, "letter %d", i)
	}
}

func deadNone(t *testing.T, h DeadLetterQueueHarness) {
	put(t, h)
	require.NoError(t, h.Queue.Put(t.Context(), []crmsync.DeadLetter{}))
	require.Empty(t, h.Read(t, 0))
}

func deadFields(t *testing.T, h DeadLetterQueueHarness) {
	put(t, h, letter(1))
	second := letter(1)
	second.Connection, second.Provider = "salesforce", "salesforce"
	put(t, h, second, letter(2))
	requireLetters(t, []crmsync.DeadLetter{letter(1), second, letter(2)}, h.read(t, 3))
}

func deadOddities(t *testing.T, h DeadLetterQueueHarness) {
	edits := []func(*crmsync.DeadLetter){
		func(l *crmsync.DeadLetter) { l.Message.Value = nil },
		func(l *crmsync.DeadLetter) { l.Message.Value = []byte{} },
		func(l *crmsync.DeadLetter) { l.Message.Value = []byte("\xff\xfe\x00 not JSON") },
		func(l *crmsync.DeadLetter) { l.Message.Key = []byte("\xff\x00") },
		func(l *crmsync.DeadLetter) { l.Message.Headers = nil },
		func(l *crmsync.DeadLetter) {
			l.Message.Headers = []crmsync.Header{{Key: "a", Value: []byte{0}}, {Key: "a", Value: []byte("again")}}
		},
		func(l *crmsync.DeadLetter) { // an envelope that could not be read
			l.Key, l.Version, l.Provider, l.Connection, l.Attempts = crmsync.RecordKey{}, 0, "", "", 0
			l.Fault = &crmsync.Fault{Kind: crmsync.Rejected, Code: "invalid_json"}
		},
		func(l *crmsync.DeadLetter) { l.Key.ID = "a/b/'c\" 🙂"; l.Fault.Message = "zwei\nZeilen, 🙂" },
		func(l *crmsync.DeadLetter) { l.Fault.Kind = crmsync.Internal; l.Version = 1<<63 - 1 },
	}
	var letters []crmsync.DeadLetter
	for i, edit := range edits {
		l := letter(int64(i))
		edit(&l)
		letters = append(letters, l)
	}
	put(t, h, letters...)
	requireLetters(t, letters, h.read(t, len(letters)))
}

func deadLarge(t *testing.T, h DeadLetterQueueHarness) {
	large := letter(2)
	large.Message.Value = []byte(strings.Repeat("v", 3<<20))
	put(t, h, letter(1), large, letter(3))
	got := h.read(t, 3)
	require.Len(t, got, 3)
	if !bytes.Equal(got[1].Message.Value, large.Message.Value) {
		require.Empty(t, got[1].Message.Value, "a reference has no half of a value")
		got[1].Message.Value = large.Message.Value
	}
	requireLetters(t, []crmsync.DeadLetter{letter(1), large, letter(3)}, got)
}

func deadFullSlice(t *testing.T, h DeadLetterQueueHarness) {
	letters := make([]crmsync.DeadLetter, sliceMax)
	for i := range letters {
		letters[i] = letter(int64(i))
	}
	put(t, h, letters...)
	requireLetters(t, letters, h.read(t, sliceMax))
}

func deadConcurrent(t *testing.T, h DeadLetterQueueHarness) {
	const callers, each = 4, 25
	errs := make([]error, callers)
	var want []crmsync.DeadLetter
	var wg sync.WaitGroup
	for c := range callers {
		letters := make([]crmsync.DeadLetter, each)
		for i := range letters {
			letters[i] = letter(int64(c*each + i))
		}
		want = append(want, letters...)
		wg.Go(func() { errs[c] = h.Queue.Put(t.Context(), letters) })
	}
	wg.Wait()
	for c := range callers {
		require.NoError(t, errs[c])
	}
	requireLetters(t, want, h.read(t, len(want)))
}

func deadCancelled(t *testing.T, h DeadLetterQueueHarness) {
	require.Error(t, h.Queue.Put(cancelled(t), []crmsync.DeadLetter{letter(1)}))
}
