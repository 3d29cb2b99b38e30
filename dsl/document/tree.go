package document

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// builder makes our nodes from yaml's and refuses what we do not take.
type builder struct {
	doc     *Document
	limits  Limits
	nodes   int
	stopped bool // over a limit: the tree is of no use
	ds      Diagnostics

	references     int // anchors, aliases and merge keys; one diagnostic tells of all
	firstReference int // its index in ds
}

// build returns the node of raw. It stops at the first node over a limit, so
// that its own depth and work stay bounded by them.
func (b *builder) build(raw, key *yaml.Node, parent *Node, depth int) *Node {
	b.clamp(raw)
	n := &Node{doc: b.doc, raw: raw, key: key, parent: parent}
	if b.stopped || b.overLimit(raw, depth) || b.refused(n) {
		return n
	}
	switch raw.Kind {
	case yaml.MappingNode:
		n.kind = Mapping
		b.pairs(n, depth)
	case yaml.SequenceNode:
		n.kind = List
		for i, item := range raw.Content {
			child := b.build(item, nil, n, depth+1)
			child.index = i
			n.items = append(n.items, child)
		}
	case yaml.ScalarNode:
		n.kind = b.scalarKind(n)
	default: // aliases were refused, and a document holds no document
	}
	return n
}

// clamp moves a node into the file: yaml.v3 places a value that is not written
// at the end of a file behind it.
func (b *builder) clamp(raw *yaml.Node) {
	last := b.doc.lines.count()
	if raw.Line > last || raw.Line < 1 {
		raw.Line, raw.Column = last, b.doc.lines.width(last)+1
	}
	raw.Column = min(max(raw.Column, 1), b.doc.lines.width(raw.Line)+1)
}

func (b *builder) overLimit(raw *yaml.Node, depth int) bool {
	b.nodes++
	var message, help string
	switch {
	case b.nodes > b.limits.Nodes:
		message, help = fmt.Sprintf("file has more than %d values", b.limits.Nodes), "split the file"
	case depth > b.limits.Depth:
		message, help = fmt.Sprintf("values are nested deeper than %d levels", b.limits.Depth), "write it flatter"
	default:
		return false
	}
	at := Position{raw.Line, raw.Column}
	b.stopped = true
	b.ds = append(b.ds, syntax(b.doc.file, b.doc.lines.rest(at), message, help))
	return true
}

func (b *builder) report(d Diagnostic) {
	if len(b.ds) < maxReported {
		b.ds = append(b.ds, d)
	}
}

// refused reports aliases, anchors and tags. A value behind an anchor is still
// good; the two others leave no value.
func (b *builder) refused(n *Node) bool {
	at := Position{n.raw.Line, n.raw.Column}
	word := b.doc.word(at)
	if n.raw.Kind == yaml.AliasNode {
		b.reference(word, "alias *"+short(n.raw.Value)+" is not allowed")
		return true
	}
	tagged := n.raw.Style&yaml.TaggedStyle != 0
	if n.raw.Anchor != "" {
		if tagged { // which of the two comes first is free
			word = b.doc.find(at, "&"+n.raw.Anchor)
		}
		b.reference(word, "anchor &"+short(n.raw.Anchor)+" is not allowed")
	}
	if tagged {
		b.report(b.doc.tagDiagnostic(n, at))
	}
	return tagged
}

// reference notes an anchor, alias or merge key. Only the first is reported:
// ten aliases of one anchor are one mistake.
func (b *builder) reference(r Range, message string) {
	b.references++
	if b.references == 1 {
		b.firstReference = len(b.ds)
		b.ds = append(b.ds, syntax(b.doc.file, r, message,
			"write the value out where it is needed; if it is text that starts with & or *, put it in quotes"))
	}
}

// finish adds to the diagnostic of the first reference how many there are.
func (b *builder) finish() {
	if b.references > 1 {
		d := &b.ds[b.firstReference]
		d.Notes = append(d.Notes, fmt.Sprintf("the file has %d anchors, aliases and merge keys", b.references))
	}
}

// pairs builds the values of a mapping, with the keys in order.
func (b *builder) pairs(n *Node, depth int) {
	n.fields = make(map[string]*Node, len(n.raw.Content)/2)
	for i := 0; i+1 < len(n.raw.Content) && !b.stopped; i += 2 {
		key, value := n.raw.Content[i], n.raw.Content[i+1]
		b.clamp(key)
		if !b.keyAllowed(n, key) || b.overLimit(key, depth) {
			continue
		}
		child := b.build(value, key, n, depth+1)
		n.items = append(n.items, child)
		n.fields[key.Value] = child
	}
}

func (b *builder) keyAllowed(n *Node, key *yaml.Node) bool {
	word := func() Range { return b.doc.word(Position{key.Line, key.Column}) }
	switch tag := key.ShortTag(); {
	case key.Kind == yaml.AliasNode || key.Anchor != "":
		b.reference(word(), "anchor or alias at a key is not allowed")
		return false
	case key.Kind != yaml.ScalarNode || key.Style&yaml.TaggedStyle != 0:
		b.report(b.keyDiagnostic(n, key, word()))
		return false
	case tag == "!!merge":
		b.reference(b.doc.scalarRange(key, n), "merge key << is not allowed")
		return false
	case key.Value == "" || tag != "!!str" && tag != "!!timestamp": // jsonschema can't tell "" from the mapping itself
		b.report(b.keyDiagnostic(n, key, b.doc.scalarRange(key, n)))
		if key.Value == "" {
			return false
		}
	}
	first, twice := n.fields[key.Value]
	if twice {
		d := n.Report(Error, CodeDuplicateKey, ruleDuplicateKey, b.doc.scalarRange(key, n), fmt.Sprintf("duplicate key %q", short(key.Value)),
			fmt.Sprintf("it stands in line %d already: remove one of the two", first.key.Line))
		d.Pointer += "/" + escapePointer(key.Value)
		b.report(d)
	}
	return !twice
}

func (b *builder) keyDiagnostic(n *Node, key *yaml.Node, r Range) Diagnostic {
	what, help := "is not text", "a key is one line of text"
	var fix *Fix
	switch key.ShortTag() {
	case "!!int", "!!float":
		what = "is a number, not text"
	case "!!bool":
		what = "is true or false, not text"
	}
	if key.Kind == yaml.ScalarNode && key.Value == "" {
		what = "is empty"
	}
	message := "key " + what
	if key.Kind == yaml.ScalarNode && key.Value != "" && key.Style&yaml.TaggedStyle == 0 {
		message = "key " + short(key.Value) + " " + what
		help = fmt.Sprintf("put it in quotes: %q", short(key.Value))
		fix = &Fix{Range: r, Text: strconv.Quote(key.Value)}
	}
	d := n.Report(Error, CodeNonStringKey, ruleNonStringKey, r, message, help)
	d.Pointer += "/" + escapePointer(key.Value)
	d.Fix = fix
	return d
}

// plainNumber is how a number is written that every reader understands alike.
var plainNumber = regexp.MustCompile(`^[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

func (b *builder) scalarKind(n *Node) Kind {
	switch n.raw.ShortTag() {
	case "!!null":
		return Null
	case "!!bool":
		return Boolean
	case "!!int", "!!float":
		return b.numberKind(n)
	}
	return String
}

func (b *builder) numberKind(n *Node) Kind {
	text := n.raw.Value
	fault, kind := "", Float
	switch {
	case len(text) > quotedRunes:
		fault = "does not fit into 64 bits"
	case !plainNumber.MatchString(text):
		fault = "is understood differently by different readers of YAML"
	case !strings.ContainsAny(text, ".eE"): // yaml.v3 makes a float of an integer that is too large
		kind = Integer
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			fault = "does not fit into 64 bits"
		}
	}
	if fault == "" {
		return kind
	}
	d := n.Report(Error, CodeSyntax, ruleSyntax, n.Range(), "number "+short(text)+" "+fault,
		fmt.Sprintf("if it is text, put it in quotes: %q", short(text)))
	d.Fix = &Fix{Range: d.Range, Text: strconv.Quote(text)}
	b.report(d)
	return Invalid
}

// tagDiagnostic refuses a tag. One that is no tag of YAML's own is most likely
// an expression that starts with "not".
func (d *Document) tagDiagnostic(n *Node, at Position) Diagnostic {
	word := d.word(at)
	if n.raw.Anchor != "" {
		word = d.find(at, "!")
		word = d.word(word.Start)
	}
	tag := d.text(word)
	report := n.Report(Error, CodeSyntax, ruleSyntax, word, "tag "+short(tag)+" is not allowed", "remove it; put text in quotes")
	if !strings.HasPrefix(tag, "!!") && n.raw.Kind == yaml.ScalarNode && n.raw.Style&^yaml.TaggedStyle == 0 {
		all := d.lines.rest(word.Start)
		report.Help = "if it is an expression, put it in quotes: " + short(quote(d.text(all)))
		report.Fix = &Fix{Range: all, Text: quote(d.text(all))}
	}
	return report
}
