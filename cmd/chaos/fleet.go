package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// daemon is one process of crmsync run, in all its lives.
type daemon struct {
	name   string
	config string // file
	admin  string // address
	log    string
	child  *child
	paused bool
}

// fleet is the daemons of a run.
type fleet struct {
	kin     *kin
	program string
	dir     string
	config  func(instance, admin string) string // text of a daemon's configuration
	trouble func(text string)                   // told of daemons that end by themselves

	mu    sync.Mutex // guards what follows
	all   []*daemon
	peak  int64 // bytes
	watch sync.WaitGroup
}

// readyFor is how long a daemon may take until it is ready.
const readyFor = time.Minute

// add makes a daemon and starts it. With an instance it is a static member of
// the group by that name.
func (f *fleet) add(name, instance string, port int) (*daemon, error) {
	d := &daemon{name: name, config: filepath.Join(f.dir, name+".yaml"), admin: adminAddress(port), log: filepath.Join(f.dir, name+".log")}
	if err := os.WriteFile(d.config, []byte(f.config(instance, d.admin)), 0o600); err != nil {
		return nil, fmt.Errorf("write a daemon's configuration: %w", err)
	}
	f.mu.Lock()
	f.all = append(f.all, d)
	f.mu.Unlock()
	return d, f.start(d)
}

func adminAddress(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// start starts a daemon that does not run, and watches over its life.
func (f *fleet) start(d *daemon) error {
	c, err := f.kin.start(d.log, cleanEnv(), f.program, "--config", d.config, "run")
	if err != nil {
		return err
	}
	f.mu.Lock()
	d.child, d.paused = c, false
	f.mu.Unlock()
	f.watch.Go(func() {
		<-c.done
		if !c.expected.Load() {
			f.trouble(fmt.Sprintf("daemon %s ended by itself: %v\n%s", d.name, c.err, tail(d.log, 15)))
		}
	})
	return nil
}

// ready waits until a daemon says that it works.
func (f *fleet) ready(ctx context.Context, d *daemon) error {
	ctx, cancel := context.WithTimeout(ctx, readyFor)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if probe(ctx, "http://"+d.admin+"/readyz") {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("daemon %s is not ready after %s\n%s", d.name, readyFor, tail(d.log, 15))
		case <-d.child.done:
			return fmt.Errorf("daemon %s ended before it was ready: %w\n%s", d.name, d.child.err, tail(d.log, 15))
		case <-tick.C:
		}
	}
}

func probe(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close() // its status is all we want
	return answer.StatusCode == http.StatusOK
}

// kill ends a daemon with -9.
func (f *fleet) kill(d *daemon) { d.child.kill() }

// pause stops a daemon where it stands; resume lets it go on.
func (f *fleet) pause(d *daemon) error {
	d.paused = true
	return d.child.signal(syscall.SIGSTOP)
}

func (f *fleet) resume(d *daemon) error {
	d.paused = false
	return d.child.signal(syscall.SIGCONT)
}

// livesAfter is how long a daemon may take until it answers that it lives.
const livesAfter = 20 * time.Second

// lives waits until a daemon has begun to live: before that a signal ends it as
// it would end any process.
func (f *fleet) lives(d *daemon) bool {
	ctx, cancel := context.WithTimeout(context.Background(), livesAfter)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !probe(ctx, "http://"+d.admin+"/livez") {
		select {
		case <-ctx.Done():
			return false
		case <-d.child.done:
			return false
		case <-tick.C:
		}
	}
	return true
}

// leaveFor is how long a daemon may take to stop when it is told to.
const leaveFor = time.Minute

// leave tells a daemon to stop, and waits. An exit code but 0 is an error.
func (f *fleet) leave(d *daemon) error {
	if !f.lives(d) {
		return fmt.Errorf("daemon %s does not live %s after its start\n%s", d.name, livesAfter, tail(d.log, 15))
	}
	d.child.expected.Store(true)
	if err := d.child.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-d.child.done:
	case <-time.After(leaveFor):
		d.child.kill()
		return fmt.Errorf("daemon %s did not stop within %s of SIGTERM\n%s", d.name, leaveFor, tail(d.log, 15))
	}
	if d.child.err != nil {
		return fmt.Errorf("daemon %s was told to stop: %w\n%s", d.name, d.child.err, tail(d.log, 15))
	}
	return nil
}

// remove takes a daemon that has ended out of the fleet.
func (f *fleet) remove(d *daemon) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.all {
		if f.all[i] == d {
			f.all = append(f.all[:i], f.all[i+1:]...)
			return
		}
	}
}

// revive starts those again that are dead, and lets those go on that are
// paused.
func (f *fleet) revive() error {
	var errs []error
	for _, d := range f.members() {
		switch {
		case d.paused:
			errs = append(errs, f.resume(d))
		case !d.child.alive():
			errs = append(errs, f.start(d))
		}
	}
	return errors.Join(errs...)
}

func (f *fleet) members() []*daemon {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*daemon{}, f.all...)
}

// measure notes how much memory the daemons have had.
func (f *fleet) measure() int64 {
	for _, d := range f.members() {
		f.mu.Lock()
		c := d.child
		f.mu.Unlock()
		if c != nil {
			n := c.peakMemory()
			f.mu.Lock()
			f.peak = max(f.peak, n)
			f.mu.Unlock()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.peak
}

// end tells all to stop, and returns what went wrong.
func (f *fleet) end() []error {
	members := f.members()
	errs := make([]error, len(members))
	var group sync.WaitGroup
	for i, d := range members {
		group.Go(func() { errs[i] = f.leave(d) })
	}
	group.Wait()
	return errs
}

// destroy ends all at once.
func (f *fleet) destroy() {
	for _, d := range f.members() {
		if d.child != nil {
			d.child.kill()
		}
	}
	f.watch.Wait()
}
