package providers

import (
	"bytes"

	"github.com/valyala/fastjson"
)

// keepMax is the largest buffer that is kept for the next request. A full batch
// of usual records is about 50 KiB.
const keepMax = 1 << 20

// scratch is the memory of one request. It is kept for later ones, because a
// fresh one would cost more than the request itself.
type scratch struct {
	body     []byte
	answer   bytes.Buffer
	parser   *fastjson.Parser
	sent     []int          // calls that go along, rising
	names    map[string]int // of those, by what an answer calls them
	answered []bool         // by call
	view     view
}

func newScratch() *scratch {
	return &scratch{parser: &fastjson.Parser{}, names: map[string]int{}}
}

func (p *Provider) borrow() *scratch {
	sc, _ := p.scratch.Get().(*scratch)
	if sc == nil {
		return newScratch()
	}
	return sc
}

// giveBack lets go of everything that belongs to a batch, and of buffers that an
// unusual one has blown up.
func (p *Provider) giveBack(sc *scratch) {
	if cap(sc.body) > keepMax {
		sc.body = nil
	}
	if sc.answer.Cap() > keepMax {
		sc.answer = bytes.Buffer{}
		sc.parser = &fastjson.Parser{}
	}
	sc.body = sc.body[:0]
	sc.answer.Reset()
	sc.sent = sc.sent[:0]
	clear(sc.names)
	sc.view.forget()
	p.scratch.Put(sc)
}

// valuesMax is how many JSON values an answer may hold. Parsed, each takes about
// a hundred bytes, and written down as little as two.
const valuesMax = 1 << 19

// valuesIn returns how many JSON values a text holds, or some more.
func valuesIn(raw []byte) (n int) {
	quoted := false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == '[' || c == '{'):
			n++
		}
	}
	return n + 1
}

// expect makes room for the answers of n calls.
func (sc *scratch) expect(n int) {
	sc.answered = append(sc.answered[:0], make([]bool, n)...)
}

// decode turns the answer's bytes into results.
func (rd *reading) decode() {
	raw := rd.sc.answer.Bytes()
	var body *fastjson.Value
	if len(raw) <= keepMax || valuesIn(raw) <= valuesMax {
		body, _ = rd.sc.parser.ParseBytes(raw) // nil with an error
	}
	v := &rd.sc.view
	v.reset(v.status, v.header, body)
	rd.read(body, len(raw) == 0)
}
