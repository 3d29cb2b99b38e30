package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"crmsync"
)

func (p *program) waitingListCommand() *cobra.Command {
	var w waiters
	var limit int
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List the records that wait, and count them by connection and reason", Args: noArgs,
		Long: `List the records that wait, by org, type, id and connection, then count them by
connection and reason, with what ends each wait. What a record holds is not shown.
With --json each record is an object on a line of its own, and nothing is counted.`,
		Example: "  crmsync waiting list\n  crmsync waiting list --org acme --reason denied\n  crmsync waiting list --limit 100000 --json",
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 1 || limit > waitingMost {
				return usage{fmt.Errorf("--limit %d: give a number from 1 to %d", limit, waitingMost)}
			}
			return p.inWaitingRoom(c.Context(), func(room crmsync.WaitingRoom) error {
				if asJSON {
					return p.waitingJSON(c.Context(), room, w.filter(), limit)
				}
				return p.waitingList(c.Context(), room, w.filter(), limit)
			})
		},
	}
	w.flags(c)
	c.Flags().IntVar(&limit, "limit", 1000, "list at most so many")
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON object per line")
	return c
}

// waitShown is an entry of the waiting room without what waits.
type waitShown struct {
	Record     string    `json:"record"`
	Connection string    `json:"connection"`
	Version    int64     `json:"version"`
	Reason     string    `json:"reason"`
	Since      time.Time `json:"since"`
	NotBefore  time.Time `json:"not_before"`
	Attempts   int       `json:"attempts"`
	Topic      string    `json:"topic"`
	Partition  int32     `json:"partition"`
}

func shownWait(l *crmsync.Link) waitShown {
	return waitShown{
		Record: l.Key.String(), Connection: l.Connection, Version: l.Wait.Version, Reason: l.Wait.Reason,
		Since: l.Wait.Since.UTC(), NotBefore: l.Wait.Until.UTC(), Attempts: l.Wait.Attempts,
		Topic: l.Owner.Topic, Partition: l.Owner.Partition,
	}
}

func (p *program) waitingJSON(ctx context.Context, room crmsync.WaitingRoom, f crmsync.WaitFilter, limit int) error {
	e := json.NewEncoder(p.out)
	e.SetEscapeHTML(false)
	n := 0
	for l, err := range waitingLinks(ctx, room, f) {
		if err != nil {
			return err
		}
		if n == limit {
			p.hint("There are more than these %d: narrow them down, or raise --limit.", limit)
			return nil
		}
		if err := e.Encode(shownWait(&l)); err != nil {
			return err
		}
		n++
	}
	return nil
}

func (p *program) waitingList(ctx context.Context, room crmsync.WaitingRoom, f crmsync.WaitFilter, limit int) error {
	rows := p.table("RECORD", "CONNECTION", "VERSION", "WAITS BECAUSE", "SINCE", "NOT BEFORE", "ATTEMPTS")
	var sums waitSums
	for l, err := range waitingLinks(ctx, room, f) {
		if err != nil {
			return err
		}
		if sums.all == waitingMost {
			sums.more = true
			break
		}
		if sums.all < limit {
			w := shownWait(&l)
			rows.row(w.Record, w.Connection, number(w.Version), because(w.Reason), moment(w.Since), moment(w.NotBefore), strconv.Itoa(w.Attempts))
		}
		sums.add(&l)
	}
	if sums.all == 0 {
		p.hint("No record waits that fits.")
		return nil
	}
	if err := rows.flush(); err != nil {
		return err
	}
	fmt.Fprintln(p.out)
	if err := p.printSums(&sums); err != nil {
		return err
	}
	if more := sums.all - limit; more > 0 {
		p.hint("%d more are counted but not listed: narrow them down, or raise --limit.", more)
	}
	if sums.more {
		p.hint("There are more than %d: narrow them down to count them all.", waitingMost)
	}
	return nil
}

// waitSum is how many wait for one connection and one reason.
type waitSum struct {
	connection   crmsync.ConnectionID
	reason       string
	count        int
	oldest, next time.Time
}

// waitSums sums up entries. Their number is bounded by that of the entries.
type waitSums struct {
	groups map[waitGroup]*waitSum
	all    int
	more   bool // there are entries that were not counted
}

type waitGroup struct {
	connection crmsync.ConnectionID
	reason     string
}

func (s *waitSums) add(l *crmsync.Link) {
	s.all++
	at := waitGroup{crmsync.ConnectionID{Org: l.Key.Org, Name: l.Connection}, l.Wait.Reason}
	sum := s.groups[at]
	if sum == nil {
		if s.groups == nil {
			s.groups = map[waitGroup]*waitSum{}
		}
		sum = &waitSum{connection: at.connection, reason: at.reason, oldest: l.Wait.Since, next: l.Wait.Until}
		s.groups[at] = sum
	}
	sum.count++
	if l.Wait.Since.Before(sum.oldest) {
		sum.oldest = l.Wait.Since
	}
	if l.Wait.Until.Before(sum.next) {
		sum.next = l.Wait.Until
	}
}

// sorted returns the largest first.
func (s *waitSums) sorted() []*waitSum {
	return slices.SortedFunc(maps.Values(s.groups), func(a, b *waitSum) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.connection.Org, b.connection.Org),
			cmp.Compare(a.connection.Name, b.connection.Name), cmp.Compare(a.reason, b.reason))
	})
}

func (p *program) printSums(s *waitSums) error {
	t := p.table("WAITING", "CONNECTION", "REASON", "OLDEST", "NEXT TRY", "WHAT ENDS IT")
	for _, sum := range s.sorted() {
		t.row(strconv.Itoa(sum.count), sum.connection.String(), sum.reason, moment(sum.oldest), moment(sum.next), ending(sum.reason, sum.connection))
	}
	return t.flush()
}
