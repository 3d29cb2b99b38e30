package main

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"os"

	"github.com/spf13/cobra"

	"crmsync"
)

func (p *program) waitingCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "waiting", Short: "Look at records that wait for their CRM, and let them try now", Args: noArgs,
		Long: `Look at records that wait for their CRM, and let them try now.

A record that would have to wait for more than a few seconds, because its
account is paused, refused, out of quota or down, waits in the state store: one
entry per record and connection, the newest version wins. It holds up nobody
else, and goes on by itself as soon as its reason has gone.`,
		Example: `  crmsync waiting list
  crmsync waiting list --org acme --reason denied
  crmsync waiting release --org acme --connection hubspot`,
	}
	c.AddCommand(p.waitingListCommand(), p.waitingReleaseCommand())
	return c
}

// waiters says which waiting records are meant.
type waiters struct{ org, connection, recordType, id, reason string }

func (w *waiters) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&w.org, "org", "", "only those of this `org`")
	f.StringVar(&w.connection, "connection", "", "only those that wait for this `connection` of their org")
	f.StringVar(&w.recordType, "type", "", "only records of this `type`, such as contact")
	f.StringVar(&w.id, "id", "", "only records with this `id`")
	f.StringVar(&w.reason, "reason", "", "only those that wait for this `reason`, such as denied")
	complete := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return completedReasons(), cobra.ShellCompDirectiveNoFileComp
	}
	_ = c.RegisterFlagCompletionFunc("reason", complete) // fails only without the flag, or the second time
}

// any says whether anything is asked for at all.
func (w *waiters) any() bool {
	return cmp.Or(w.org, w.connection, w.recordType, w.id, w.reason) != ""
}

func (w *waiters) filter() crmsync.WaitFilter {
	return crmsync.WaitFilter{
		Key: crmsync.RecordKey{Org: w.org, Type: w.recordType, ID: w.id}, Connection: w.connection, Reason: w.reason,
	}
}

// inWaitingRoom runs do on the configured state store and closes it. It brings
// no database up to date: a daemon of another version may be at work on it.
func (p *program) inWaitingRoom(ctx context.Context, do func(crmsync.WaitingRoom) error) error {
	c, _, err := readConfig(p.config, os.Environ())
	if err != nil {
		return err
	}
	store, err := openAsItIs(ctx, c.State)
	if err != nil {
		return err
	}
	return errors.Join(do(store), store.Close())
}

// Bounds of reading the waiting room.
const (
	waitingPage = 500     // entries in one question
	waitingMost = 100_000 // entries that are counted
)

// waitingLinks returns the entries that the filter picks, by key, page by page.
// An error ends it.
func waitingLinks(ctx context.Context, room crmsync.WaitingRoom, f crmsync.WaitFilter) iter.Seq2[crmsync.Link, error] {
	return func(yield func(crmsync.Link, error) bool) {
		for {
			links, err := room.Waiting(ctx, f, waitingPage)
			if err != nil {
				yield(crmsync.Link{}, err)
				return
			}
			for _, l := range links {
				if l.Wait != nil && !yield(l, nil) {
					return
				}
			}
			if len(links) < waitingPage {
				return
			}
			f.After = links[len(links)-1].LinkKey
		}
	}
}
