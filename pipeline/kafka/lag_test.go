package kafka

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/rcrowley/go-metrics"
	"github.com/stretchr/testify/require"
)

// fakeLog is a claim of sarama's that knows of an end.
type fakeLog struct {
	sarama.ConsumerGroupClaim
	end int64
}

func (f *fakeLog) HighWaterMarkOffset() int64 { return f.end }

var watchStart = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func TestOverdue(t *testing.T) {
	const stall = 30 * time.Second
	// sight is what one look finds.
	type sight struct {
		after time.Duration
		known int64 // the end that sarama knows
		end   int64 // the end that the broker tells
	}
	tests := []struct {
		name   string
		change func(c *claim)
		sights []sight
		want   bool // at the last
	}{
		{"sarama knows the end", nil, []sight{{0, 10, 10}, {time.Hour, 10, 10}}, false},
		{"holes at the end: sarama knows it, the position stays", func(c *claim) { c.position = 3 }, []sight{{0, 10, 10}, {time.Hour, 10, 10}}, false},
		{"the first look proves nothing", nil, []sight{{0, 10, 99}}, false},
		{"behind, for less than a stall", nil, []sight{{0, 10, 99}, {stall - 1, 10, 99}}, false},
		{"behind, for a stall", nil, []sight{{0, 10, 99}, {stall, 10, 99}}, true},
		{"behind, and the log grows", nil, []sight{{0, 10, 20}, {20 * time.Second, 10, 30}, {stall, 10, 40}}, true},
		{"behind, but it comes on", nil, []sight{{0, 10, 99}, {20 * time.Second, 11, 99}, {stall, 11, 99}}, false},
		{"caught up in between", nil, []sight{{0, 10, 99}, {20 * time.Second, 99, 99}, {stall, 99, 120}}, false},
		{"paused", func(c *claim) { c.paused = true }, []sight{{0, 10, 99}, {stall, 10, 99}}, false},
		{"revoked", func(c *claim) { c.state = revoked }, []sight{{0, 10, 99}, {stall, 10, 99}}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			log := &fakeLog{}
			c := &claim{source: &Source{cfg: Config{Timings: Timings{Stall: stall}}}, log: log, state: open}
			if test.change != nil {
				test.change(c)
			}
			var got bool
			for _, s := range test.sights {
				log.end = s.known
				got = c.overdue(s.end, watchStart.Add(s.after))
			}
			require.Equal(t, test.want, got)
			require.Equal(t, test.sights[len(test.sights)-1].end, c.end)
		})
	}
}

func TestWatchdogMembership(t *testing.T) {
	const stall, heartbeat = 30 * time.Second, 4 * time.Second
	refused := watchStart.Add(time.Second)
	tests := []struct {
		name string
		at   []func(m *member) // what changes before each look; looks are 10 s apart
		want []string
	}{
		{
			"not connected: there is nothing to connect anew",
			[]func(m *member){func(m *member) { m.connected.Store(false) }, nil, nil, nil, nil}, []string{"", "", "", "", ""},
		},
		{"no session", []func(m *member){nil, nil, nil, nil}, []string{"", "", "", "no membership for 30s"}},
		{"a session", []func(m *member){func(m *member) { m.active.Store(true) }, nil, nil, nil, nil}, []string{"", "", "", "", ""}},
		{"a session came and went", []func(m *member){nil, nil, func(m *member) { m.sessions.Add(1) }, nil, nil}, []string{"", "", "", "", ""}},
		{
			"the group doesn't know it, and then it does",
			[]func(m *member){func(m *member) { m.active.Store(true); m.refused.Store(&refused) }, func(m *member) { m.refused.Store(nil) }, nil},
			[]string{"", "", ""},
		},
		{
			"the group doesn't know it",
			[]func(m *member){func(m *member) { m.active.Store(true); m.refused.Store(&refused) }, nil, nil},
			[]string{"", "", "the group has dropped this member, and it was not told"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &Source{cfg: Config{Timings: Timings{Stall: stall, Heartbeat: heartbeat}}}
			s.member = newMember(s)
			s.member.connected.Store(true)
			var d watchdog
			for i, change := range test.at {
				if change != nil {
					change(s.member)
				}
				require.Equal(t, test.want[i], d.look(s, watchStart.Add(time.Duration(i)*10*time.Second)), "look %d", i)
			}
		})
	}
}

// TestNoMetrics holds for whatever sarama measures with: nothing is kept.
func TestNoMetrics(t *testing.T) {
	r := noMetrics{}
	require.Equal(t, metrics.NilMeter{}, metrics.GetOrRegisterMeter("m", r))
	require.Equal(t, metrics.NilCounter{}, metrics.GetOrRegisterCounter("c", r))
	histogram := func() metrics.Histogram { return metrics.NewHistogram(metrics.NewUniformSample(1)) }
	require.Equal(t, metrics.NilHistogram{}, r.GetOrRegister("h", histogram))
	require.Nil(t, r.Get("m"))
	require.Empty(t, r.GetAll())
}
