package pipeline_test

import (
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// plainMappings has one mapping that writes no version, so that two versions
// can ask for the same.
func plainMappings() fstest.MapFS {
	return fstest.MapFS{
		"acme/org.yaml": {Data: []byte(orgYAML)},
		"acme/fake/contact.yaml": {Data: []byte(`version: 1
record_type: contact
provider: fake
object: contacts
match: {field: key, value: record_id}
on_delete: archive
fields:
  email: record.email
`)},
	}
}

func mail(version int64, address string) crmsync.Message {
	return event("acme", "a", version, "update", map[string]any{"email": address})
}

// lost lets the n-th request happen without an answer.
func lost(n int) func(int, crmsync.Batch) *crmsync.Fault {
	return func(request int, _ crmsync.Batch) *crmsync.Fault {
		if request == n {
			return &crmsync.Fault{Kind: crmsync.Ambiguous, Code: "timeout", Whole: true}
		}
		return nil
	}
}

// TestDeleteAfterAnUncertainCreate: the object was archived, a new one may have
// been made without anybody knowing, and then the record is deleted. It must
// be looked for.
func TestDeleteAfterAnUncertainCreate(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.crm.script = lost(3)
		stop := w.start()
		for _, m := range []crmsync.Message{update("a", 1), remove("a", 2), update("a", 3)} {
			w.write(m)
			w.pass(time.Second)
		}
		require.Equal(t, 1, w.crm.alive("acme", "a"), "made without an answer")
		w.write(remove("a", 4))
		w.pass(2 * time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"upsert[a]", "archive[a]", "upsert[a]", "find[a]", "archive[a]"}, w.crm.asked())
		require.Zero(t, w.crm.alive("acme", "a"))
		require.Equal(t, map[string]int64{"synced": 3, "superseded": 1}, outcomes(stop()))
	})
}

// TestBackToWhatItWasAfterAnUncertainUpdate: the newest version asks for what
// the link says is there, but a version in between may have got there.
func TestBackToWhatItWasAfterAnUncertainUpdate(t *testing.T) {
	inWorld(t, plainMappings(), func(t *testing.T, w *world) {
		w.crm.script = lost(2)
		stop := w.start()
		for _, m := range []crmsync.Message{mail(1, "x@a.example"), mail(2, "y@a.example"), mail(3, "x@a.example")} {
			w.write(m)
			w.pass(time.Second)
		}
		w.pass(2 * time.Minute)
		synctest.Wait()
		require.Equal(t, "x@a.example", w.crm.find("acme", "a").fields["email"])
		require.Equal(t, map[string]int64{"synced": 2, "superseded": 1}, outcomes(stop()))
	})
}

// TestBackToWhatItWasAfterACrash: the process before this one sent a version
// and died before it could note that.
func TestBackToWhatItWasAfterACrash(t *testing.T) {
	inWorld(t, plainMappings(), func(t *testing.T, w *world) {
		w.write(mail(1, "x@a.example"))
		require.Equal(t, map[string]int64{"synced": 1}, outcomes(w.once()))
		w.crm.find("acme", "a").fields["email"] = "y@a.example" // as version 2 wants it
		for partition := range int32(2) {
			_, err := w.state.Claim(t.Context(), w.cfg.Topic, []int32{partition})
			require.NoError(t, err)
		}
		w.write(mail(2, "y@a.example"), mail(3, "x@a.example"))
		require.Equal(t, map[string]int64{"synced": 1, "superseded": 1}, outcomes(w.once()))
		require.Equal(t, "x@a.example", w.crm.find("acme", "a").fields["email"])
	})
}
