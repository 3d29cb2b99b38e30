package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crmsync"
	"crmsync/pipeline/kafka"
)

func (p *program) dlqListCommand() *cobra.Command {
	var s selection
	var groupBy string
	var limit int
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List dead letters, or count them by reason", Args: noArgs,
		Long: `List dead letters, partition by partition, the oldest first. What an event holds
is shown by "dlq show" only.`,
		Example: "  crmsync dlq list --group-by reason\n  crmsync dlq list --org acme --since 2h --json",
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 1 {
				return usage{fmt.Errorf("--limit %d: give at least 1", limit)}
			}
			if groupBy != "" {
				return p.dlqGroups(c.Context(), &s, groupBy, asJSON)
			}
			return p.dlqList(c.Context(), &s, limit, asJSON)
		},
	}
	s.flags(c.Flags())
	c.Flags().StringVar(&groupBy, "group-by", "", "count them by `what`: reason, org, provider, mapping or record")
	c.Flags().IntVar(&limit, "limit", 1000, "list at most so many")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// letterShown is a dead letter without what its event holds.
type letterShown struct {
	Entry      string    `json:"entry"`
	At         time.Time `json:"at"`
	Record     string    `json:"record"` // empty: the event could not be read
	Version    int64     `json:"version"`
	Provider   string    `json:"provider"`
	Connection string    `json:"connection"`
	Kind       string    `json:"kind"`
	Reason     string    `json:"reason"`
	Mapping    string    `json:"mapping"` // file:line:col
	Field      string    `json:"field"`
	Attempts   int       `json:"attempts"`
	Source     string    `json:"source"` // topic/partition/offset
	ReplayOf   string    `json:"replay_of"`
}

func shownLetter(l *kafka.Letter) letterShown {
	s := letterShown{
		Entry: l.Entry.String(), At: l.At, Version: l.Version, Provider: l.Provider, Connection: l.Connection,
		Kind: l.Fault.Kind.String(), Reason: l.Fault.Code, Mapping: l.Fault.Where, Field: l.Fault.Field, Attempts: l.Attempts,
		Source: fmt.Sprintf("%s/%d/%d", l.Message.Topic, l.Message.Partition, l.Message.Offset),
	}
	if l.Key != (crmsync.RecordKey{}) {
		s.Record = l.Key.String()
	}
	if of, ok := l.Message.Header(crmsync.HeaderReplay); ok {
		s.ReplayOf = string(of)
	}
	return s
}

func (p *program) dlqList(ctx context.Context, s *selection, limit int, asJSON bool) (err error) {
	filters, err := s.filters(time.Now())
	if err != nil {
		return err
	}
	m, err := p.openMorgue(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	shown := []letterShown{}
	more := false
	for l, err := range m.letters(ctx, s, filters) {
		if err != nil {
			return err
		}
		if more = len(shown) == limit; more {
			break
		}
		shown = append(shown, shownLetter(&l))
	}
	if more {
		defer p.hint("There are more than these %d: narrow them down, count them with --group-by reason, or raise --limit.", limit)
	}
	if asJSON {
		return p.printJSON(shown)
	}
	if len(shown) == 0 {
		p.hint("There are no such dead letters in %s.", m.cfg.DeadLetterTopic)
		return nil
	}
	t := p.table("ENTRY", "GIVEN UP", "RECORD", "VERSION", "CONNECTION", "REASON", "MAPPING")
	for _, l := range shown {
		t.row(l.Entry, moment(l.At), cmp.Or(l.Record, "-"), number(l.Version), cmp.Or(l.Connection, "-"), l.Reason, cmp.Or(l.Mapping, "-"))
	}
	return t.flush()
}

// number prints a version; one that could not be read is a hyphen.
func number(n int64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

// maxGroups bounds how many groups are told apart.
const maxGroups = 10_000

// group is what some dead letters have in common, and how many they are.
type group struct {
	Name   string    `json:"name"`
	Count  int       `json:"count"`
	Orgs   int       `json:"orgs"`
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
	Newest string    `json:"newest"` // entry

	orgs map[string]bool
}

// groupings are what letters can be counted by.
var groupings = map[string]func(letterShown) string{
	"reason":   func(l letterShown) string { return l.Reason },
	"org":      func(l letterShown) string { org, _, _ := strings.Cut(l.Record, "/"); return org },
	"provider": func(l letterShown) string { return l.Provider },
	"mapping":  func(l letterShown) string { return l.Mapping },
	"record":   func(l letterShown) string { return l.Record },
}

func (p *program) dlqGroups(ctx context.Context, s *selection, by string, asJSON bool) (err error) {
	name := groupings[by]
	if name == nil {
		return usage{fmt.Errorf("--group-by %q: give reason, org, provider, mapping or record", by)}
	}
	filters, err := s.filters(time.Now())
	if err != nil {
		return err
	}
	m, err := p.openMorgue(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	groups := map[string]*group{}
	for l, err := range m.letters(ctx, s, filters) {
		if err != nil {
			return err
		}
		shown := shownLetter(&l)
		g := groupOf(groups, name(shown))
		if g == nil {
			return fmt.Errorf("count by %s: there are more than %d groups: narrow them down", by, maxGroups)
		}
		g.add(shown)
	}
	sorted := sortedGroups(groups)
	if asJSON {
		return p.printJSON(sorted)
	}
	if len(sorted) == 0 {
		p.hint("There are no such dead letters in %s.", m.cfg.DeadLetterTopic)
		return nil
	}
	t := p.table("COUNT", strings.ToUpper(by), "ORGS", "NEWEST", "ENTRY")
	for _, g := range sorted {
		t.row(strconv.Itoa(g.Count), cmp.Or(g.Name, "-"), strconv.Itoa(g.Orgs), moment(g.Last), g.Newest)
	}
	return t.flush()
}

// groupOf returns the group of that name; nil when there are too many.
func groupOf(groups map[string]*group, name string) *group {
	g := groups[name]
	if g == nil && len(groups) < maxGroups {
		g = &group{Name: name, orgs: map[string]bool{}}
		groups[name] = g
	}
	return g
}

func (g *group) add(l letterShown) {
	g.Count++
	if org, _, _ := strings.Cut(l.Record, "/"); org != "" {
		g.orgs[org] = true
		g.Orgs = len(g.orgs)
	}
	if g.First.IsZero() || l.At.Before(g.First) {
		g.First = l.At
	}
	if g.Newest == "" || l.At.After(g.Last) {
		g.Last, g.Newest = l.At, l.Entry
	}
}

// sortedGroups returns the largest first.
func sortedGroups(groups map[string]*group) []*group {
	all := make([]*group, 0, len(groups))
	for _, g := range groups {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	return all
}
