package main

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"crmsync/pipeline"
	"crmsync/pipeline/kafka"
)

// ownerMetrics are about who owns a partition, and what waits in it.
type ownerMetrics struct {
	fenced       prometheus.Counter
	takeOvers    prometheus.Counter
	takeOverWait prometheus.Histogram
	shut         prometheus.Gauge
	strangeNotes prometheus.Counter
	stalled      prometheus.Gauge
	changes      *prometheus.CounterVec
	troubles     prometheus.Counter
	parked       *prometheus.CounterVec
	released     *prometheus.CounterVec
	unreadable   prometheus.Counter
	panics       prometheus.Counter
	waiting      *prometheus.GaugeVec
}

func (m *metrics) makeOwner() {
	m.fenced = m.single("crmsync_partitions_fenced_total", "Partitions given up because another process had claimed them.")
	m.takeOvers = m.single("crmsync_take_overs_total", "Partitions taken over that were not left clean.")
	m.strangeNotes = m.single("crmsync_notes_unknown_total", "Notes beside a committed offset that this version can't read; taken for unclean.")
	m.troubles = m.single("crmsync_kafka_troubles_total", "Troubles with Kafka that passed or were tried again.")
	m.unreadable = m.single("crmsync_waiting_unreadable_total", "Waiting entries that this version can't read; they stay.")
	m.panics = m.single("crmsync_panics_total", "Events that made the program panic and became dead letters.")
	m.takeOverWait = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "crmsync_take_over_wait_seconds", Help: "Time from an unclean take-over until the first request could leave.",
		Buckets: []float64{1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600},
	})
	m.shut = prometheus.NewGauge(prometheus.GaugeOpts{Name: "crmsync_partitions_taking_over", Help: "Partitions that are taken over and send nothing yet."})
	m.stalled = prometheus.NewGauge(prometheus.GaugeOpts{Name: "crmsync_commits_stalled", Help: "Partitions whose committed offset stands still although more is finished."})
	m.registry.MustRegister(m.takeOverWait, m.shut, m.stalled)
	m.changes = m.counter("crmsync_partition_changes_total", "Partitions that a rebalance moved: assigned, revoked (handed back in order) or lost.", "change")
	m.waiting = m.gauge("crmsync_waiting_records", "Records of a partition that are in the waiting room.", "partition")
	m.parked = m.counter("crmsync_waiting_parked_total", "Deliveries that ended in the waiting room, by why.", "provider", "reason")
	m.released = m.counter("crmsync_waiting_released_total", "Deliveries out of the waiting room, by how they ended.", "provider", "outcome")
}

// single registers a counter without labels.
func (m *metrics) single(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	m.registry.MustRegister(c)
	return c
}

// owned counts what happens to the ownership of a partition.
func (m *metrics) owned(n pipeline.Notice) {
	switch n.What {
	case "fenced":
		m.fenced.Inc()
	case "taking_over":
		m.takeOvers.Inc()
	case "note_unknown":
		m.strangeNotes.Inc()
	case "unreadable_wait":
		m.unreadable.Inc()
	case "waiting":
		m.waiting.WithLabelValues(strconv.Itoa(int(n.Partition))).Set(float64(n.Entries))
	}
}

// opened notes how long a partition that was taken over had to wait.
func (m *metrics) opened(wait time.Duration) { m.takeOverWait.Observe(wait.Seconds()) }

// rebalanced counts a partition that came or went.
func (m *metrics) rebalanced(change kafka.Change, _ int32) {
	m.changes.WithLabelValues(string(change)).Inc()
}

// lagCollector shows how far behind the end of the log each partition is, at the
// moment it is asked.
type lagCollector struct {
	lag           func() []kafka.PartitionLag
	behind, ahead *prometheus.Desc
	paused        *prometheus.Desc
}

func newLagCollector(lag func() []kafka.PartitionLag) *lagCollector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, []string{"partition"}, nil)
	}
	return &lagCollector{
		lag:    lag,
		behind: desc("crmsync_consumer_lag_offsets", "Distance from the committed offset to the end of the log; compacted logs hold fewer records."),
		ahead:  desc("crmsync_consumer_unread_offsets", "Distance from what was read to the end of the log; the rest of the lag is under way."),
		paused: desc("crmsync_partition_paused", "Whether reading waits for room in memory or in the window."),
	}
}

// Describe is prometheus.Collector's.
func (c *lagCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.behind
	out <- c.ahead
	out <- c.paused
}

// Collect is prometheus.Collector's.
func (c *lagCollector) Collect(out chan<- prometheus.Metric) {
	for _, l := range c.lag() {
		partition := strconv.Itoa(int(l.Partition))
		gauge := func(d *prometheus.Desc, value int64) {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(value), partition)
		}
		if l.Committed >= 0 { // else nothing was ever committed: it begins with the first
			gauge(c.behind, max(0, l.End-l.Committed))
		}
		gauge(c.ahead, max(0, l.End-l.Position))
		paused := int64(0)
		if l.Paused {
			paused = 1
		}
		gauge(c.paused, paused)
	}
}
