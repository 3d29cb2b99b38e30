package pipeline_test

import (
	"strconv"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline"
)

// replayed returns m as it is sent again from the dead letters.
func replayed(m crmsync.Message, version int64) crmsync.Message {
	m.Headers = append(m.Headers,
		crmsync.Header{Key: crmsync.HeaderReplay, Value: []byte("events/0/17")},
		crmsync.Header{Key: crmsync.HeaderVersion, Value: strconv.AppendInt(nil, version, 10)})
	return m
}

// refusing makes the CRM refuse some versions of every record.
func refusing(versions ...int64) func(crmsync.Call) *crmsync.Fault {
	return func(c crmsync.Call) *crmsync.Fault {
		for _, v := range versions {
			if c.Version == v {
				return &crmsync.Fault{Kind: crmsync.Rejected, Code: "NO"}
			}
		}
		return nil
	}
}

func TestReplay(t *testing.T) {
	cases := map[string]struct {
		before   []crmsync.Message
		dead     []int64 // versions that the CRM refuses at first
		after    []crmsync.Message
		outcomes map[string]int64
		holds    int64
	}{
		"passes though its version is dead": {
			[]crmsync.Message{update("a", 5)}, []int64{5}, []crmsync.Message{replayed(update("a", 5), 5)},
			map[string]int64{"synced": 1}, 5,
		},
		"the same bytes without the header don't": {
			[]crmsync.Message{update("a", 5)}, []int64{5}, []crmsync.Message{update("a", 5)},
			map[string]int64{"duplicate": 1}, 0,
		},
		"a newer version was applied": {
			[]crmsync.Message{update("a", 5), update("b", 1)}, []int64{5}, []crmsync.Message{update("a", 6), replayed(update("a", 5), 5)},
			map[string]int64{"synced": 1, "superseded": 1}, 6,
		},
		"a newer version is dead too": {
			[]crmsync.Message{remove("a", 4), update("a", 5)}, []int64{4, 5}, []crmsync.Message{replayed(remove("a", 4), 4)},
			map[string]int64{"stale": 1}, 0,
		},
		"the newest of two dead versions": {
			[]crmsync.Message{update("a", 4), update("a", 5)}, []int64{4, 5}, []crmsync.Message{replayed(update("a", 4), 4), replayed(update("a", 5), 5)},
			map[string]int64{"superseded": 1, "synced": 1}, 5,
		},
		"twice": {
			[]crmsync.Message{update("a", 5)}, []int64{5}, []crmsync.Message{replayed(update("a", 5), 5), replayed(update("a", 5), 5)},
			map[string]int64{"synced": 1, "duplicate": 1}, 5,
		},
		"behind the message itself, read again": {
			[]crmsync.Message{update("a", 5)}, []int64{5}, []crmsync.Message{update("a", 5), replayed(update("a", 5), 5)},
			map[string]int64{"synced": 1, "duplicate": 1}, 5,
		},
		"before the message itself, read again": {
			[]crmsync.Message{update("a", 5)}, []int64{5}, []crmsync.Message{replayed(update("a", 5), 5), update("a", 5)},
			map[string]int64{"synced": 1, "duplicate": 1}, 5,
		},
		"of what was never dead": {
			[]crmsync.Message{update("a", 5)}, nil, []crmsync.Message{replayed(update("a", 5), 5)},
			map[string]int64{"duplicate": 1}, 5,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, mappings(), func(t *testing.T, w *world) {
				w.crm.item = refusing(c.dead...)
				w.write(c.before...)
				w.once()
				w.crm.item = nil
				w.write(c.after...)
				require.Equal(t, c.outcomes, outcomes(w.once()))
				require.Equal(t, c.holds, w.crm.holds("acme", "a"))
			})
		})
	}
}

// TestReplayOneByOne replays while the engine holds the record's link, the
// older of two dead versions first.
func TestReplayOneByOne(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.crm.item = refusing(4, 5)
		stop := w.start()
		for _, m := range []crmsync.Message{update("a", 4), update("a", 5)} {
			w.write(m)
			w.pass(time.Second)
		}
		w.crm.mu.Lock()
		w.crm.item = nil
		w.crm.mu.Unlock()
		for _, v := range []int64{4, 5, 4} {
			w.write(replayed(update("a", v), v))
			w.pass(time.Second)
		}
		w.write(update("a", 3))
		w.pass(time.Second)
		require.Equal(t, map[string]int64{"dead": 2, "stale": 3, "synced": 1}, outcomes(stop()))
		require.Equal(t, []string{"upsert[a]", "upsert[a]", "upsert[a]"}, w.crm.asked())
		link := w.link("a", "fake")
		require.Equal(t, [2]int64{5, 5}, [2]int64{link.Applied, link.Dead})
	})
}

// TestReplayThatIsRefusedAgain is a dead letter again, which says whose replay
// it was.
func TestReplayThatIsRefusedAgain(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.crm.item = refusing(5)
		w.write(update("a", 5), replayed(update("a", 5), 5))
		w.once()
		w.write(replayed(update("a", 5), 5))
		require.Equal(t, map[string]int64{"dead": 1}, outcomes(w.once()))
		letters := w.dead.all()
		require.Len(t, letters, 2)
		from, ok := letters[1].Message.Header(crmsync.HeaderReplay)
		require.True(t, ok)
		require.Equal(t, "events/0/17", string(from))
	})
}

// TestReplayReachesOneConnection: where the version was applied, nothing is sent
// again.
func TestReplayReachesOneConnection(t *testing.T) {
	files := mappings()
	files["acme/org.yaml"] = &fstest.MapFile{Data: []byte("version: 1\nconnections:\n" +
		"  first: {provider: fake, credential: main, plan: standard}\n  second: {provider: fake, credential: main, plan: standard}\n")}
	inWorld(t, files, func(t *testing.T, w *world) {
		w.crm.script = func(_ int, b crmsync.Batch) *crmsync.Fault {
			if b.Connection.ID.Name == "second" {
				return &crmsync.Fault{Kind: crmsync.Rejected, Code: "NO"}
			}
			return nil
		}
		w.write(update("a", 5))
		require.Equal(t, map[string]int64{"synced": 1, "dead": 1}, outcomes(w.once()))
		w.crm.script = nil
		before := len(w.crm.asked())
		w.write(replayed(update("a", 5), 5))
		require.Equal(t, map[string]int64{"synced": 1, "duplicate": 1}, outcomes(w.once()))
		require.Len(t, w.crm.asked(), before+1)
	})
}

// TestReplayKeepsItsVersion: where versions come from the log's order, what is
// sent again must not count as the newest.
func TestReplayKeepsItsVersion(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.cfg.VersionFrom = pipeline.VersionOffset
		w.crm.item = refusing(1)
		w.write(update("a", 100))
		require.Equal(t, map[string]int64{"dead": 1}, outcomes(w.once()))
		w.write(update("a", 101))
		require.Equal(t, map[string]int64{"synced": 1}, outcomes(w.once()))
		w.write(replayed(update("a", 100), 1))
		require.Equal(t, map[string]int64{"stale": 1}, outcomes(w.once()))
		require.Equal(t, int64(2), w.link("a", "fake").Applied)
	})
}

// link returns a record's row.
func (w *world) link(id, connection string) crmsync.Link {
	key := crmsync.LinkKey{Key: crmsync.RecordKey{Org: "acme", Type: "contact", ID: id}, Connection: connection}
	links, err := w.state.Links(w.t.Context(), []crmsync.LinkKey{key})
	require.NoError(w.t, err)
	return links[0]
}
