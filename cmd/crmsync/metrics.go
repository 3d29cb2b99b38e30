package main

import (
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"crmsync"
	"crmsync/dsl"
	"crmsync/pipeline"
)

// metrics is what /metrics shows. An org is never a label of a histogram or a
// counter: their number would grow with the customers.
type metrics struct {
	registry *prometheus.Registry

	events       prometheus.Counter
	deliveries   *prometheus.CounterVec
	delay        *prometheus.HistogramVec
	requests     *prometheus.CounterVec
	requestTime  *prometheus.HistogramVec
	batch        *prometheus.HistogramVec
	calls        *prometheus.CounterVec
	transform    prometheus.Histogram
	rateChecks   *prometheus.CounterVec
	deadLetters  *prometheus.CounterVec
	failures     *prometheus.CounterVec
	closings     *prometheus.CounterVec
	assigned     prometheus.Gauge
	assignments  prometheus.Counter
	committed    *prometheus.GaugeVec
	gaps         prometheus.Gauge
	reloadGood   prometheus.Gauge
	reloadAt     prometheus.Gauge
	loaded       prometheus.Gauge
	mappingsHash *prometheus.GaugeVec
	failedOpen   *prometheus.CounterVec
	ownerMetrics
}

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	m.makeDeliveries()
	m.makeCalls()
	m.makeIntake()
	m.makeMappings()
	m.makeOwner()
	b := buildInfo()
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "crmsync_build_info", Help: "What this process was built from; always 1.",
	}, []string{"version", "revision", "goversion"})
	info.WithLabelValues(b.Version, b.Revision, runtime.Version()).Set(1)
	m.registry.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// counter registers a counter by labels.
func (m *metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

// gauge registers a gauge by labels.
func (m *metrics) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(g)
	return g
}

// histogram registers a histogram by labels.
func (m *metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}

func (m *metrics) makeDeliveries() {
	m.deliveries = m.counter("crmsync_deliveries_total", "Deliveries by how they ended.", "provider", "object", "outcome")
	m.delay = m.histogram("crmsync_delivery_delay_seconds", "Time from the change to the CRM's answer, of synced deliveries.",
		[]float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400}, "provider")
	m.deadLetters = m.counter("crmsync_dlq_records_total", "Deliveries that went to the dead-letter queue.", "provider", "reason")
}

func (m *metrics) makeCalls() {
	m.requests = m.counter("crmsync_crm_requests_total", "Requests to CRMs.", "provider", "operation", "code")
	m.requestTime = m.histogram("crmsync_crm_request_duration_seconds", "How long CRMs took to answer.",
		prometheus.ExponentialBuckets(.005, 2, 13), "provider", "operation")
	m.batch = m.histogram("crmsync_crm_request_calls", "Calls in a request.", []float64{1, 2, 5, 10, 20, 50, 100, 200}, "provider", "operation")
	m.calls = m.counter("crmsync_crm_calls_total", "Calls by what their answer asked for.", "provider", "operation", "result")
	m.transform = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "crmsync_transform_duration_seconds", Help: "How long rendering a batch took.", Buckets: prometheus.ExponentialBuckets(.00001, 4, 10),
	})
	m.registry.MustRegister(m.transform)
	m.rateChecks = m.counter("crmsync_rate_limit_checks_total", "Rate checks by what they said.", "provider", "result")
	m.closings = m.counter("crmsync_account_closings_total", "How often an account was closed for a while.", "provider", "reason")
	m.failedOpen = m.counter("crmsync_failed_open_total", "Questions to the cache or the rate checker that had to go without an answer.", "operation")
}

func (m *metrics) makeIntake() {
	m.events = prometheus.NewCounter(prometheus.CounterOpts{Name: "crmsync_events_consumed_total", Help: "Events whose first delivery has ended."})
	m.assigned = prometheus.NewGauge(prometheus.GaugeOpts{Name: "crmsync_partitions_assigned", Help: "Partitions that this process reads."})
	m.assignments = prometheus.NewCounter(prometheus.CounterOpts{Name: "crmsync_partitions_assigned_total", Help: "Partitions that were ever assigned."})
	m.gaps = prometheus.NewGauge(prometheus.GaugeOpts{Name: "crmsync_partitions_with_gap", Help: "Partitions that are not read because the log no longer holds the committed offset."})
	m.registry.MustRegister(m.events, m.assigned, m.assignments, m.gaps)
	m.committed = m.gauge("crmsync_committed_offset", "Offset up to which all is finished.", "partition")
	m.failures = m.counter("crmsync_task_failures_total", "Tasks of the engine that failed and are tried again.", "task")
}

func (m *metrics) makeMappings() {
	m.reloadGood = prometheus.NewGauge(prometheus.GaugeOpts{Name: "crmsync_mappings_last_reload_successful", Help: "Whether the last reading of the mappings succeeded."})
	m.reloadAt = prometheus.NewGauge(prometheus.GaugeOpts{Name: "crmsync_mappings_last_reload_success_timestamp_seconds", Help: "When mappings were last read without an error."})
	m.loaded = prometheus.NewGauge(prometheus.GaugeOpts{Name: "crmsync_mappings_loaded", Help: "Mappings in force."})
	m.registry.MustRegister(m.reloadGood, m.reloadAt, m.loaded)
	m.mappingsHash = m.gauge("crmsync_mappings_hash", "The first 48 bits of the digest of the mappings in force: equal on all replicas that read the same.")
}

// Ended counts a delivery.
func (m *metrics) Ended(e pipeline.Ended) {
	object := ""
	if e.Program != nil {
		object = e.Program.Object()
	}
	if e.Released {
		m.released.WithLabelValues(e.Connection.Provider, e.Outcome.String()).Inc()
	} else {
		m.deliveries.WithLabelValues(e.Connection.Provider, object, e.Outcome.String()).Inc()
	}
	switch e.Outcome {
	case crmsync.Synced:
		m.delay.WithLabelValues(e.Connection.Provider).Observe(max(0, e.At.Sub(e.Event.OccurredAt).Seconds()))
	case crmsync.Waiting:
		m.parked.WithLabelValues(e.Connection.Provider, e.Fault.Code).Inc()
	case crmsync.Dead:
		m.deadLetters.WithLabelValues(e.Connection.Provider, e.Fault.Code).Inc()
		if e.Fault.Code == dsl.CodePanic {
			m.panics.Inc()
		}
	}
	if e.First && !e.Released {
		m.events.Inc()
	}
}

// Requested counts a request.
func (m *metrics) Requested(r pipeline.Requested) {
	provider, operation := r.Batch.Connection.Provider, r.Batch.Operation.String()
	m.transform.Observe(r.Renders.Seconds())
	if r.Answer == nil {
		m.rateChecks.WithLabelValues(provider, "denied").Inc()
		return
	}
	m.rateChecks.WithLabelValues(provider, "allowed").Inc()
	m.requests.WithLabelValues(provider, operation, codeClass(r.Answer.Status)).Inc()
	m.requestTime.WithLabelValues(provider, operation).Observe(r.Took.Seconds())
	m.batch.WithLabelValues(provider, operation).Observe(float64(len(r.Batch.Calls)))
	for i := range r.Answer.Results {
		result := "done"
		if f := r.Answer.Results[i].Fault; f != nil {
			result = f.Kind.String()
		}
		m.calls.WithLabelValues(provider, operation, result).Inc()
	}
}

// codeClass returns "2xx" for 204, and "none" where no answer came.
func codeClass(status int) string {
	if status < 100 {
		return "none"
	}
	return strconv.Itoa(status/100) + "xx"
}

// Noticed counts the rest.
func (m *metrics) Noticed(n pipeline.Notice) {
	switch {
	case n.Err != nil:
		m.failures.WithLabelValues(n.Task).Inc()
	case n.What == "assigned":
		m.assigned.Inc()
		m.assignments.Inc()
		if n.Gap != nil {
			m.gaps.Inc()
		}
	case n.What == "released":
		m.assigned.Dec()
		m.committed.DeleteLabelValues(strconv.Itoa(int(n.Partition)))
		m.waiting.DeleteLabelValues(strconv.Itoa(int(n.Partition)))
		if n.Gap != nil {
			m.gaps.Dec()
		}
	case n.What == "committed":
		m.committed.WithLabelValues(strconv.Itoa(int(n.Partition))).Set(float64(n.Offset))
	case n.What == "closed":
		m.closings.WithLabelValues(n.Provider, n.Fault.Kind.String()).Inc()
	default:
		m.owned(n)
	}
}

// reloaded notes what became of a reading of the mappings.
func (m *metrics) reloaded(ok bool, at time.Time, programs int, hash string) {
	if !ok {
		m.reloadGood.Set(0)
		return
	}
	m.reloadGood.Set(1)
	m.reloadAt.Set(float64(at.UnixMilli()) / 1000)
	m.loaded.Set(float64(programs))
	if len(hash) >= 12 {
		if v, err := strconv.ParseUint(hash[:12], 16, 64); err == nil {
			m.mappingsHash.WithLabelValues().Set(float64(v))
		}
	}
}
