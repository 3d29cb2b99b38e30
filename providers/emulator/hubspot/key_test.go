package hubspot

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync/providers/emulator"
)

// keyed is a portal whose key property has no unique values.
func keyed(t testing.TB, c Config) *account {
	return open(t, c, func(p *Portal) { p.UniqueProperty, p.KeyProperty = "", "crmsync_key" })
}

const (
	contactsPath = "/crm/v3/objects/contacts"
	searchKey    = `{"filterGroups":[{"filters":[{"propertyName":"crmsync_key","operator":"EQ","value":%q}]}],"properties":["crmsync_key"]}`
)

// TestKeyProperty: without unique values, upsert and read by the key are
// refused, and each create makes an object; search finds them all once its index
// knows them.
func TestKeyProperty(t *testing.T) {
	a := keyed(t, Config{SearchLag: 5 * time.Second})
	var ids []string
	for range 2 {
		answer := a.must(http.StatusCreated, "POST", contactsPath, `{"properties":{"crmsync_key":"c-1","firstname":"Ada"}}`)
		ids = append(ids, regexp.MustCompile(`"id":"(\d+)"`).FindStringSubmatch(answer)[1])
	}
	require.NotEqual(t, ids[0], ids[1])
	for _, r := range []struct{ path, body string }{
		{"/batch/upsert", `{"inputs":[{"id":"c-1","idProperty":"crmsync_key","properties":{"firstname":"Ada"}}]}`},
		{"/batch/read", `{"idProperty":"crmsync_key","inputs":[{"id":"c-1"}]}`},
	} {
		require.Contains(t, a.must(http.StatusBadRequest, "POST", contactsPath+r.path, r.body), "non-unique 0-1 property crmsync_key")
	}
	search := fmt.Sprintf(searchKey, "c-1")
	require.JSONEq(t, `{"total":0,"results":[]}`, a.must(http.StatusOK, "POST", contactsPath+"/search", search))
	a.clock.forward(5 * time.Second)
	found := a.must(http.StatusOK, "POST", contactsPath+"/search", search)
	require.Contains(t, found, `"total":2`)
	for _, id := range ids {
		require.Contains(t, found, `"id":"`+id+`"`)
	}
}

// TestLogNamesKeys: whatever is done to a record by its id, the log tells its key.
func TestLogNamesKeys(t *testing.T) {
	a := keyed(t, Config{})
	answer := a.must(http.StatusCreated, "POST", contactsPath, `{"properties":{"crmsync_key":"c-1","lastname":"L"}}`)
	id := regexp.MustCompile(`"id":"(\d+)"`).FindStringSubmatch(answer)[1]
	a.must(http.StatusOK, "PATCH", contactsPath+"/"+id, `{"properties":{"firstname":"Ada"}}`)
	a.must(http.StatusOK, "PATCH", contactsPath+"/"+id, `{"properties":{"firstname":"Ada"}}`)
	a.must(http.StatusNoContent, "DELETE", contactsPath+"/"+id, "")
	a.must(http.StatusNoContent, "DELETE", contactsPath+"/"+id, "")
	var outcomes []emulator.Outcome
	for _, e := range a.server.Log() {
		r := e.Records[0]
		outcomes = append(outcomes, r.Outcome)
		require.Equal(t, id, r.ID)
		if r.Outcome != emulator.Absent {
			require.Equal(t, [2]string{"crmsync_key", "c-1"}, [2]string{r.UniqueProperty, r.UniqueValue})
		}
		require.Equal(t, r.Outcome.Landed(), !e.Landed.IsZero())
	}
	require.Equal(t, []emulator.Outcome{emulator.Created, emulator.Updated, emulator.Unchanged, emulator.Archived, emulator.Absent}, outcomes)
}

// TestLanded: an effect that comes late is pending until it is in the log, which
// tells when it came.
func TestLanded(t *testing.T) {
	clock := newClock(t)
	var a *account
	var during emulator.Counters
	a = keyed(t, Config{Now: clock.Now, Wait: func(_ context.Context, d time.Duration) {
		during = a.server.Counters()
		clock.forward(d)
	}})
	require.NoError(t, a.server.QueueFault(emulator.QueuedFault{Fault: emulator.Fault{Kind: emulator.Late, Delay: 7 * time.Second}, Times: 1}))
	a.must(http.StatusCreated, "POST", contactsPath, `{"properties":{"crmsync_key":"c-1","lastname":"L"}}`)
	require.EqualValues(t, 1, during.Pending)
	require.Zero(t, during.LastSeq)
	require.Zero(t, a.server.Counters().Pending)
	require.Equal(t, 7*time.Second, a.last().Landed.Sub(a.last().Start))

	require.NoError(t, a.server.QueueFault(emulator.QueuedFault{Fault: emulator.Fault{Kind: emulator.ServerError}, Times: 1}))
	a.must(http.StatusInternalServerError, "POST", contactsPath, `{"properties":{"crmsync_key":"c-2","lastname":"L"}}`)
	require.Zero(t, a.last().Landed)
}

func TestKeyPropertyRefused(t *testing.T) {
	for name, c := range map[string]struct {
		portal Portal
		want   string
	}{
		"no such name": {Portal{KeyProperty: "No Name"}, `add portal 7: create property No Name of contacts: Property name "No Name" is not valid. Use lower-case letters, digits and underscores, starting with a letter, at most 100`},
		"one for both": {Portal{UniqueProperty: "crmsync_id", KeyProperty: "crmsync_id"}, "add portal 7: create property crmsync_id of contacts: A property named 'crmsync_id' already exists"},
		"standard":     {Portal{KeyProperty: "firstname"}, "add portal 7: create property firstname of contacts: A property named 'firstname' already exists"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := New(Config{})
			require.NoError(t, err)
			c.portal.ID, c.portal.Token = 7, "pat-7"
			require.EqualError(t, s.AddPortal(c.portal), c.want)
		})
	}
	a := keyed(t, Config{})
	require.NoError(t, a.server.AddPortal(Portal{ID: testPortal, Token: "another", KeyProperty: "crmsync_key"}), "a second token of the portal")
}
