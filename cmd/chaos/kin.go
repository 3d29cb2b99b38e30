package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// kin starts processes that die with this one, even if it is killed. Linux ties
// their death to the thread that made them, so one thread makes them all.
type kin struct {
	jobs chan func()
	done chan struct{}

	mu  sync.Mutex // guards all
	all []*child
}

func newKin() *kin {
	k := &kin{jobs: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(k.done)
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		for job := range k.jobs {
			job()
		}
	}()
	return k
}

// close ends who is still alive, and the thread.
func (k *kin) close() {
	k.mu.Lock()
	all := k.all
	k.mu.Unlock()
	for _, c := range all {
		c.kill()
	}
	close(k.jobs)
	<-k.done
}

// child is a process of ours.
type child struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended, and err is set
	err  error
	// expected says that it is about to end by our hand.
	expected atomic.Bool
}

// start runs a program. Its output is added to a log file.
func (k *kin) start(log string, env []string, program string, args ...string) (*child, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a log: %w", err)
	}
	c := &child{cmd: exec.CommandContext(context.Background(), program, args...), log: log, done: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr, c.cmd.Env = file, file, env
	// A group of its own: Ctrl-C at the terminal is for us to deal with.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	k.jobs <- func() { started <- c.cmd.Start() }
	if err := <-started; err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", filepath.Base(program), err), file.Close())
	}
	go func() {
		c.err = errors.Join(c.cmd.Wait(), file.Close())
		close(c.done)
	}()
	k.mu.Lock()
	k.all = append(slices.DeleteFunc(k.all, func(c *child) bool { return !c.alive() }), c)
	k.mu.Unlock()
	return c, nil
}

// signal sends a signal to a process that may have ended.
func (c *child) signal(s syscall.Signal) error {
	if err := c.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("send %s to process %d: %w", s, c.cmd.Process.Pid, err)
	}
	return nil
}

// kill ends it at once and waits.
func (c *child) kill() {
	c.expected.Store(true)
	_ = c.signal(syscall.SIGKILL) // it has ended by itself, then
	<-c.done
}

// alive says whether it runs.
func (c *child) alive() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// peakMemory returns the most bytes that it ever had, 0 if it has ended.
func (c *child) peakMemory() int64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid)) // gone with the process
	for line := range strings.Lines(string(status)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}

// tail returns the last lines of a log.
func tail(file string, lines int) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// cleanEnv returns our environment without the variables that would configure
// crmsync or the servers.
func cleanEnv(add ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "CRMSYNC_") {
			env = append(env, kv)
		}
	}
	return append(env, add...)
}
