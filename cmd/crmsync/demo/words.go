package demo

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

var (
	firstNames = [...]string{"Ada", "Grace", "Edith", "Radia", "Barbara", "Alan", "Edsger", "Niklaus", "Donald", "Åsa", "Émilie", "Linus", "Anita", "Jean", "Katherine", "Dennis"}
	lastNames  = [...]string{"Lovelace", "Hopper", "Clarke", "Perlman", "Liskov", "Turing", "Dijkstra", "Wirth", "Knuth", "Lindgren", "Chatelet", "Borg", "Bartik", "Johnson", "Ritchie", "Hamilton"}
	firms      = [...]string{"harbor", "granite", "juniper", "lantern", "meadow", "northwind", "opal", "quarry", "ridge", "sable", "tundra", "umber"}
	jobs       = [...]string{"Engineer", "Head of Sales", "Buyer", "CFO", "Consultant", "Chief of Staff", "Architect", "Support"}
	remarks    = [...]string{"call back in spring", "prefers e-mail", "met at the fair", "asked for a discount", "has two offices"}
	currencies = [...]string{"eur", "gbp", "sek", "usd"}
	stages     = [...]string{"lead", "mql", "sql", "opportunity", "won", "lost"}
	dealStages = [...]string{"new", "qualified", "proposal", "negotiation", "won", "lost"}
)

// place is a country, and how its people write telephone numbers.
type place struct{ code, language, local, abroad string }

// The numbers' last three digits are the # signs.
var places = [...]place{
	{"GB", "en-GB", "(020) 7946 0###", "+44 20 7946 0###"},
	{"SE", "sv-SE", "08-123 4# ##", "+46 8 123 4# ##"},
	{"US", "en-US", "(212) 555-7###", "+1 212-555-7###"},
	{"FR", "fr-FR", "01 42 68 5# ##", "+33 1 42 68 5# ##"},
}

// number is a telephone number, written as people do.
func (p place) number(rng *rand.Rand) string {
	form := p.local
	if rng.IntN(3) == 0 {
		form = p.abroad
	}
	for strings.Contains(form, "#") {
		form = strings.Replace(form, "#", fmt.Sprint(rng.IntN(10)), 1)
	}
	return form
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

// maybe is the text so many times of a hundred, and else null.
func maybe(rng *rand.Rand, percent int, s string) *text {
	t := text(s)
	if rng.IntN(100) >= percent {
		t = ""
	}
	return &t
}

// untidy writes a name as people type it into forms.
func untidy(rng *rand.Rand, name string) text {
	switch rng.IntN(4) {
	case 0:
		return text(strings.ToUpper(name))
	case 1:
		return text("  " + strings.ToLower(name) + " ")
	}
	return text(name)
}
