package pipeline

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/dsl"
)

// TestPanicCostsOneEvent: our own code breaks at one event of a batch; the
// others are rendered. The program that is nil stands for any such mistake.
func TestPanicCostsOneEvent(t *testing.T) {
	set, found := dsl.Load(fstest.MapFS{
		"acme/org.yaml":          {Data: []byte("version: 1\nconnections:\n  fake: {provider: fake, credential: main, plan: standard}\n")},
		"acme/fake/contact.yaml": {Data: []byte("version: 1\nrecord_type: contact\nprovider: fake\nobject: contacts\nmatch: {field: key, value: record_id}\nfields:\n  email: record.email\n")},
	}, dsl.Options{})
	require.Empty(t, found.Error())
	good := set.Program(set.Connections("acme")[0], "contact")
	ev := crmsync.Event{Key: crmsync.RecordKey{Org: "acme", Type: "contact", ID: "a"}, Version: 1, Data: []byte(`{"email":"a@b.example"}`)}
	b := &batch{
		programs: []*dsl.Program{good, nil, good},
		events:   []crmsync.Event{ev, ev, ev},
		links:    make([]crmsync.Link, 3),
	}
	all := make([]sent, 3)
	require.Equal(t, []int{0, 2}, b.transform(all))
	f := all[1].result.Fault
	require.Equal(t, crmsync.Internal, f.Kind)
	require.Equal(t, "panic", f.Code)
	require.Equal(t, "internal panic", f.Error(), "what the panic says may hold the record")
	require.Contains(t, f.Message, "render the mapping: ")
	require.JSONEq(t, `{"email":"a@b.example"}`, string(b.Calls[1].Fields))
}
