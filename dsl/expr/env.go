package expr

import "errors"

// Compiler makes environments and shares what is equal between them: one Env
// for each pair of record schema and shape of vars, one Program for each text
// under an Env. It may be used concurrently. Its caches are bounded.
type Compiler struct{}

// NewCompiler returns a compiler with an empty cache.
func NewCompiler() (*Compiler, error) { return &Compiler{}, nil }

// RecordEnv returns the environment of a mapping of that record: record, event
// (id, version, op, occurred_at, changed), record_id, org_id and vars are in
// scope, nothing else. Two mappings whose vars have the same names and types
// get the same Env.
func (c *Compiler) RecordEnv(record *Schema, vars *Vars) (*Env, error) {
	return nil, errors.New("no environment")
}

// Env returns an environment with these variables and nothing else in scope.
func (c *Compiler) Env(vars ...Variable) (*Env, error) { return nil, errors.New("no environment") }

// Variable is a name in scope: of a Schema where that is given, else of Type.
type Variable struct {
	Name   string
	Type   Type
	Schema *Schema
}

// Vars are the constants of a mapping, typed by their values. Immutable, and
// fine for concurrent use. Nil Vars are no constants.
type Vars struct{}

// NewVars takes strings, booleans, int64, float64, nil, and lists and maps of
// them. It fails for any other type.
func NewVars(values map[string]any) (*Vars, error) { return &Vars{}, nil }

// Env is a set of names with their types, in which expressions compile. It is
// immutable and may be used concurrently.
type Env struct{}

// NewRecordEnv returns what RecordEnv of a new Compiler does.
func NewRecordEnv(record *Schema, vars *Vars) (*Env, error) {
	c, err := NewCompiler()
	if err != nil {
		return nil, err
	}
	return c.RecordEnv(record, vars)
}

// NewEnv returns what Env of a new Compiler does.
func NewEnv(vars ...Variable) (*Env, error) {
	c, err := NewCompiler()
	if err != nil {
		return nil, err
	}
	return c.Env(vars...)
}
