package demo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/cmd/crmsync/demo"
	"crmsync/pipeline"
)

func messages(s demo.Setting, n int) []demo.Message {
	stream, all := demo.NewStream(s), make([]demo.Message, n)
	for i := range all {
		all[i] = stream.Next()
	}
	return all
}

func TestStreamIsTheSameForTheSameSeed(t *testing.T) {
	s := demo.Setting{Seed: 1, Orgs: 20, Events: 3000}
	once, again := messages(s, 3000), messages(s, 3000)
	require.Equal(t, once, again)
	other := s
	other.Seed = 2
	require.NotEqual(t, messages(s, 10), messages(other, 10))
}

// TestStreamIsWhatItSays decodes all messages as the engine does: good ones
// are the events that the stream says they are, broken ones are refused for
// the reason that it names.
func TestStreamIsWhatItSays(t *testing.T) {
	decoder := pipeline.Decoder{From: pipeline.VersionField}
	reasons := map[string]int{}
	for i, m := range messages(demo.Setting{Seed: 4, Orgs: demo.Archetypes, Events: 8000}, 8000) {
		e, fault := decoder.Decode(&crmsync.Message{Topic: "t", Offset: int64(i), Key: m.Key, Value: m.Value, Headers: m.Headers})
		if m.Class == demo.Broken {
			require.NotNil(t, fault, m.Reason)
			require.Equal(t, m.Reason, fault.Code)
			reasons[fault.Code]++
			continue
		}
		require.Nil(t, fault)
		require.Equal(t, m.Event.Key, e.Key)
		require.Equal(t, m.Event.Version, e.Version)
		require.Equal(t, m.Event.Op, e.Op)
		require.Equal(t, string(m.Event.Data), string(e.Data))
	}
	require.Equal(t, 1, reasons["too_large"])
	require.Len(t, reasons, 11, "every way to be broken must be met: %v", reasons)
}

// TestStreamHasAllThatTheDemoTells counts what a demo must show.
func TestStreamHasAllThatTheDemoTells(t *testing.T) {
	all := messages(demo.Setting{Seed: 1, Orgs: demo.Archetypes, Events: 20_000}, 20_000)
	newest := map[crmsync.RecordKey]int64{}
	var repeats, older, deletes, tombstones, unmapped, creates int
	early := 0
	for i, m := range all {
		before := newest[m.Event.Key]
		switch {
		case m.Class == demo.Unmapped:
			unmapped++
			continue
		case m.Class == demo.Broken:
			continue
		case m.Event.Version == before:
			repeats++
		case m.Event.Version < before:
			older++
		case m.Event.Op == crmsync.Created:
			creates++
		}
		if m.Event.Op == crmsync.Deleted {
			deletes++
			if m.Value == nil {
				tombstones++
			}
		}
		newest[m.Event.Key] = max(before, m.Event.Version)
		if org := m.Event.Key.Org; (org == "dune" || org == "elm") && i > len(all)*6/10+700 {
			early++
		}
	}
	require.Greater(t, len(newest), 5000)
	require.Greater(t, creates, 5000)
	require.Greater(t, repeats, 300)
	require.Greater(t, older, 500)
	require.Greater(t, deletes, 500)
	require.Greater(t, tombstones, 150)
	require.Greater(t, unmapped, 50)
	require.Less(t, early, 20, "the special orgs' events come early, but for a few repeats")
}

func TestOrgs(t *testing.T) {
	orgs := demo.Orgs(2*demo.Archetypes + 1)
	names, portals := map[string]bool{}, map[int64]bool{}
	special := 0
	for _, o := range orgs {
		require.False(t, names[o.Name], o.Name)
		names[o.Name] = true
		for _, a := range o.Accounts {
			require.False(t, portals[a.Portal])
			portals[a.Portal] = true
			if a.Denied || a.TenSecondly > 0 {
				special++
			}
		}
	}
	require.Equal(t, "acme", orgs[0].Name)
	require.Equal(t, "acme-2", orgs[demo.Archetypes].Name)
	require.Equal(t, "acme", orgs[demo.Archetypes].Like)
	require.Equal(t, 2, special)
}
