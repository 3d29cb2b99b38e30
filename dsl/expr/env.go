package expr

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
)

// The bounds of a Compiler's caches. A cache that is full is emptied: what is
// still needed is soon in it again.
const (
	envsKept     = 4096
	programsKept = 32768 // of about 7 KB each
)

// Compiler makes environments and shares what is equal between them: one Env
// for each pair of record schema and shape of vars, one Program for each text
// under an Env. It may be used concurrently. Its caches are bounded.
type Compiler struct {
	base   *cel.Env
	guards map[string]*guard
	ours   map[string]*function

	mu       sync.Mutex
	envs     map[string]*Env
	programs map[programKey]compiled
}

// programKey is what makes two compilations the same.
type programKey struct {
	env  *Env
	text string
	opts optionKey
}

// compiled is a program with its issues; they stay as they are.
type compiled struct {
	program *Program
	issues  []Issue
}

// NewCompiler returns a compiler with an empty cache. It takes about 2 ms.
func NewCompiler() (*Compiler, error) { return newCompiler(table()) }

// newCompiler returns a compiler of these functions.
func newCompiler(functions []*function) (*Compiler, error) {
	ours := map[string]*function{}
	for _, f := range functions {
		ours[f.name] = f
	}
	base, err := baseEnv(ours)
	if err != nil {
		return nil, fmt.Errorf("make the expression environment: %w", err)
	}
	guards, err := newGuards(base)
	if err != nil {
		return nil, fmt.Errorf("make the expression environment: %w", err)
	}
	return &Compiler{base: base, guards: guards, ours: ours, envs: map[string]*Env{}, programs: map[programKey]compiled{}}, nil
}

// baseEnv returns the libraries and our functions, without variables.
func baseEnv(ours map[string]*function) (*cel.Env, error) {
	opts := []cel.EnvOption{
		cel.CustomTypeAdapter(adapter{}),
		cel.OptionalTypes(), ext.Strings(), ext.Math(), ext.Lists(), ext.Sets(), ext.Regex(),
		ext.Bindings(), ext.TwoVarComprehensions(), ext.Encoders(ext.EncodersVersion(0)),
		cel.CrossTypeNumericComparisons(true), cel.DefaultUTCTimeZone(true), cel.EnableMacroCallTracking(), cel.EnableIdentifierEscapeSyntax(),
		cel.ParserExpressionSizeLimit(maxText), cel.ParserRecursionLimit(recursionLimit),
		cel.ParserErrorRecoveryLimit(1), cel.ExpressionNodeLimit(maxNodes), cel.RegexProgramSizeLimit(maxRegexSize),
	}
	for _, f := range ours {
		opts = append(opts, f.declaration(), cel.CostModel(f.costs()...))
	}
	return cel.NewEnv(opts...)
}

// Variable is a name in scope: of a Schema where that is given, else of Type.
type Variable struct {
	Name   string
	Type   Type
	Schema *Schema
}

// Env is a set of names with their types, in which expressions compile. It is
// immutable and may be used concurrently.
type Env struct {
	compiler  *Compiler
	cel       *cel.Env
	types     *typeProvider
	variables map[string]*types.Type
	names     []string // of the variables, sorted
	record    *Schema  // of a record environment
}

// RecordEnv returns the environment of a mapping of that record: record, event
// (id, version, op, occurred_at, changed), record_id, org_id and vars are in
// scope, nothing else. Two mappings whose vars have the same names and types
// get the same Env.
func (c *Compiler) RecordEnv(record *Schema, vars *Vars) (*Env, error) {
	key := fmt.Sprintf("record %p %s", record, vars.shape())
	return c.shared(key, func() (*Env, error) {
		e := c.newEnv()
		e.record = record
		e.variables["record"] = e.types.addSchema(record)
		e.variables["event"] = e.types.addPlain("event", eventFields(), readEvent)
		e.variables["record_id"] = types.StringType
		e.variables["org_id"] = types.StringType
		e.variables["vars"] = e.types.addPlain("vars", vars.types(), readVar)
		return e, e.extend()
	})
}

// Env returns an environment with these variables and nothing else in scope.
// Variables of the same names and types give the same Env. It fails for a name
// that is given twice or is no identifier.
func (c *Compiler) Env(vars ...Variable) (*Env, error) {
	var key strings.Builder
	for _, v := range vars {
		fmt.Fprintf(&key, "%s %d %p;", v.Name, v.Type, v.Schema)
	}
	return c.shared(key.String(), func() (*Env, error) {
		e := c.newEnv()
		for _, v := range vars {
			if _, twice := e.variables[v.Name]; twice || !isIdent(v.Name) {
				return nil, fmt.Errorf("variable %q: given twice, or not a name", v.Name)
			}
			e.variables[v.Name] = celType(v.Type)
			if v.Schema != nil {
				e.variables[v.Name] = e.types.addSchema(v.Schema)
			}
		}
		return e, e.extend()
	})
}

// shared returns the Env kept under key, or makes and keeps it.
func (c *Compiler) shared(key string, build func() (*Env, error)) (*Env, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.envs[key]; e != nil {
		return e, nil
	}
	e, err := build()
	if err != nil {
		return nil, fmt.Errorf("make an expression environment: %w", err)
	}
	if len(c.envs) >= envsKept {
		clear(c.envs)
	}
	c.envs[key] = e
	return e, nil
}

func (c *Compiler) newEnv() *Env {
	return &Env{
		compiler:  c,
		types:     &typeProvider{Provider: c.base.CELTypeProvider(), objects: map[string]*objectType{}},
		variables: map[string]*types.Type{},
	}
}

// extend declares the variables.
func (e *Env) extend() error {
	opts := []cel.EnvOption{cel.CustomTypeProvider(e.types)}
	for name, t := range e.variables {
		e.names = append(e.names, name)
		opts = append(opts, cel.Variable(name, t))
	}
	slices.Sort(e.names)
	extended, err := e.compiler.base.Extend(opts...)
	if err != nil {
		return err
	}
	e.cel = extended
	return nil
}

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

// eventFields are the fields of an event's envelope.
func eventFields() map[string]*types.Type {
	return map[string]*types.Type{
		"id": types.StringType, "version": types.IntType, "op": types.StringType,
		"occurred_at": types.TimestampType, "changed": types.NewListType(types.StringType),
	}
}

// isIdent tells whether s is a CEL identifier.
func isIdent(s string) bool {
	for i, r := range s {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// readVar reads a constant of a mapping.
func readVar(target any, name string) ref.Val {
	if v, ok := target.(*Vars); ok && v != nil {
		if value, ok := v.values[name]; ok {
			return value
		}
	}
	return &missing{path: "vars." + name}
}
