package expr

// Function is one of our own functions.
type Function struct {
	Name       string
	Group      string // "text", "names", "phone", "dates", "places", "numbers", "choice", "web"
	Signatures []string
	Doc        string    // one or two sentences
	Examples   []Example // run as tests
}

// Example is an expression that reads nothing, and its result in JSON
// ("missing" stands for a missing one).
type Example struct{ Expr, Result string }

// Functions returns our functions, sorted by group and name.
func Functions() []Function { return nil }
