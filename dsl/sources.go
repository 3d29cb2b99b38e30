package dsl

import (
	"io/fs"
	"path"
	"strings"

	"crmsync/dsl/document"
)

// Sources returns the files that diagnostics of a load name, for the printing
// of snippets. What a diagnostic calls a secret is blotted out, so that a
// report can be kept in the log of a build.
func Sources(fsys fs.FS, dir string, ds document.Diagnostics) document.Sources {
	return func(file string) []byte {
		p, ok := strings.CutPrefix(file, strings.TrimSuffix(path.Join(dir, "x"), "x")) // dir may be "." or "/"
		if !ok {
			return nil
		}
		src, err := readFile(fsys, p, document.DefaultLimits().Bytes)
		if err != nil {
			return nil
		}
		for _, d := range ds {
			if d.File == file && d.Code == "CM405" {
				src = blot(src, d.Range)
			}
		}
		return src
	}
}

// blot replaces each character of a range, but line breaks, by an asterisk.
func blot(src []byte, r document.Range) []byte {
	from, to := offset(src, r.Start), offset(src, r.End)
	var b strings.Builder
	b.Write(src[:from])
	for _, c := range string(src[from:max(from, to)]) {
		if c != '\n' {
			c = '*'
		}
		b.WriteRune(c)
	}
	b.Write(src[max(from, to):])
	return []byte(b.String())
}
