package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"crmsync"
)

// failingCRM lets the CRM's own faults do their work for a while.
func failingCRM(ctx context.Context, r *rig, figure int) error {
	if err := pause(ctx, time.Duration(figure)*time.Second); err != nil {
		return err
	}
	if err := r.crm.misbehave(ctx, nil); err != nil {
		return err
	}
	return r.recovered(ctx, "the CRM's faults are over", time.Now())
}

// denying has the CRM refuse an org's credential. The others must go on at the
// same speed, the org's records must wait where an operator sees them, and flow
// once there is a new credential.
func denying(ctx context.Context, r *rig, figure int) error {
	calm := time.Duration(figure) * time.Second
	before, err := r.othersRate(ctx, calm)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := r.crm.deny(ctx, token(0, ""), time.Hour); err != nil {
		return err
	}
	during, err := r.othersRate(ctx, calm)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%s denied: the others' records went at %.0f/s, before at %.0f/s", orgName(0), during, before)
	if during < .8*before {
		r.trouble(what)
	}
	if err := r.recovered(ctx, what, began); err != nil {
		return err
	}
	listed, err := r.listWaiting(ctx)
	if err != nil {
		return err
	}
	if listed[orgName(0)] == 0 || len(listed) > 1 {
		r.trouble(fmt.Sprintf("crmsync waiting list shows %v (records by org): want those of %s only", listed, orgName(0)))
	}
	r.say("crmsync waiting list: %d records of %s", listed[orgName(0)], orgName(0))
	return r.forgiven(ctx)
}

// forgiven gives the org a credential that the CRM takes.
func (r *rig) forgiven(ctx context.Context) error {
	began := time.Now()
	if _, err := r.crmsync(ctx, token(0, "-new"), "credentials", "set", orgName(0), "main"); err != nil {
		return err
	}
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		waiting, err := r.waiting(ctx)
		if err != nil {
			return err
		}
		if waiting == 0 {
			r.say("nothing waits %s after a new credential", time.Since(began).Round(100*time.Millisecond))
			return r.recovered(ctx, "a new credential", began)
		}
		if time.Since(began) > r.opt.patience {
			r.trouble(fmt.Sprintf("%s after a new credential %d records still wait", r.opt.patience, waiting))
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// othersRate returns how many records a second the CRM takes of all orgs but
// the first.
func (r *rig) othersRate(ctx context.Context, over time.Duration) (float64, error) {
	began, err := r.others(ctx)
	if err != nil {
		return 0, err
	}
	if err := pause(ctx, over); err != nil {
		return 0, err
	}
	ended, err := r.others(ctx)
	return float64(ended-began) / over.Seconds(), err
}

func (r *rig) others(ctx context.Context) (records int64, err error) {
	c, err := r.crm.counters(ctx)
	if err != nil {
		return 0, err
	}
	for account, outcomes := range c.Accounts {
		if account == strconv.Itoa(firstAccount) {
			continue
		}
		for _, n := range outcomes {
			records += n
		}
	}
	return records, nil
}

// crmsync runs a command of the program with an operator's configuration.
func (r *rig) crmsync(ctx context.Context, stdin string, args ...string) (string, error) {
	config := r.fleet.members()[0].config
	cmd := exec.CommandContext(ctx, r.program, append([]string{"--config", config}, args...)...)
	cmd.Env, cmd.Stdin = cleanEnv(), strings.NewReader(stdin)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("crmsync %s: %w\n%s", strings.Join(args, " "), err, errs.String())
	}
	return string(out), nil
}

// listWaiting asks `crmsync waiting list` and returns how many records of which
// org wait.
func (r *rig) listWaiting(ctx context.Context) (map[string]int, error) {
	out, err := r.crmsync(ctx, "", "waiting", "list", "--json", "--limit", "100000")
	if err != nil {
		return nil, err
	}
	byOrg := map[string]int{}
	for lines := json.NewDecoder(strings.NewReader(out)); lines.More(); {
		var entry struct{ Record string }
		if err := lines.Decode(&entry); err != nil {
			return nil, fmt.Errorf("read what crmsync waiting list says: %w", err)
		}
		key, err := crmsync.ParseRecordKey(entry.Record)
		if err != nil {
			return nil, fmt.Errorf("read what crmsync waiting list says: %w", err)
		}
		byOrg[key.Org]++
	}
	return byOrg, nil
}
