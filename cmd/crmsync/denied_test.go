package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/providers/emulator/hubspot"
)

// TestDeniedAccount: while one org's account refuses its credential the other
// one's events are delivered, no dead letter is made, `waiting list` shows the
// records beside the daemon, and after `credentials set` they flow.
func TestDeniedAccount(t *testing.T) {
	const records = 30
	p := newPlant(t)
	require.NoError(t, p.crm.AddPortal(hubspot.Portal{ID: 8, Token: "pat-8", Plan: "enterprise", UniqueProperty: "crmsync_id"}))
	p.write("mappings/birch/org.yaml", "version: 1\nconnections:\n  hubspot: {provider: hubspot, credential: main, plan: enterprise}\n")
	p.write("mappings/birch/hubspot/contact.yaml", runMapping)
	p.setSecret("birch", "pat-8")
	p.produce(1, 1)
	p.well("run", "--once") // so that the CRM knows the token
	require.NoError(t, p.crm.DenyToken("pat-7", time.Now().Add(time.Hour)))
	ended, errs := make(chan int, 1), &output{}
	go func() {
		ended <- run([]string{"--config", filepath.Join(p.dir, "crmsync.yaml"), "run"}, strings.NewReader(""), &bytes.Buffer{}, errs)
	}()
	p.await("/readyz", http.StatusOK, "ok")
	p.produce(records, 2)
	p.await("/metrics", http.StatusOK, fmt.Sprintf(`crmsync_waiting_parked_total{provider="hubspot",reason="denied"} %d`, records))
	p.produceFor("birch", records, 1)
	p.await("/metrics", http.StatusOK, fmt.Sprintf(`crmsync_deliveries_total{object="contacts",outcome="synced",provider="hubspot"} %d`, records))
	require.Len(t, p.crm.Objects(8, "contacts"), records)
	p.await("/readyz", http.StatusOK, "ok")

	out, _ := p.well("waiting", "list", "--limit", "1", "--quiet")
	require.Equal(t, fmt.Sprintf(`RECORD  CONNECTION  VERSION  WAITS BECAUSE  SINCE  NOT BEFORE  ATTEMPTS
acme/contact/c-0  hubspot  2  the CRM refuses its credential  TIME  TIME  0

WAITING  CONNECTION  REASON  OLDEST  NEXT TRY  WHAT ENDS IT
%d  acme/hubspot  denied  TIME  TIME  crmsync credentials set acme NAME
`, records), p.steady(out))
	out, _ = p.well("dlq", "list", "--json")
	require.Equal(t, "[]\n", out)

	require.NoError(t, p.crm.AddPortal(hubspot.Portal{ID: 7, Token: "pat-7-new", Plan: "enterprise", UniqueProperty: "crmsync_id"}))
	p.setSecret("acme", "pat-7-new")
	p.well("waiting", "release", "--org", "acme")
	p.await("/metrics", http.StatusOK, fmt.Sprintf(`crmsync_waiting_released_total{outcome="synced",provider="hubspot"} %d`, records))
	require.Equal(t, records, p.second())
	p.await("/metrics", http.StatusOK, "\ncrmsync_partitions_assigned 4\n")
	out, _ = p.well("waiting", "list", "--quiet")
	require.Empty(t, out)
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM))
	require.Equal(t, exitFine, <-ended, errs.String())
	require.Contains(t, errs.String(), `"msg":"records go to the waiting room","org":"acme","connection":"hubspot","reason":"denied"`)
}

// setSecret stores a credential as an operator does.
func (p *plant) setSecret(org, token string) {
	p.t.Helper()
	p.write("token", token)
	p.well("credentials", "set", org, "main", "--from-file", filepath.Join(p.dir, "token"))
}

// produceFor writes events of an org's records c-0, c-1, …, each at that version.
func (p *plant) produceFor(org string, records int, version int64) {
	p.t.Helper()
	messages := make([]crmsync.Message, records)
	for i := range messages {
		messages[i] = crmsync.Message{Key: fmt.Appendf(nil, "%s/contact/c-%d", org, i), Value: fmt.Appendf(nil,
			`{"event_id":"%s-%d@%d","org_id":"%[1]s","record_type":"contact","record_id":"c-%[2]d","version":%[3]d,"op":"update","occurred_at":"2026-11-22T10:00:00Z","data":{"email":"c-%[2]d@x.example","first_name":"v%[3]d"}}`,
			org, i, version)}
	}
	p.send(messages...)
}
