package main

// style is how text on standard output is painted: as it is, or in colours.
type style struct{ good, bad, change, dim func(string) string }

// style returns the colours of standard output.
func (p *program) style() style {
	if !p.color(p.out) {
		plain := func(s string) string { return s }
		return style{plain, plain, plain, plain}
	}
	return style{good: sgr("32"), bad: sgr("31"), change: sgr("33"), dim: sgr("2")}
}
