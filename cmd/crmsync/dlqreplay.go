package main

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/spf13/cobra"

	"crmsync"
	"crmsync/pipeline/kafka"
)

func (p *program) dlqReplayCommand() *cobra.Command {
	r := &replay{p: p}
	var s selection
	var all bool
	var pace string
	c := &cobra.Command{
		Use: "replay [ENTRY…]", Short: "Send dead letters through the engine again",
		Long: `Send dead letters through the engine again: the original bytes go to the topic
they came from. They are rendered with the mappings then in force, and pass the
version gate: where the CRM has the version already, or a newer one, nothing is
sent. Several letters of one version of a record are sent once.`,
		Example: `  crmsync dlq replay 0/17
  crmsync dlq replay --org acme --reason bad_value --dry-run
  crmsync dlq replay --mapping mappings/acme/hubspot/contact.yaml --rate 50/s`,
		RunE: func(c *cobra.Command, args []string) error {
			if s.entries = args; !s.any() && !all {
				return usage{errors.New("dlq replay: say which: entries such as 0/17, filters such as --reason, or --all")}
			}
			var err error
			if r.pace, err = parsePace(pace); err != nil {
				return err
			}
			if r.limit < 0 {
				return usage{fmt.Errorf("--limit %d: give 0 for no limit, or more", r.limit)}
			}
			return r.run(c.Context(), &s)
		},
	}
	f := c.Flags()
	s.flags(f)
	f.BoolVar(&all, "all", false, "all dead letters that there are")
	f.BoolVarP(&r.dryRun, "dry-run", "n", false, "show what would be sent, send nothing")
	f.IntVar(&r.limit, "limit", 0, "stop after so many letters; 0: no limit")
	f.StringVar(&pace, "rate", "", "send no faster than this, such as 50/s or 600/m")
	f.BoolVar(&r.asJSON, "json", false, "print JSON")
	return c
}

// resender is the part of a producer that a replay needs.
type resender interface {
	Resend(ctx context.Context, letters []kafka.Letter) error
}

// replay is one run of `dlq replay`.
type replay struct {
	p              *program
	limit          int
	pace           pace
	dryRun, asJSON bool

	from     *morgue
	to       resender
	progress *line
	seen     map[uint64]struct{} // versions that were sent
	seed     maphash.Seed
	batch    []kafka.Letter
	shown    []letterShown // of a dry run
	result   replayed
}

// Bounds of a replay.
const (
	replayBatch  = 100     // letters in one send
	replayShown  = 1000    // lines of a dry run
	replaySeen   = 200_000 // versions that are told apart
	replayFaults = 10_000  // letters that can't be sent before it gives up
)

func (r *replay) run(ctx context.Context, s *selection) (err error) {
	filters, err := s.filters(time.Now())
	if err != nil {
		return err
	}
	if r.from, err = r.p.openMorgue(ctx, s); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.from.close()) }()
	producer, err := kafka.NewProducer(r.from.cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, producer.Close()) }()
	ctx, stop, done := interruptible(ctx)
	defer done()
	r.to, r.progress = producer, r.p.progress()
	failed := r.each(ctx, stop, s, filters)
	r.progress.clear()
	if err := r.report(); failed == nil {
		return err
	}
	return failed
}

// each takes letter by letter until all are sent or a signal comes.
func (r *replay) each(ctx context.Context, stop <-chan struct{}, s *selection, filters []kafka.Filter) error {
	r.begin()
	for l, err := range r.from.letters(ctx, s, filters) {
		if err != nil {
			return errors.Join(err, r.send(ctx, stop))
		}
		if r.limit > 0 && r.result.Letters == r.limit {
			r.result.More = true
			break
		}
		r.result.Letters++
		if err := r.take(ctx, stop, &l); err != nil || r.result.Stopped {
			return err
		}
	}
	return r.send(ctx, stop)
}

func (r *replay) begin() {
	r.seen, r.seed = map[uint64]struct{}{}, maphash.MakeSeed()
	r.result.Topic, r.result.DryRun, r.result.Failed = r.from.cfg.Topic, r.dryRun, []replayFailed{}
}

// take sorts a letter out, or puts it into the batch and sends that when full.
func (r *replay) take(ctx context.Context, stop <-chan struct{}, l *kafka.Letter) error {
	if err := r.unfit(l); err != nil {
		return r.fail(l, err)
	}
	if r.repeated(l) {
		r.result.Repeats++
		return nil
	}
	if r.dryRun {
		r.result.Sent++
		if len(r.shown) < replayShown {
			r.shown = append(r.shown, shownLetter(l))
		}
		return nil
	}
	if r.batch = append(r.batch, *l); len(r.batch) < r.pace.batch() {
		return nil
	}
	return r.send(ctx, stop)
}

// unfit says why a letter can't be sent again.
func (r *replay) unfit(l *kafka.Letter) error {
	switch {
	case l.Fault.Code == "foreign_entry":
		return errors.New("crmsync did not write it")
	case l.Message.Topic != r.from.cfg.Topic:
		return fmt.Errorf("it came from topic %s, not from %s", l.Message.Topic, r.from.cfg.Topic)
	}
	return nil
}

// repeated says whether another letter of the same version was taken: of a
// message for two connections, or of a replay that died again.
func (r *replay) repeated(l *kafka.Letter) bool {
	var h maphash.Hash
	h.SetSeed(r.seed)
	if l.Key != (crmsync.RecordKey{}) {
		maphash.WriteComparable(&h, l.Key)
		maphash.WriteComparable(&h, l.Version)
	} else {
		_, _ = h.Write(l.Message.Key) // never fails
		_, _ = h.Write(l.Message.Value)
	}
	sum := h.Sum64()
	if _, ok := r.seen[sum]; ok {
		return true
	}
	if len(r.seen) >= replaySeen {
		clear(r.seen)
	}
	r.seen[sum] = struct{}{}
	return false
}

func (r *replay) fail(l *kafka.Letter, err error) error {
	r.result.Failed = append(r.result.Failed, replayFailed{l.Entry.String(), err.Error()})
	if len(r.result.Failed) >= replayFaults {
		return fmt.Errorf("%d letters could not be sent again: giving up", len(r.result.Failed))
	}
	return nil
}

// send sends the batch when its time has come. What only some of it is to blame
// for is found out by sending it letter by letter: what was sent before comes
// twice then, which the version gate stands.
func (r *replay) send(ctx context.Context, stop <-chan struct{}) error {
	batch := r.batch
	r.batch = r.batch[:0]
	if len(batch) == 0 || r.result.Stopped {
		return nil
	}
	select {
	case <-stop:
		r.result.Stopped = true
		return nil
	default:
	}
	if !r.pace.wait(ctx, stop, len(batch)) {
		r.result.Stopped = true
		return context.Cause(ctx)
	}
	err := r.to.Resend(ctx, batch)
	if kind := crmsync.KindOf(err); err != nil && (kind == crmsync.Missing || kind == crmsync.Rejected) {
		return r.sendSingly(ctx, batch)
	}
	if err != nil {
		return err
	}
	r.sent(len(batch))
	return nil
}

func (r *replay) sendSingly(ctx context.Context, batch []kafka.Letter) error {
	for i := range batch {
		err := r.to.Resend(ctx, batch[i:i+1])
		kind := crmsync.KindOf(err)
		switch {
		case err == nil:
			r.sent(1)
			continue
		case kind == crmsync.Missing || kind == crmsync.Rejected:
			err = r.fail(&batch[i], err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *replay) sent(n int) {
	r.result.Sent += n
	r.progress.show("%d sent again", r.result.Sent)
}
