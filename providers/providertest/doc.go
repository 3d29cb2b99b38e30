// Package providertest is the suite that every provider passes: what
// [crmsync.Provider] promises, and what each CRM's own words must come out as.
//
// It owns the promises and a small CRM that keeps them: objects by id and by
// match value. It doesn't own any CRM's wire format; a [Harness] brings that as
// a [Wire], written from the vendor's facts and never from the provider's file.
//
// A provider is done when [Run] passes for it.
package providertest

import (
	"net/http"
	"testing"
	"time"

	"crmsync"
)

// Harness is what the suite needs to know of a provider.
type Harness struct {
	// Open returns the provider, speaking to a server in the CRM's place.
	Open func(t testing.TB, s Setup) crmsync.Provider
	// Wire is the CRM's side of its wire format.
	Wire Wire
	// Object has all Operations, MatchField is a field that all its calls can
	// match by, and Fields are fields that the CRM takes, as a JSON object.
	Object, MatchField string
	Fields             []byte
	Operations         []crmsync.Operation
	// Silence tells that a find says of an object that is not there nothing at
	// all, as searches do.
	Silence bool
	// Kinds are the statuses that mean something else at this CRM than the
	// suite's own table says, for an update of one object.
	Kinds map[int]crmsync.Kind
	// Samples are the CRM's documented answers. One at least must ask to wait.
	Samples []Sample
}

// Setup is how a test wants its provider.
type Setup struct {
	BaseURL string           // of the server in the CRM's place
	Now     func() time.Time // nil: time.Now
}

// Wire reads a CRM's requests and writes its answers.
type Wire interface {
	// Read takes a request apart. It fails when the CRM would not understand it.
	Read(r *http.Request, body []byte) (Asked, error)
	// Write answers a request with what became of its items. The replies may
	// stand in any order, and some may be left out.
	Write(w http.ResponseWriter, a Asked, replies []Reply)
}

// Asked is one request, taken apart.
type Asked struct {
	Operation  crmsync.Operation
	Object     string
	Credential string
	Items      []Item
}

// Item is one call in a request.
type Item struct {
	Trace      string // what the request marks it with, if anything
	ID         string // of Update and Archive
	MatchField string
	Match      string
	Fields     map[string]any
}

// Reply is what became of an item.
type Reply struct {
	Item
	ID      string // of the object
	Created bool
	Missing bool // there is no such object
}

// Sample is a documented answer and what must come out of it.
type Sample struct {
	Name      string
	Operation crmsync.Operation
	// Calls are in the request; the suite makes them: their ids are "1", "2", …,
	// their match values "key-1", "key-2", …
	Calls  int
	Status int
	Header map[string]string
	Body   string
	Now    time.Time // the provider's clock; zero: the real one
	// Want are the results. The messages and causes of faults are not compared.
	Want []crmsync.Result
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, h Harness)
	}{
		{"limits are sound", limits},
		{"what the CRM has not is refused without a request", refused},
		{"an empty batch makes no request", empty},
		{"an object lives", life},
		{"a full batch keeps its order though the answer is shuffled", shuffled},
		{"a call that the answer leaves out has failed", leftOut},
		{"an answer that names nobody fails all", nobodyNamed},
		{"batches of several orgs at once don't mix", concurrent},
		{"more calls than fit are kept back", tooMany},
		{"every status has its kind", statuses},
		{"documented answers", samples},
		{"an answer that is no JSON", noJSON},
		{"an answer that is too large", tooLarge},
		{"an answer that is cut off", cutOff},
		{"an answer that is no HTTP", noHTTP},
		{"an answer that switches protocols", switches},
		{"a redirect is not followed", redirect},
		{"a passed deadline sends nothing", deadlinePassed},
		{"a deadline that passes at the last moment sends nothing", deadlineLast},
		{"a deadline ends a slow answer", deadlineSlow},
		{"a deadline ends an answer that trickles", deadlineTrickle},
		{"cancelling is prompt", cancelled},
		{"a refused connection", connectionRefused},
		{"a connection lost after the request", connectionLost},
		{"no credential", noCredential},
		{"a credential in no text", leaksNoSecret},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, h) })
	}
}
