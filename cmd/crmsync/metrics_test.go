package main

import (
	"log/slog"
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
