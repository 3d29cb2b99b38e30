package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline"
	"crmsync/pipeline/kafka"
)

// TestMetricsAreClean holds names and help against promtool's own rules.
func TestMetricsAreClean(t *testing.T) {
	m := newMetrics()
	exercise(m)
	found, err := testutil.GatherAndLint(m.registry)
	require.NoError(t, err)
	require.Equal(t, []promlint.Problem(nil), found)
}

// exercise makes every metric that has labels show up.
func exercise(m *metrics) {
	connection := crmsync.Connection{ID: crmsync.ConnectionID{Org: "acme", Name: "hubspot"}, Provider: "hubspot"}
	fault := &crmsync.Fault{Kind: crmsync.Rejected, Code: "x"}
	m.Ended(pipeline.Ended{Event: &crmsync.Event{}, Connection: connection, Outcome: crmsync.Dead, Fault: fault, First: true})
	m.Ended(pipeline.Ended{Event: &crmsync.Event{OccurredAt: time.Unix(1, 0)}, Connection: connection, Outcome: crmsync.Synced, At: time.Unix(2, 0)})
	batch := &crmsync.Batch{Connection: connection, Calls: make([]crmsync.Call, 2)}
	m.Requested(pipeline.Requested{Batch: batch, Waited: time.Second})
	m.Requested(pipeline.Requested{Batch: batch, Answer: &crmsync.Answer{Status: 207, Results: []crmsync.Result{{}, {Fault: fault}}}})
	m.Noticed(pipeline.Notice{Task: "poll", Err: fault})
	m.Noticed(pipeline.Notice{What: "assigned", Gap: &crmsync.Gap{}})
	m.Noticed(pipeline.Notice{What: "committed", End: 5})
	m.Noticed(pipeline.Notice{What: "closed", Provider: "hubspot", Fault: fault})
	m.reloaded(true, time.Unix(1, 0), 3, "0123456789abcdef")
	m.failedOpen.WithLabelValues("seen").Inc()
	m.Ended(pipeline.Ended{Event: &crmsync.Event{}, Connection: connection, Outcome: crmsync.Waiting, Fault: &crmsync.Fault{Code: pipeline.Denied}})
	m.Ended(pipeline.Ended{Event: &crmsync.Event{OccurredAt: time.Unix(1, 0)}, Connection: connection, Outcome: crmsync.Synced, Released: true, At: time.Unix(2, 0)})
	m.Noticed(pipeline.Notice{What: "waiting", Entries: 3})
	m.rebalanced(kafka.Lost, 0)
	m.registry.MustRegister(newLagCollector(func() []kafka.PartitionLag {
		return []kafka.PartitionLag{{Partition: 4, Committed: 10, Position: 15, End: 40, Paused: true}, {Partition: 5, Committed: -1, Position: 7, End: 9}}
	}))
}

// TestLag: lag counts from what is committed, unread from what was read.
func TestLag(t *testing.T) {
	m := newMetrics()
	exercise(m)
	want := `# HELP crmsync_consumer_lag_offsets Distance from the committed offset to the end of the log; compacted logs hold fewer records.
# TYPE crmsync_consumer_lag_offsets gauge
crmsync_consumer_lag_offsets{partition="4"} 30
# HELP crmsync_consumer_unread_offsets Distance from what was read to the end of the log; the rest of the lag is under way.
# TYPE crmsync_consumer_unread_offsets gauge
crmsync_consumer_unread_offsets{partition="4"} 25
crmsync_consumer_unread_offsets{partition="5"} 2
# HELP crmsync_partition_paused Whether reading waits for room in memory or in the window.
# TYPE crmsync_partition_paused gauge
crmsync_partition_paused{partition="4"} 1
crmsync_partition_paused{partition="5"} 0
`
	require.NoError(t, testutil.GatherAndCompare(m.registry, strings.NewReader(want),
		"crmsync_consumer_lag_offsets", "crmsync_consumer_unread_offsets", "crmsync_partition_paused"))
}

// TestOutcomesAddUp: the deliveries that the metrics count are the events that
// were read, whatever became of them.
func TestOutcomesAddUp(t *testing.T) {
	p := newPlant(t)
	p.produce(40, 1)
	p.produce(40, 3)
	p.produce(40, 2)
	p.broken(5)
	m := p.runOnce()
	require.InDelta(t, 125, sum(t, m, "crmsync_events_consumed_total"), 0)
	require.InDelta(t, 125, sum(t, m, "crmsync_deliveries_total"), 0)
	require.InDelta(t, 5, sum(t, m, "crmsync_dlq_records_total"), 0)
}

// broken writes messages that are no events.
func (p *plant) broken(n int) {
	p.t.Helper()
	producer, err := kafka.NewProducer(p.kafka)
	require.NoError(p.t, err)
	defer func() { require.NoError(p.t, producer.Close()) }()
	messages := make([]crmsync.Message, n)
	for i := range messages {
		messages[i] = crmsync.Message{Key: []byte("x"), Value: []byte("{")}
	}
	require.NoError(p.t, producer.Produce(p.t.Context(), messages))
}

// runOnce does what `run --once` does and returns its metrics.
func (p *plant) runOnce() *metrics {
	p.t.Helper()
	c, _, err := readConfig(p.dir+"/crmsync.yaml", nil)
	require.NoError(p.t, err)
	m := newMetrics()
	watch := newWatcher(m, slog.New(slog.DiscardHandler), time.Now)
	w, err := wire(p.t.Context(), nil, &c, watch)
	require.NoError(p.t, err)
	cfg := c.engine()
	cfg.Once = true
	program := &program{err: &output{}}
	_, err = program.work(p.t.Context(), nil, cfg, w, watch, &admin{watcher: watch})
	require.NoError(p.t, err)
	require.NoError(p.t, w.close())
	return m
}

// sum adds up a counter over its labels.
func sum(t *testing.T, m *metrics, name string) (total float64) {
	t.Helper()
	families, err := m.registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			for _, one := range f.GetMetric() {
				total += value(one)
			}
		}
	}
	return total
}

func value(m *dto.Metric) float64 { return m.GetCounter().GetValue() }
