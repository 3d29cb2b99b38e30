package dsl

// caseSet is the tests of a set.
type caseSet struct{}
