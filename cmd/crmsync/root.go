package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// The exit codes of the whole program.
const (
	exitFine     = 0 // done, nothing wrong
	exitProblems = 1 // it ran and found problems
	exitUsage    = 2 // wrong usage
	exitFailed   = 3 // it could not do the job
)

// problems is the error of a command that ran and found problems. It has
// printed them already.
type problems struct{ error }

// usage is the error of a command that was called wrongly.
type usage struct{ error }

// program is what all commands share: where they read and write, and the
// global flags.
type program struct {
	in       io.Reader
	out, err io.Writer

	dir       string
	config    string
	noColor   bool
	quiet     bool
	logLevel  string
	logFormat string
}

// run carries out a command line and returns the program's exit code.
func run(args []string, in io.Reader, out, errs io.Writer) int {
	p := &program{in: in, out: out, err: errs}
	root := p.command()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	return p.exit(root.ExecuteContextC(context.Background()))
}

// exit tells of a command's error and returns the code that stands for it.
func (p *program) exit(c *cobra.Command, err error) int {
	if err == nil {
		return exitFine
	}
	if _, ok := errors.AsType[problems](err); ok {
		return exitProblems
	}
	fmt.Fprintf(p.err, "crmsync: %v\n", err)
	if _, ok := errors.AsType[usage](err); ok {
		what := "its flags and examples"
		if c.HasSubCommands() {
			what = "the commands"
		}
		fmt.Fprintf(p.err, "Run \"%s --help\" for %s.\n", c.CommandPath(), what)
		return exitUsage
	}
	return exitFailed
}

func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "crmsync",
		Short: "Keeps every customer's CRM in step with your system of record",
		Long: `crmsync keeps every customer's CRM in step with your system of record.

Change events come in from Kafka, a YAML/CEL mapping of each org turns them into
the CRM's fields, and the CRM's API is called: batched, rate-aware, in order per
record, exactly once in effect.

Exit codes: 0 fine, 1 it ran and found problems, 2 wrong usage, 3 could not run.`,
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return p.enter() },
	}
	f := root.PersistentFlags()
	f.StringVarP(&p.dir, "dir", "C", "", "work in this `folder`")
	f.StringVarP(&p.config, "config", "c", "", "configuration `file` (default crmsync.yaml if it is there)")
	f.BoolVar(&p.noColor, "no-color", false, "no colour, also with NO_COLOR set")
	f.BoolVarP(&p.quiet, "quiet", "q", false, "no progress and no hints")
	f.StringVar(&p.logLevel, "log-level", "", "debug, info, warn or error (default info)")
	f.StringVar(&p.logFormat, "log-format", "", "auto, text or json (default auto: text on a terminal)")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage{err} })
	root.AddGroup(
		&cobra.Group{ID: "start", Title: "Start here:"},
		&cobra.Group{ID: "author", Title: "For authors of mappings (offline):"},
		&cobra.Group{ID: "operate", Title: "For operators:"},
	)
	root.AddCommand(grouped("start", p.demoCommand())...)
	root.AddCommand(grouped("author", p.mappingsCommand())...)
	root.AddCommand(grouped("operate",
		p.runCommand(), p.waitingCommand(), p.dlqCommand(), p.credentialsCommand(), p.configCommand(), p.dbCommand(),
		p.emulateCommand())...)
	root.AddCommand(p.versionCommand())
	root.InitDefaultCompletionCmd()
	strict(root)
	return root
}

// strict makes commands that only hold others refuse an unknown one as wrong
// usage, where cobra would print the help as if all were well.
func strict(c *cobra.Command) {
	for _, below := range c.Commands() {
		strict(below)
	}
	if c.HasSubCommands() && !c.Runnable() {
		c.Args, c.RunE, c.DisableFlagsInUseLine = knownCommand, func(c *cobra.Command, _ []string) error { return c.Help() }, true
	}
}

// knownCommand refuses what is left of a command line when no command fits it.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q for %q", args[0], c.CommandPath())
	c.SuggestionsMinimumDistance = 2 // cobra's own default
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		text += fmt.Sprintf(": did you mean %q?", near[0])
	}
	return usage{errors.New(text)}
}

// grouped puts commands under a heading of the help.
func grouped(id string, commands ...*cobra.Command) []*cobra.Command {
	for _, c := range commands {
		c.GroupID = id
	}
	return commands
}

// enter does what the global flags ask for before a command runs.
func (p *program) enter() error {
	if p.dir != "" {
		if err := os.Chdir(p.dir); err != nil {
			return fmt.Errorf("enter folder: %w", err)
		}
	}
	return nil
}

// interruptible returns a context whose stop channel closes at the first SIGINT
// or SIGTERM; the second one ends the context.
func interruptible(ctx context.Context) (_ context.Context, stop <-chan struct{}, done func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	first, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-signals:
			close(first)
		case <-ctx.Done():
			return
		}
		select {
		case <-signals:
			cancel(errInterrupted)
		case <-ctx.Done():
		}
	}()
	return ctx, first, func() {
		signal.Stop(signals)
		cancel(nil)
		<-ended
	}
}

var errInterrupted = errors.New("interrupted a second time: stopped without draining")

// terminal says whether w is a terminal on which colour and motion are wanted.
func (p *program) terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// color says whether w shall be written in colour.
func (p *program) color(w io.Writer) bool {
	if p.noColor || os.Getenv("NO_COLOR") != "" {
		return false
	}
	return os.Getenv("FORCE_COLOR") != "" || p.terminal(w)
}
