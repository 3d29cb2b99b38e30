package dsl

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/dsl/expr"
)

func TestPanicIsAFaultOfOneEvent(t *testing.T) {
	p := program(t, "fields:\n  email: record.email\n")
	broken := *p
	broken.fields = []field{{name: "email", value: &snippet{}, at: p.fields[0].at}}
	var r Renderer
	_, ok, err := r.Render(&broken, event(crmsync.Updated, `{"email":"secret"}`), nil)
	require.False(t, ok)
	fault := faultOf(t, err)
	require.Equal(t, "panic", fault.Code)
	require.Equal(t, "email", fault.Field)
	require.Equal(t, p.Where("email"), fault.Where)
	require.Regexp(t, "^"+regexp.QuoteMeta(p.Where("email")+": rejected panic: a mistake in crmsync itself: rendering panicked in dsl/expr.(*Program).eval (program.go:")+`\d+\)$`, err.Error())

	call, ok, err := r.Render(p, event(crmsync.Updated, `{"email":"e"}`), nil)
	require.NoError(t, err)
	require.True(t, ok, "the renderer goes on")
	requireFields(t, `{"email":"e"}`, call)
}

// TestPanicOfAnExpression: cel-go recovers from what our functions do; it ends
// as a panic nevertheless, and on_error does not hide it.
func TestPanicOfAnExpression(t *testing.T) {
	p := program(t, "fields:\n  email: {value: record.email, on_error: omit}\n")
	cause := &expr.EvalError{Start: 7, End: 12, Message: "a mistake in crmsync itself", Panicked: true}
	fault := p.fields[0].value.failed(cause)
	require.Equal(t, &crmsync.Fault{
		Kind: crmsync.Rejected, Code: "panic", Where: "mappings/acme/hubspot/contact.yaml:7:25", Message: "a mistake in crmsync itself", Err: cause,
	}, fault)
	require.False(t, p.fields[0].forgives(fault))
	require.True(t, p.fields[0].forgives(p.fields[0].value.failed(&expr.EvalError{Message: "no value"})))
}
