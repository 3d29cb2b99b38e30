package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// parts is the set of servers, run by a script.
type parts struct {
	script   string
	state    string
	port     int
	brokers  int
	redis    string // URL
	postgres string // URL
}

// partsPorts is how many ports in a row a run takes: three brokers, their proxies,
// the fake CRM and the daemons' probes.
const partsPorts = 60

// firstPort is below the ports that systems give to outgoing connections: those
// could be taken while a server is down.
const firstPort = 23092

// openParts starts a set of its own, in a folder, on free ports.
func openParts(ctx context.Context, script, dir string, brokers int) (*parts, error) {
	port, err := freeRow(ctx, firstPort, partsPorts)
	if err != nil {
		return nil, err
	}
	p := &parts{script: script, state: filepath.Join(dir, "parts"), port: port, brokers: brokers}
	if err := p.up(ctx); err != nil {
		return p, err
	}
	env, err := p.run(ctx, "env")
	if err != nil {
		return p, err
	}
	for _, v := range []struct {
		name string
		into *string
	}{{"CRMSYNC_TEST_REDIS_URL", &p.redis}, {"CRMSYNC_TEST_POSTGRES_URL", &p.postgres}} {
		found := regexp.MustCompile(`(?m)^export ` + v.name + `='?([^'\n]+)'?$`).FindStringSubmatch(env)
		if found == nil {
			return p, fmt.Errorf("%s env tells no %s", script, v.name)
		}
		*v.into = found[1]
	}
	return p, nil
}

// freeRow returns the first of so many ports in a row that nobody listens on.
func freeRow(ctx context.Context, first, count int) (int, error) {
	for port := first; port < first+20*100; port += 100 {
		if rowIsFree(ctx, port, count) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no %d free ports in a row from %d on", count, first)
}

func rowIsFree(ctx context.Context, first, count int) bool {
	var lc net.ListenConfig
	for port := first; port < first+count; port++ {
		l, err := lc.Listen(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			return false
		}
		_ = l.Close() // it was free, which is all we asked
	}
	return true
}

// run calls the script and returns what it prints.
func (p *parts) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, p.script, args...)
	cmd.Env = cleanEnv("CRMSYNC_PARTS_STATE="+p.state, "CRMSYNC_PARTS_PORT="+strconv.Itoa(p.port),
		"CRMSYNC_PARTS_BROKERS="+strconv.Itoa(p.brokers), "CRMSYNC_PARTS_PROXY=yes")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", p.script, strings.Join(args, " "), err, errs.String())
	}
	return out.String(), nil
}

// up starts what does not run.
func (p *parts) up(ctx context.Context) error {
	_, err := p.run(ctx, "up")
	return err
}

// signal sends a signal to a server. KILL, TERM and INT wait for its end.
func (p *parts) signal(ctx context.Context, part, signal string) error {
	_, err := p.run(ctx, "signal", part, signal)
	return err
}

// saveLogs copies the servers' logs to where they outlive the servers.
func (p *parts) saveLogs(dir string) error {
	logs, err := filepath.Glob(filepath.Join(p.state, "*.log"))
	if err != nil {
		return fmt.Errorf("look for the servers' logs: %w", err)
	}
	for _, file := range logs {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o600)
		}
		if err != nil {
			return fmt.Errorf("keep a server's log: %w", err)
		}
	}
	return nil
}

// down ends all and removes the data. It has a time of its own: the run's may
// be over.
func (p *parts) down() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := p.run(ctx, "down")
	return err
}

// broker returns a broker's name, counted from 0.
func (p *parts) broker(n int) string {
	if n == 0 {
		return "kafka"
	}
	return fmt.Sprintf("kafka_%d", n+1)
}

// plain returns the brokers' addresses with no proxy between.
func (p *parts) plain() (all []string) {
	for n := range p.brokers {
		all = append(all, fmt.Sprintf("127.0.0.1:%d", p.port+10*n))
	}
	return all
}

// inner and outer are where a broker listens for its proxy, and where the proxy
// must listen.
func (p *parts) inner(n int) string { return fmt.Sprintf("127.0.0.1:%d", p.port+10*n+9) }
func (p *parts) outer(n int) string { return fmt.Sprintf("127.0.0.1:%d", p.port+31+n) }
