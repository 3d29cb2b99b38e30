package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline"
	"crmsync/pipeline/inmem"
)

// nine is when the waiting rooms of these tests are looked at.
func nine() time.Time { return time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC) }

// waitsOf are as many links of an org's connection that wait for a reason.
func waitsOf(org, connection, reason string, n int) []crmsync.Link {
	links := make([]crmsync.Link, n)
	for i := range links {
		links[i] = crmsync.Link{
			LinkKey:  crmsync.LinkKey{Key: crmsync.RecordKey{Org: org, Type: "contact", ID: fmt.Sprintf("c-%04d", i)}, Connection: connection},
			Owner:    crmsync.Owner{Topic: "events", Partition: 3, Epoch: 1},
			Revision: 1,
			Wait: &crmsync.Wait{
				Version: int64(i + 7), Reason: reason, Since: nine().Add(-time.Hour + time.Duration(i)*time.Second), Until: nine().Add(time.Minute),
				Attempts: 2, Body: []byte("ada@example.com"),
			},
		}
	}
	return links
}

// roomWith is a waiting room that holds the links.
func roomWith(t *testing.T, links ...[]crmsync.Link) *inmem.State {
	t.Helper()
	room := inmem.NewState(nine)
	_, err := room.Claim(t.Context(), "events", []int32{3})
	require.NoError(t, err)
	for _, some := range links {
		saved, err := room.Save(t.Context(), some)
		require.NoError(t, err)
		for _, s := range saved {
			require.Equal(t, crmsync.Written, s)
		}
	}
	return room
}

func TestWaitingList(t *testing.T) {
	room := roomWith(t, waitsOf("acme", "hubspot", "denied", 3), waitsOf("birch", "hubspot", "frosty", 1))
	var out, errs output
	p := &program{out: &out, err: &errs}
	require.NoError(t, p.waitingList(t.Context(), room, crmsync.WaitFilter{}, 2))
	require.Equal(t, `RECORD               CONNECTION  VERSION  WAITS BECAUSE                   SINCE                 NOT BEFORE            ATTEMPTS
acme/contact/c-0000  hubspot     7        the CRM refuses its credential  2026-11-24 08:00:00Z  2026-11-24 09:01:00Z  2
acme/contact/c-0001  hubspot     8        the CRM refuses its credential  2026-11-24 08:00:01Z  2026-11-24 09:01:00Z  2

WAITING  CONNECTION     REASON  OLDEST                NEXT TRY              WHAT ENDS IT
3        acme/hubspot   denied  2026-11-24 08:00:00Z  2026-11-24 09:01:00Z  crmsync credentials set acme NAME
1        birch/hubspot  frosty  2026-11-24 08:00:00Z  2026-11-24 09:01:00Z  -
`, out.String())
	require.Equal(t, "2 more are counted but not listed: narrow them down, or raise --limit.\n", errs.String())
}

// TestWaitingPages: more entries than one question brings are all listed, once.
func TestWaitingPages(t *testing.T) {
	const n = 2*waitingPage + 1
	room := roomWith(t, waitsOf("acme", "hubspot", "denied", n))
	var out, errs output
	p := &program{out: &out, err: &errs}
	require.NoError(t, p.waitingJSON(t.Context(), room, crmsync.WaitFilter{}, n))
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	require.Len(t, lines, n)
	require.JSONEq(t, `{"record":"acme/contact/c-0000","connection":"hubspot","version":7,"reason":"denied","since":"2026-11-24T08:00:00Z",
		"not_before":"2026-11-24T09:01:00Z","attempts":2,"topic":"events","partition":3}`, lines[0])
	for i, line := range lines {
		var w waitShown
		require.NoError(t, json.Unmarshal([]byte(line), &w))
		require.Equal(t, fmt.Sprintf("acme/contact/c-%04d", i), w.Record)
	}
	require.Empty(t, errs.String())
	require.NotContains(t, out.String(), "ada@example.com")

	require.NoError(t, p.waitingJSON(t.Context(), room, crmsync.WaitFilter{}, n-1))
	require.Equal(t, fmt.Sprintf("There are more than these %d: narrow them down, or raise --limit.\n", n-1), errs.String())
}

func TestWaitingListIsEmpty(t *testing.T) {
	for name, list := range map[string]func(*program, crmsync.WaitingRoom) error{
		"text": func(p *program, room crmsync.WaitingRoom) error {
			return p.waitingList(t.Context(), room, crmsync.WaitFilter{Reason: "quota"}, 10)
		},
		"json": func(p *program, room crmsync.WaitingRoom) error {
			return p.waitingJSON(t.Context(), room, crmsync.WaitFilter{Reason: "quota"}, 10)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs output
			require.NoError(t, list(&program{out: &out, err: &errs}, roomWith(t, waitsOf("acme", "hubspot", "denied", 3))))
			require.Empty(t, out.String())
			if name == "text" {
				require.Equal(t, "No record waits that fits.\n", errs.String())
			}
		})
	}
}

func TestWaitingRelease(t *testing.T) {
	room := roomWith(t, waitsOf("acme", "hubspot", "denied", 3), waitsOf("birch", "hubspot", "denied", 2))
	filter := (&waiters{org: "acme"}).filter()
	var out, errs output
	p := &program{out: &out, err: &errs}
	r := release{p: p, dryRun: true}
	require.NoError(t, r.run(t.Context(), room, filter))
	require.Equal(t, "3 waiting records would be released. Nothing was changed.\n", out.String())
	require.Empty(t, errs.String())
	require.Zero(t, due(t, room))

	out.reset()
	r = release{p: p}
	require.NoError(t, r.run(t.Context(), room, filter))
	require.Equal(t, "3 waiting records released.\n", out.String())
	require.Equal(t, "The processes that own their partitions take them up within half a minute. Those whose\nreason is not gone wait on; see: crmsync waiting list\n", errs.String())
	require.Equal(t, 3, due(t, room))

	out.reset()
	errs.reset()
	r = release{p: p, asJSON: true}
	require.NoError(t, r.run(t.Context(), room, (&waiters{org: "cedar"}).filter()))
	require.JSONEq(t, `{"dry_run": false, "released": 0, "more": false}`, out.String())
	require.Empty(t, errs.String())
}

// due counts those whose wait is over.
func due(t *testing.T, room crmsync.WaitingRoom) (n int) {
	t.Helper()
	for l, err := range waitingLinks(t.Context(), room, crmsync.WaitFilter{}) {
		require.NoError(t, err)
		if !l.Wait.Until.After(nine()) {
			n++
		}
	}
	return n
}

func (o *output) reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Reset()
}

// TestWaitReasons: each reason that the engine gives is told in words.
func TestWaitReasons(t *testing.T) {
	all, err := parser.ParseFile(token.NewFileSet(), "../../pipeline/park.go", nil, parser.ParseComments)
	require.NoError(t, err)
	var given []string
	for _, d := range all.Decls {
		block, ok := d.(*ast.GenDecl)
		if !ok || !strings.HasPrefix(block.Doc.Text(), "Why a record is in the waiting room") {
			continue
		}
		for _, s := range block.Specs {
			word, ok := s.(*ast.ValueSpec).Values[0].(*ast.BasicLit)
			require.True(t, ok)
			given = append(given, strings.Trim(word.Value, `"`))
		}
	}
	var told []string
	for _, r := range waitReasons() {
		told = append(told, r.word)
	}
	require.ElementsMatch(t, given, told)
	require.Equal(t, "crmsync credentials set acme NAME", ending(pipeline.Denied, crmsync.ConnectionID{Org: "acme", Name: "hubspot"}))
	require.Equal(t, "frosty", because("frosty"), "a newer program's word")
}
