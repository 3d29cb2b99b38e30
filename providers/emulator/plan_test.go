package emulator

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newPlan(t *testing.T, c PlanConfig) *Plan {
	p, err := NewPlan(c)
	require.NoError(t, err)
	return p
}

func TestQueuedFaultsMatch(t *testing.T) {
	call := Call{Method: "POST", Path: "/crm/v3/objects/contacts/batch/upsert", Token: "t", Account: "1", Operation: "batch_upsert", ObjectType: "contacts"}
	tests := []struct {
		name  string
		match Match
		want  bool
	}{
		{"anything", Match{}, true},
		{"all of it", Match{"POST", "/crm/v3/objects", "t", "1", "batch_upsert", "contacts"}, true},
		{"method", Match{Method: "GET"}, false},
		{"path", Match{Path: "/crm/v4"}, false},
		{"token", Match{Token: "u"}, false},
		{"account", Match{Account: "2"}, false},
		{"operation", Match{Operation: "read"}, false},
		{"object type", Match{ObjectType: "deals"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newPlan(t, PlanConfig{})
			require.NoError(t, p.Queue(QueuedFault{Match: test.match, Fault: Fault{Kind: Timeout}, Times: 1}))
			_, ok := p.Choose(call)
			require.Equal(t, test.want, ok)
		})
	}
}

func TestQueueRunsDown(t *testing.T) {
	p := newPlan(t, PlanConfig{Slow: time.Second, Hold: time.Hour})
	require.NoError(t, p.Queue(QueuedFault{Match: Match{Account: "2"}, Fault: Fault{Kind: Locked}, Times: 1}))
	require.NoError(t, p.Queue(QueuedFault{Fault: Fault{Kind: Slow}, Times: 2}))
	require.NoError(t, p.Queue(QueuedFault{Fault: Fault{Kind: Timeout}, Times: 1}))
	require.NoError(t, p.Queue(QueuedFault{Fault: Fault{Kind: Late, Delay: 5}, Times: 1}))
	var got []Fault
	for {
		fault, ok := p.Choose(Call{Account: "1"})
		if !ok {
			break
		}
		got = append(got, fault)
	}
	slow := Fault{Kind: Slow, Delay: time.Second}
	require.Equal(t, []Fault{slow, slow, {Kind: Timeout, Delay: time.Hour}, {Kind: Late, Delay: 5}}, got)
	require.Len(t, p.Queued(), 1, "the one for another account still waits")
	p.ClearQueue()
	require.Empty(t, p.Queued())
}

func TestChance(t *testing.T) {
	const calls = 20_000
	count := func(seed uint64, write bool) map[FaultKind]int {
		p := newPlan(t, PlanConfig{Seed: seed, Rates: FaultRates{ServerError: 0.1, Slow: 0.05}})
		out := map[FaultKind]int{}
		for range calls {
			if fault, ok := p.Choose(Call{Write: write}); ok {
				require.True(t, fault.Drawn)
				out[fault.Kind]++
			}
		}
		return out
	}
	got := count(1, true)
	require.InDelta(t, calls*0.1, got[ServerError], calls*0.01)
	require.InDelta(t, calls*0.05, got[Slow], calls*0.01)
	require.Len(t, got, 2)
	require.Equal(t, got, count(1, true))
	require.Empty(t, count(1, false), "reads are spared")

	always := newPlan(t, PlanConfig{Rates: FaultRates{Silent: 1}})
	for range 100 {
		fault, ok := always.Choose(Call{Write: true})
		require.True(t, ok)
		require.Equal(t, Silent, fault.Kind)
	}
}

func TestRefusedPlans(t *testing.T) {
	tests := []struct {
		name  string
		rates FaultRates
		want  string
	}{
		{"unknown", FaultRates{"fire": 0.1}, `unknown fault "fire": choose one of [throttled quota_spent denied expired server_error bad_gateway bad_gateway_after unavailable locked migrating slow late timeout reset_before reset_after partial bad_record silent]`},
		{"below zero", FaultRates{Slow: -0.1}, "rate of fault slow is -0.1: give a number from 0 to 1"},
		{"too much in all", FaultRates{Slow: 0.75, Late: 0.5}, "fault rates add up to 1.25: a request gets at most one fault, so keep the sum at 1 or below"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := NewPlan(PlanConfig{Rates: test.rates})
			require.EqualError(t, err, test.want)
			p := newPlan(t, PlanConfig{Rates: FaultRates{Slow: 0.5}})
			require.EqualError(t, p.SetRates(test.rates), test.want)
			require.Equal(t, FaultRates{Slow: 0.5}, p.Rates(), "the old rates stay")
		})
	}
}

func TestRefusedQueue(t *testing.T) {
	p := newPlan(t, PlanConfig{})
	require.EqualError(t, p.Queue(QueuedFault{Fault: Fault{Kind: Slow}}), "queue fault slow for 0 requests: give at least 1")
	require.EqualError(t, p.Queue(QueuedFault{Fault: Fault{Kind: Slow, Delay: -1}, Times: 1}), "queue fault slow with delay -1ns: give a delay of zero or more")
	for range maxQueuedFaults {
		require.NoError(t, p.Queue(QueuedFault{Fault: Fault{Kind: Slow}, Times: 1}))
	}
	err := p.Queue(QueuedFault{Fault: Fault{Kind: Slow}, Times: 1})
	require.ErrorIs(t, err, ErrQueueFull)
}

func TestPlanReset(t *testing.T) {
	p := newPlan(t, PlanConfig{Rates: FaultRates{Slow: 0.5}})
	require.NoError(t, p.SetRates(FaultRates{Late: 1}))
	require.NoError(t, p.Queue(QueuedFault{Fault: Fault{Kind: Slow}, Times: 1}))
	p.Reset()
	require.Empty(t, p.Queued())
	require.Equal(t, FaultRates{Slow: 0.5}, p.Rates())
}
