package dsl

import (
	"slices"

	"crmsync/dsl/document"
)

// Rule is one thing that lint finds. Its samples are its tests, and its page in
// the documentation is printed from it.
type Rule struct {
	ID       string // stable: "CM201"
	Slug     string // "unknown-record-field"
	Severity document.Severity
	Title    string // what is wrong, in a sentence
	Why      string // why that matters, and what to do
	Bad      []Sample
	Good     []Sample
}

// Sample is a folder of mappings that breaks a rule once, or keeps it.
type Sample struct {
	// Text is what a reader is shown: the part of the file that matters.
	Text string
	// Files is the folder, by path.
	Files map[string]string
	// RequireTests is the option of that name that the rule asks for.
	RequireTests bool
}

// Rules returns all rules, sorted by ID.
func Rules() []Rule {
	return slices.Concat(fileRules(), pathRules(), expressionRules(), valueRules(), catalogRules(), placeRules(), orgRules(), testRules())
}

// FindRule returns the rule of that ID or slug.
func FindRule(name string) (r Rule, ok bool) {
	for _, r := range Rules() {
		if r.ID == name || r.Slug == name {
			return r, true
		}
	}
	return Rule{}, false
}

// ruleByID is what diagnostics are filled from.
var ruleByID = func() map[string]Rule {
	m := map[string]Rule{}
	for _, r := range Rules() {
		m[r.ID] = r
	}
	return m
}()
