package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	gometrics "runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"crmsync"
	"crmsync/cmd/crmsync/demo"
	"crmsync/pipeline/kafka"
	"crmsync/providers/emulator"
)

// drive runs one demo on its stage.
type drive struct {
	*stage
	flags   demoFlags
	ledger  *demo.Ledger
	history *demo.History
	notes   *demoNotes
	harm    *harm
	ends    chan error                  // why the process of the moment is to end
	room    atomic.Pointer[waitingRoom] // of the process of the moment; nil: there was none yet

	plan     []incident // those to come
	produced atomic.Int64
	expected atomic.Int64 // deliveries of what was produced
	began    time.Time
	forgiven bool         // refused credentials are taken again
	seen     int64        // entries of the CRM's log
	open     []unanswered // of them, those that were under way when they were read
	peak     uint64       // bytes
}

func newDrive(s *stage, f demoFlags) *drive {
	ledger := demo.NewLedger(s.mood.restarts)
	return &drive{
		stage: s, flags: f, ledger: ledger, history: demo.NewHistory(), notes: newDemoNotes(ledger, time.Now),
		harm: newHarm(s.setting.Seed, time.Now), plan: s.mood.plan, ends: make(chan error, len(s.mood.plan)),
	}
}

// The demo's pace.
const (
	demoBatch = 500
	// demoLead is how many deliveries may be under way.
	demoLead = 12_000
	// demoCalm is after which part of the events the CRM stops failing, so that
	// the last ones needn't wait for a second try.
	demoCalm = 0.85
	// demoStall is how long nothing may end before the demo gives up waiting.
	demoStall = time.Minute
	demoPeek  = 50 * time.Millisecond
	// demoCache is how many links are kept of records at rest.
	demoCache = 10_000
	// deniedPause is how long an account rests whose credential is refused.
	deniedPause = 300 * time.Millisecond
)

// run lets crmsync live, sends it the events and waits until all of them have
// ended. When stop closes no more are sent.
func (d *drive) run(ctx context.Context, stop <-chan struct{}, p *program) error {
	d.began = time.Now()
	if err := d.deny(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	finished, ended := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	defer group.Wait()
	var sent, read error
	group.Go(func() {
		defer close(finished)
		sent = d.send(ctx, stop)
	})
	group.Go(func() { read = d.follow(ctx, ended) })
	err := d.lives(ctx, stop, finished, p)
	if err != nil {
		cancel()
	}
	close(ended)
	group.Wait()
	return errors.Join(err, sent, read)
}

// follow reads the CRM's log as it grows, until crmsync has ended and all of it
// is read.
func (d *drive) follow(ctx context.Context, ended <-chan struct{}) error {
	tick := time.NewTicker(demoPeek)
	defer tick.Stop()
	for last := false; !last; {
		select {
		case <-ended:
			last = true
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		d.peak = max(d.peak, memoryInUse())
		if err := errors.Join(d.forgive(), d.upset()); err != nil {
			return err
		}
		for e := range d.crm.History().All(d.seen + 1) {
			if e.Seq != d.seen+1 {
				return fmt.Errorf("the CRM's log has dropped lines %d to %d before they were read", d.seen+1, e.Seq-1)
			}
			d.seen = e.Seq
			d.remember(&e)
		}
		d.answered()
	}
	return nil
}

// unanswered is a request that was under way when its entry was read.
type unanswered struct {
	seq      int64
	from, to int // its edits in the history
}

// answered learns when requests ended that were under way. One that the log has
// dropped meanwhile stays without an end.
func (d *drive) answered() {
	d.open = slices.DeleteFunc(d.open, func(u unanswered) bool {
		for _, e := range d.crm.History().Since(u.seq, 1) {
			if e.Seq == u.seq && e.End.IsZero() {
				return false
			}
			if e.Seq == u.seq {
				d.history.Answered(u.from, u.to, e.End)
			}
		}
		return true
	})
}

// remember hands the writes of a request to the history.
func (d *drive) remember(e *emulator.Entry) {
	portal, _ := strconv.ParseInt(e.Account, 10, 64) // requests without an account have no records
	from := d.history.Len()
	for _, r := range e.Records {
		edit := demo.Edit{Portal: portal, Type: e.ObjectType, ID: r.ID, Began: e.Start, Ended: e.End}
		switch r.Outcome {
		case emulator.Created:
		case emulator.Updated, emulator.Unchanged:
			edit.Effect = demo.Changed
		case emulator.Archived:
			edit.Effect = demo.Archived
		default:
			continue
		}
		marks := demo.Properties{}
		for _, v := range r.Properties {
			switch v.Name {
			case "crmsync_id":
				edit.Record = v.Value
			case "crmsync_version", "crmsync_updated_at":
				marks[v.Name] = v.Value
			}
		}
		edit.Marker = demo.Marker(marks)
		d.history.Add(edit)
	}
	if to := d.history.Len(); e.End.IsZero() && to > from {
		d.open = append(d.open, unanswered{e.Seq, from, to})
	}
}

// report judges the demo and puts together what there is to tell.
func (d *drive) report(ctx context.Context) (*demo.Report, error) {
	letters, err := d.letters(ctx)
	if err != nil {
		return nil, err
	}
	verdict, err := d.judge(ctx, letters)
	if err != nil {
		return nil, err
	}
	r := demo.Run{
		Setting: d.setting, Produced: int(d.produced.Load()), Took: d.notes.ended().Sub(d.began), Ledger: d.ledger, Letters: letters,
		Topic: d.config.Kafka.DeadLetterTopic, Accounts: d.notes.seen(), Faults: map[string]int64{}, Harm: d.harm.done(),
		Sample: d.notes.sample(d.recorder), PeakMemory: max(d.peak, memoryInUse()), Delays: d.notes.delays(),
	}
	for kind, n := range d.crm.Counters().Faults {
		r.Faults[string(kind)] = n
	}
	if d.flags.keep {
		r.Folder = d.dir
	}
	return demo.NewReport(r, verdict), nil
}

// judge hands all that the demo has left behind to its judges.
func (d *drive) judge(ctx context.Context, letters []demo.Letter) (_ demo.Verdict, err error) {
	k, err := d.config.kafka()
	if err != nil {
		return demo.Verdict{}, err
	}
	store, err := openStore(ctx, d.config.State)
	if err != nil {
		return demo.Verdict{}, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return demo.Judge(demo.Evidence{
		Setting: d.setting, Produced: int(d.produced.Load()), Ledger: d.ledger, Letters: letters, History: d.history, Restarts: d.mood.restarts,
		Objects: d.objects, Aftermath: demo.Aftermath{
			Log: kafka.ReadLog(ctx, k), Committed: d.committed(),
			Links: func(keys []crmsync.LinkKey) ([]crmsync.Link, error) { return store.Links(ctx, keys) },
		},
	})
}

// objects returns what an account holds.
func (d *drive) objects(portal int64, kind string) []demo.Object {
	all := d.crm.Objects(portal, kind)
	out := make([]demo.Object, len(all))
	for i, o := range all {
		out[i] = demo.Object{ID: o.ID, Archived: o.Archived, Properties: o.Properties}
	}
	return out
}

// letters reads the dead letters from their topic.
func (d *drive) letters(ctx context.Context) (all []demo.Letter, err error) {
	k, err := d.config.kafka()
	if err != nil {
		return nil, err
	}
	for l, err := range kafka.ReadDeadLetters(ctx, k, kafka.Filter{}) {
		if err != nil {
			return nil, err
		}
		one := demo.Letter{
			Partition: l.Message.Partition, Offset: l.Message.Offset, Connection: l.Connection, Key: l.Message.Key, Value: l.Message.Value,
			Reference: l.Reference, Version: l.Version, Kind: l.Fault.Kind.String(), Code: l.Fault.Code, Field: l.Fault.Field,
			Where: strings.TrimPrefix(l.Fault.Where, d.dir+"/"), Message: l.Fault.Message,
		}
		if l.Key != (crmsync.RecordKey{}) {
			one.Record = l.Key.String()
		}
		all = append(all, one)
	}
	return all, nil
}

// memoryInUse returns how many bytes the process has from the system; where the
// system tells, the most that it ever had.
func memoryInUse() uint64 {
	status, _ := os.ReadFile("/proc/self/status") // Linux only
	for line := range strings.Lines(string(status)) {
		var kib uint64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	s := []gometrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	gometrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}
