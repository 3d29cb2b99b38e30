package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"crmsync"
	"crmsync/cmd/crmsync/demo"
)

// release is one run of `waiting release`.
type release struct {
	p              *program
	dryRun, asJSON bool
}

func (p *program) waitingReleaseCommand() *cobra.Command {
	r := release{p: p}
	var w waiters
	var all bool
	c := &cobra.Command{
		Use: "release", Short: "Let waiting records try now instead of when their wait is over", Args: noArgs,
		Long: `Let waiting records try now instead of when their wait is over. The processes
that own their partitions take them up within half a minute, and each passes the
same queue and version gate as ever.

It ends no reason: a record whose account is still paused, refused, out of quota
or down goes back to waiting. It does not shorten either what is held because a
call for the record may still land at the CRM: to send before that is over could
put an older version over a newer one.`,
		Example: `  crmsync waiting release --org acme --connection hubspot
  crmsync waiting release --reason unavailable --dry-run
  crmsync waiting release --all`,
		RunE: func(c *cobra.Command, _ []string) error {
			if !w.any() && !all {
				return usage{errors.New("waiting release: say which: filters such as --org, or --all")}
			}
			return p.inWaitingRoom(c.Context(), func(room crmsync.WaitingRoom) error { return r.run(c.Context(), room, w.filter()) })
		},
	}
	w.flags(c)
	f := c.Flags()
	f.BoolVar(&all, "all", false, "all records that wait")
	f.BoolVarP(&r.dryRun, "dry-run", "n", false, "say how many would be released, release none")
	f.BoolVar(&r.asJSON, "json", false, "print JSON")
	return c
}

// released is what a release did.
type released struct {
	DryRun   bool  `json:"dry_run"`
	Released int64 `json:"released"` // or, in a dry run, would be
	More     bool  `json:"more"`     // of a dry run: there are more, which were not counted
}

func (r *release) run(ctx context.Context, room crmsync.WaitingRoom, f crmsync.WaitFilter) error {
	if r.dryRun {
		return r.rehearse(ctx, room, f)
	}
	n, err := room.Release(ctx, f)
	if err != nil {
		return err
	}
	if r.asJSON {
		return r.p.printJSON(released{Released: n})
	}
	fmt.Fprintf(r.p.out, "%s released.\n", demo.Times(n, "waiting record"))
	if n == 0 {
		r.p.hint("No record waits that fits; see: crmsync waiting list")
		return nil
	}
	r.p.hint("The processes that own their partitions take them up within half a minute. Those whose\nreason is not gone wait on; see: crmsync waiting list")
	return nil
}

// rehearse counts what would be released.
func (r *release) rehearse(ctx context.Context, room crmsync.WaitingRoom, f crmsync.WaitFilter) error {
	would := released{DryRun: true}
	for _, err := range waitingLinks(ctx, room, f) {
		if err != nil {
			return err
		}
		if would.Released == waitingMost {
			would.More = true
			break
		}
		would.Released++
	}
	if r.asJSON {
		return r.p.printJSON(would)
	}
	many := demo.Times(would.Released, "waiting record")
	if would.More {
		many = "more than " + many
	}
	fmt.Fprintf(r.p.out, "%s would be released. Nothing was changed.\n", many)
	return nil
}
