package dsl

import (
	"io/fs"
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

// panickyFS panics when one of its files is opened.
type panickyFS struct {
	fs.FS
	file string
}

// Open implements fs.FS.
func (f panickyFS) Open(name string) (fs.File, error) {
	if name == f.file {
		panic("canary")
	}
	return f.FS.Open(name)
}

// Stat implements fs.StatFS: without it the file would be opened.
func (f panickyFS) Stat(name string) (fs.FileInfo, error) { return fs.Stat(f.FS, name) }

// TestPanicOfALoad: a file that makes the loader panic is refused like any
// other that is wrong, and the process goes on with the set that it has.
func TestPanicOfALoad(t *testing.T) {
	own, folder := "mappings/"+sampleMapping+":1:1", "mappings:1:1"
	cases := []struct{ name, panicsAt, want string }{
		{"reading a file", sampleMapping, own + `: error: a mistake in crmsync itself: it panicked in dsl.panickyFS.Open (panic_test.go:N)`},
		{"listing the folder", ".", folder + `: error: a mistake in crmsync itself: it panicked in dsl.panickyFS.Open (panic_test.go:N)`},
		{"compiling", "", own + `: error: a mistake in crmsync itself: it panicked in cel.dev/cel-go/cel.(*Env).CELTypeProvider (env.go:N)`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			opt := Options{}
			if c.panicsAt == "" {
				opt.Compiler = &expr.Compiler{}
			}
			set, ds := Load(panickyFS{sampleFS(inFields("  email: record.email\n")), c.panicsAt}, opt)
			require.Nil(t, set)
			require.Len(t, ds, 1)
			got := regexp.MustCompile(`:\d+\)`).ReplaceAllString(stripHelp(ds)[0], ":N)")
			require.Equal(t, c.want+" [CM101]", got)
		})
	}
}
