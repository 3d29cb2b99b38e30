package dsl

import (
	"path"

	"crmsync/dsl/document"
	"crmsync/dsl/expr"
)

// contained calls do and answers nothing, or what to say of the file when do
// panicked. Whoever can write a mapping can have it loaded by a process that
// serves all orgs: no file may end that.
func contained(file string, do func()) (wrong document.Diagnostics) {
	defer func() {
		if recover() != nil {
			wrong = document.Diagnostics{fileDiagnostic(file, "CM101", "a mistake in crmsync itself: it panicked in "+expr.PanicPlace(),
				"nothing of the folder is used before this is gone: take back what was changed last, and report it with the file")}
		}
	}()
	do()
	return nil
}

// readOne reads one file.
func (l *loader) readOne(f found) (s *source) {
	wrong := contained(path.Join(l.Dir, f.path), func() { s = read(l.fsys, l.Dir, f, l.formats) })
	if wrong != nil {
		return &source{found: f, name: path.Join(l.Dir, f.path), wrong: wrong}
	}
	return s
}

// buildOne compiles one mapping.
func (l *loader) buildOne(s *source) (b *build) {
	wrong := contained(s.name, func() { b = l.compileOne(s) })
	if wrong != nil {
		return &build{loader: l, own: s, wrong: wrong}
	}
	return b
}

// lintOne runs the checks that look at more than one expression of a mapping.
func (b *build) lintOne() {
	b.wrong = append(b.wrong, contained(b.own.name, func() {
		b.own.secrets()
		b.lintValues()
		b.lintCatalog()
		b.lintOverridden()
	})...)
}
