package demo

import (
	"fmt"
	"strings"
)

// Org is one of the demo's customers.
type Org struct {
	Name     string
	Like     string // whose mappings it has: its own, or those of the org it is a copy of
	Story    string // what it shows
	Accounts []Account
	types    []string // of its records
	weight   int      // share of the events
	early    bool     // its events come in the first part: it has waits to work off
}

// Account is one of an org's accounts at the CRM.
type Account struct {
	Connection string
	Credential string // name of the credential
	Token      string // a made-up one, for the emulator
	Portal     int64  // the CRM's id of the account
	// TenSecondly is how many requests in 10 s the account really allows; 0:
	// what its plan says.
	TenSecondly int
	// Denied says that its credential is refused for a while.
	Denied bool
}

// archetypes are the orgs that stand in mappings/. More orgs are copies of them.
var archetypes = [...]Org{
	{Name: "acme", Story: "a mapping of its own", types: []string{"contact", "company"}, weight: 20},
	{Name: "birch", Story: "extends the fallback mapping", types: []string{"contact"}, weight: 16},
	{Name: "cedar", Story: "fallback mappings only, three record types", types: []string{"contact", "company", "deal"}, weight: 16},
	{Name: "dune", Story: "its account allows a tenth of what its plan promises", types: []string{"contact"}, weight: 5, early: true},
	{Name: "elm", Story: "its credential is refused for a while", types: []string{"contact", "company"}, weight: 8, early: true},
	{Name: "fjord", Story: "keeps its own staff out; deleted people are marked", types: []string{"contact"}, weight: 13},
	{Name: "grove", Story: "deleted companies stay in the CRM", types: []string{"company"}, weight: 13},
	{Name: "harbor", Story: "two accounts: every change goes to both", types: []string{"company", "deal"}, weight: 9},
}

// Archetypes is how many orgs differ from each other.
const Archetypes = len(archetypes)

// firstPortal is the id of the first account.
const firstPortal = 7001

// The connections of an archetype, as its org.yaml names them.
func connectionsOf(like string) []Account {
	switch like {
	case "harbor":
		return []Account{{Connection: "europe", Credential: "hubspot-europe"}, {Connection: "world", Credential: "hubspot-world"}}
	case "dune":
		return []Account{{Connection: "hubspot", Credential: "hubspot-main", TenSecondly: 20}}
	case "elm":
		return []Account{{Connection: "hubspot", Credential: "hubspot-main", Denied: true}}
	}
	return []Account{{Connection: "hubspot", Credential: "hubspot-main"}}
}

// Orgs returns the first n orgs of the demo. From the ninth on they are copies
// of the first eight: acme-2, birch-2, … The special ones are special once.
func Orgs(n int) []Org {
	orgs := make([]Org, n)
	portal := int64(firstPortal)
	for i := range orgs {
		o := archetypes[i%Archetypes]
		o.Like = o.Name
		o.Accounts = connectionsOf(o.Like)
		if round := i / Archetypes; round > 0 {
			o.Name = fmt.Sprintf("%s-%d", o.Like, round+1)
			o.Story = "like " + o.Like
			o.early = false
		}
		for j := range o.Accounts {
			a := &o.Accounts[j]
			if i >= Archetypes {
				a.TenSecondly, a.Denied = 0, false
			}
			a.Portal, portal = portal, portal+1
			a.Token = fmt.Sprintf("demo-token-%d", a.Portal)
		}
		orgs[i] = o
	}
	return orgs
}

// archetype returns the name of the org whose mappings an org has.
func archetype(org string) string {
	like, _, _ := strings.Cut(org, "-")
	return like
}
