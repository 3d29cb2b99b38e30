package expr

// CompileOptions say what the place of an expression asks of it.
type CompileOptions struct {
	// Want are the types that the result may have; empty: any. Null and missing
	// are always allowed, and so is a type known only at run time.
	Want []Type
	// Guard says that the expression is a condition: one that is always true or
	// always false is CM213.
	Guard bool
	// Constant allows an expression that reads nothing. Otherwise CM212 warns,
	// because a constant in YAML needs no CEL. A bare literal is never CM212.
	Constant bool
}

// Compile checks the text and returns its program, or nil when an issue is not
// a warning. All faults are told in one run, sorted by Start, one issue for one
// mistake.
func (e *Env) Compile(text string, opt CompileOptions) (*Program, []Issue) { return nil, nil }

// Program is a compiled expression. It is immutable and may be used
// concurrently, each user with its own Scope.
type Program struct{}

// Text returns the expression as it was written.
func (p *Program) Text() string { return "" }

// Type returns the static type of the result; nullable tells whether null or
// missing may come out of it.
func (p *Program) Type() (t Type, nullable bool) { return Dyn, true }

// Fields returns the fields of the record that the program reads, as paths such
// as "address.city", sorted.
func (p *Program) Fields() []string { return nil }

// Names returns the other variables it reads, such as "event.version",
// "record_id" or "vars.region", sorted.
func (p *Program) Names() []string { return nil }

// Constant returns the value of a program that reads nothing.
func (p *Program) Constant() (v Value, ok bool) { return Value{}, false }

// Cost returns the greatest cost that the program can have by the sizes that
// the schema allows, in CEL's units (about 10 ns each).
func (p *Program) Cost() uint64 { return 0 }

// Eval computes the program. The error is an *EvalError. The value may alias
// the scope's memory: write it out before the scope is reset or set again.
func (p *Program) Eval(s *Scope) (Value, error) { return Value{}, nil }

// Step is one sub-expression of a trace.
type Step struct {
	Start, End int    // rune offsets in the program's text
	Depth      int    // 0: the whole expression
	Text       string // the sub-expression
	Value      string // its value as Value.String shows it; "" beside Err
	Err        string // why it has none
}

// Trace evaluates the program and returns what its sub-expressions gave, outer
// before inner, left before right. Parts that were not reached and literals are
// left out. It is for explain: slow, and it shows values.
func (p *Program) Trace(s *Scope) []Step { return nil }
