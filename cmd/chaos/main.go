package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/IBM/sarama"
	metrics "github.com/rcrowley/go-metrics"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run returns the exit code: 0 all is sound, 1 it is not, 2 wrong usage, 3 it
// could not run.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opt, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "chaos:", err)
		return 2
	}
	results, err := runAll(ctx, &opt, stderr)
	printer := printTable
	if opt.json {
		printer = printJSON
	}
	err = errors.Join(err, printer(stdout, results))
	if err != nil {
		fmt.Fprintln(stderr, "chaos:", err)
		return 3
	}
	for _, r := range results {
		if !r.sound() {
			return 1
		}
	}
	return 0
}

// runAll starts the servers, runs the chosen scenarios one after the other and
// takes all down again.
func runAll(ctx context.Context, opt *options, stderr io.Writer) (results []*result, err error) {
	metrics.UseNilMetrics = true // sarama's meters need a goroutine for good
	sarama.Logger = sarama.StdLogger(discard{})
	dir, err := os.MkdirTemp("", "crmsync-chaos-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	began := time.Now()
	say := func(format string, args ...any) {
		fmt.Fprintf(stderr, "%6.1fs %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
	s := &stage{opt: opt, dir: dir, say: say, kin: newKin()}
	defer func() { err = errors.Join(err, s.close(results)) }()
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	for _, scenario := range opt.chosen() {
		r, err := s.run(ctx, scenario)
		if r != nil {
			results = append(results, r)
		}
		if err != nil {
			return results, fmt.Errorf("%s: %w", scenario.name, err)
		}
	}
	return results, nil
}

// discard is a sarama logger that says nothing.
type discard struct{}

func (discard) Print(...any)          {}
func (discard) Printf(string, ...any) {}
func (discard) Println(...any)        {}

// stage is what all scenarios share.
type stage struct {
	opt     *options
	dir     string
	say     func(format string, args ...any)
	kin     *kin
	program string
	parts   *parts
	front   *front
}

func (s *stage) open(ctx context.Context) (err error) {
	chosen := s.opt.chosen()
	if len(chosen) == 0 {
		return errors.New("no scenario is left to run: all figures are 0")
	}
	brokers := 1
	for _, c := range chosen {
		brokers = max(brokers, c.brokers)
	}
	s.say("seed %d, %d events/s, %d orgs, %d broker(s), logs in %s", s.opt.seed, s.opt.rate, s.opt.orgs, brokers, s.dir)
	if s.program = s.opt.program; s.program == "" {
		s.program = filepath.Join(s.dir, "crmsync")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", s.program, "./cmd/crmsync").CombinedOutput(); err != nil {
			return fmt.Errorf("build crmsync: %w\n%s", err, out)
		}
	}
	if s.program, err = filepath.Abs(s.program); err != nil {
		return fmt.Errorf("find the program: %w", err)
	}
	if s.parts, err = openParts(ctx, s.opt.parts, s.dir, brokers); err != nil {
		return err
	}
	s.say("the servers run")
	s.front, err = openFront(s.parts)
	return err
}

// close takes all down. The logs stay if something was wrong.
func (s *stage) close(results []*result) error {
	s.kin.close()
	if s.front != nil {
		s.front.close()
	}
	keep := s.opt.keep || len(results) == 0
	for _, r := range results {
		keep = keep || !r.sound()
	}
	var err error
	if s.parts != nil && keep {
		err = s.parts.saveLogs(s.dir)
	}
	if s.parts != nil {
		err = errors.Join(err, s.parts.down())
	}
	if keep {
		return err
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// run plays one scenario and judges it.
func (s *stage) run(ctx context.Context, c scenario) (*result, error) {
	figure := s.opt.figure(c)
	s.say("--- %s: %s (%d %s)", c.name, c.about, figure, c.unit)
	r := &rig{
		opt: s.opt, name: c.name, dir: filepath.Join(s.dir, c.name), kin: s.kin, program: s.program, parts: s.parts, front: s.front,
		rng: rand.New(rand.NewPCG(s.opt.seed, 2)), say: s.say,
	}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	defer r.close()
	began := time.Now()
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	out := &result{Scenario: c.name, Seed: s.opt.seed, Logs: r.dir}
	err := r.play(ctx, c, figure)
	if err == nil {
		report, judging := r.verdict(ctx)
		out.judged(report)
		err = judging
	}
	out.PeakMiB = r.fleet.measure() >> 20
	if out.PeakMiB > int64(s.opt.memory) {
		r.trouble(fmt.Sprintf("a daemon took %d MiB of memory, more than %d", out.PeakMiB, s.opt.memory))
	}
	out.timed(r.harms)
	out.Troubles, out.Oldest, out.Took = r.troubles, r.meter.restart().Seconds(), time.Since(began).Seconds()
	if err != nil {
		out.Troubles = append(out.Troubles, err.Error())
	}
	s.say("%s: %d events, %d harms, %v, %d troubles", c.name, out.Events, len(out.Harms), out.Verdict, len(out.Troubles))
	return out, err
}
