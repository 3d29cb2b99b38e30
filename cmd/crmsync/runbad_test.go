package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync/pipeline/kafka/embedded"
)

// reconfigure replaces a line of the plant's configuration.
func (p *plant) reconfigure(key, line string) {
	p.t.Helper()
	b, err := os.ReadFile(filepath.Join(p.dir, "crmsync.yaml"))
	require.NoError(p.t, err)
	lines := strings.Split(string(b), "\n")
	for i := range lines {
		if strings.HasPrefix(lines[i], key+":") {
			lines[i] = line
			p.write("crmsync.yaml", strings.Join(lines, "\n"))
			return
		}
	}
	p.write("crmsync.yaml", string(b)+line+"\n")
}

// TestRunRefuses: what waiting won't cure ends the start with exit code 3, the
// cause and where to look.
func TestRunRefuses(t *testing.T) {
	cases := map[string]struct {
		spoil func(p *plant)
		want  []string
	}{
		"a broken mapping": {
			func(p *plant) {
				p.write("mappings/acme/hubspot/contact.yaml", strings.Replace(runMapping, "record.email", "record.emial", 1))
			},
			[]string{"mappings/acme/hubspot/contact.yaml:8:23: error: contact has no field \"emial\" [CM201]"},
		},
		"a missing topic": {
			func(p *plant) {
				p.reconfigure("kafka", fmt.Sprintf("kafka: {brokers: [%q], topic: nowhere, dead_letter_topic: dead, group: g}", p.broker.Brokers()[0]))
			},
			[]string{"nowhere"},
		},
		"no key file": {
			func(p *plant) { require.NoError(p.t, os.Remove(filepath.Join(p.dir, "credentials.key"))) },
			[]string{"credentials.key"},
		},
		"another provider": {
			func(p *plant) { p.reconfigure("providers", `providers: {hubspott: {base_url: "http://127.0.0.1:1"}}`) },
			[]string{"hubspott", "hubspot"},
		},
		"no database": {
			func(p *plant) { p.reconfigure("state", `state: {url: "sqlite:/nowhere/links.db"}`) },
			[]string{"/nowhere/links.db"},
		},
		"admin address taken": {
			func(p *plant) {
				var lc net.ListenConfig
				l, err := lc.Listen(p.t.Context(), "tcp", p.admin)
				require.NoError(p.t, err)
				p.t.Cleanup(func() { _ = l.Close() })
			},
			[]string{"admin.listen", "address already in use"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := newPlant(t)
			c.spoil(p)
			code, _, errs := p.crmsync("run", "--once")
			require.Equal(t, exitFailed, code, errs)
			for _, want := range c.want {
				require.Contains(t, errs, want)
			}
		})
	}
}

// TestRunWaitsForKafka: a broker that is not there yet is asked again, and
// /readyz says what is missing.
func TestRunWaitsForKafka(t *testing.T) {
	p := newPlant(t)
	address := freeAddress(t)
	p.reconfigure("kafka", fmt.Sprintf("kafka: {brokers: [%q], topic: events, dead_letter_topic: dead, group: g}", address))
	ended := make(chan int, 1)
	var errs output
	go func() {
		ended <- run([]string{"--config", filepath.Join(p.dir, "crmsync.yaml"), "run"}, strings.NewReader(""), &bytes.Buffer{}, &errs)
	}()
	p.await("/readyz", http.StatusServiceUnavailable, "[-] kafka: transient kafka_unreachable: kafka at "+address)
	_, text, err := net.SplitHostPort(address)
	require.NoError(t, err)
	port, err := strconv.Atoi(text)
	require.NoError(t, err)
	late, err := embedded.Start(embedded.Config{Ports: []int{port}, Topics: []embedded.Topic{{Name: "events"}}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, late.Close()) })
	p.await("/readyz", http.StatusOK, "ok")
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM))
	require.Equal(t, exitFine, <-ended, errs.String())
}

// TestRunWithoutRedis: work goes on, and a metric counts what went without.
func TestRunWithoutRedis(t *testing.T) {
	p := newPlant(t)
	p.reconfigure("redis", fmt.Sprintf("redis: {url: %q}", "redis://:hush@"+freeAddress(t)+"/0"))
	p.produce(20, 1)
	code, _, errs := p.crmsync("run", "--once")
	require.Equal(t, exitFine, code, errs)
	require.Len(t, p.firstNames(), 20)
	require.Contains(t, errs, "redis does not answer; going on without it")
	require.NotContains(t, errs, "hush")
}

// TestFencedProcess: of two processes with one instance id the older ends, and
// says why.
func TestFencedProcess(t *testing.T) {
	p := newPlant(t)
	first, errs := make(chan int, 1), &output{}
	go func() {
		first <- run([]string{"--config", filepath.Join(p.dir, "crmsync.yaml"), "run"}, strings.NewReader(""), &bytes.Buffer{}, errs)
	}()
	p.await("/readyz", http.StatusOK, "ok")
	p.reconfigure("admin", fmt.Sprintf("admin: {listen: %q}", freeAddress(t)))
	code, _, text := p.crmsync("run", "--once")
	require.Equal(t, exitFine, code, text)
	require.Equal(t, exitFailed, <-first)
	require.Contains(t, errs.String(), "Another process runs with the same kafka.instance_id")
}
