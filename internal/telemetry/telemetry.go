// Package telemetry is what Orderly tells about itself while it runs: numbers for Prometheus and a
// structured log. Normal work is counted, not logged.
//
// It knows no vendor and makes no decisions.
package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/orderlyhq/orderly/internal/httpx"
	"github.com/orderlyhq/orderly/internal/notice"
	"github.com/orderlyhq/orderly/internal/store"
)

// Metrics counts what Orderly does. It is safe for concurrent use.
type Metrics struct {
	registry  *prometheus.Registry
	observed  *prometheus.CounterVec
	ignored   *prometheus.CounterVec
	refused   *prometheus.CounterVec
	delivered *prometheus.CounterVec
	delivery  *prometheus.HistogramVec
	requests  *prometheus.CounterVec
	request   *prometheus.HistogramVec
	breaker   *prometheus.GaugeVec
	polls     *prometheus.CounterVec
	notices   *prometheus.CounterVec
}

// NewMetrics makes the counters.
func NewMetrics(version string) *Metrics {
	seconds := []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "orderly", Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "orderly", Name: name, Help: help, Buckets: seconds}, labels)
	}
	m := &Metrics{
		registry:  prometheus.NewRegistry(),
		observed:  counter("observations_total", "Observations of records, by how they came and what they brought.", "connection", "via", "outcome"),
		ignored:   counter("webhooks_ignored_total", "Webhooks that were in order and brought no event.", "connection", "reason"),
		refused:   counter("webhooks_refused_total", "Webhooks that were refused, by the status answered.", "connection", "status"),
		delivered: counter("deliveries_total", "Deliveries, by how they ended.", "flow", "state", "outcome"),
		delivery:  histogram("delivery_seconds", "How long deliveries took, the vendor's time included.", "flow"),
		requests:  counter("vendor_requests_total", "Requests to vendors; status 0 is no answer.", "connection", "method", "status"),
		request:   histogram("vendor_request_seconds", "How long vendors took to answer.", "connection"),
		breaker:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "orderly", Name: "breaker_open", Help: "1 while calls to a connection are stopped because it fails."}, []string{"connection"}),
		polls:     counter("polls_total", "Polls of sources, by how they ended.", "connection", "result"),
		notices:   counter("notices_total", "Attempts to send webhooks, mails and chat messages to others, by how they ended.", "form", "result"),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "orderly", Name: "build_info", Help: "The version that runs; always 1.", ConstLabels: prometheus.Labels{"version": version},
	})
	info.Set(1)
	m.registry.MustRegister(m.observed, m.ignored, m.refused, m.delivered, m.delivery, m.requests, m.request, m.breaker, m.polls, m.notices, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Observed counts an observation.
func (m *Metrics) Observed(connection string, via store.Via, outcome store.Outcome) {
	m.observed.WithLabelValues(connection, string(via), string(outcome)).Inc()
}

// Ignored counts a webhook that brought no event. Reasons are few: they come from our own code.
func (m *Metrics) Ignored(connection, reason string) {
	m.ignored.WithLabelValues(connection, reason).Inc()
}

// Refused counts a webhook that was not taken.
func (m *Metrics) Refused(connection string, status int) {
	m.refused.WithLabelValues(connection, strconv.Itoa(status)).Inc()
}

// Delivered counts a delivery.
func (m *Metrics) Delivered(flow string, state store.TaskState, outcome string, took time.Duration) {
	m.delivered.WithLabelValues(flow, string(state), outcome).Inc()
	m.delivery.WithLabelValues(flow).Observe(took.Seconds())
}

// Request counts a request to a vendor.
func (m *Metrics) Request(o httpx.Observation) {
	m.requests.WithLabelValues(o.Connection, o.Method, strconv.Itoa(o.Status)).Inc()
	m.request.WithLabelValues(o.Connection).Observe(o.Duration.Seconds())
}

// Breaker notes that a connection's circuit breaker changed.
func (m *Metrics) Breaker(connection, state string) {
	open := 0.0
	if state == "open" {
		open = 1
	}
	m.breaker.WithLabelValues(connection).Set(open)
}

// Polled counts a poll.
func (m *Metrics) Polled(connection string, err error) {
	result := "done"
	if err != nil {
		result = "failed"
	}
	m.polls.WithLabelValues(connection, result).Inc()
}

// Noticed counts an attempt to tell others something.
func (m *Metrics) Noticed(form string, result notice.Result) {
	m.notices.WithLabelValues(form, string(result)).Inc()
}

// WatchTasks adds what is read from the store when somebody asks: tasks by flow and state, and how
// long the oldest record has been waiting.
func (m *Metrics) WatchTasks(st *store.Store, now func() time.Time) {
	m.registry.MustRegister(&taskCollector{
		store: st, now: now,
		tasks:  prometheus.NewDesc("orderly_tasks", "Records by flow and state.", []string{"flow", "state"}, nil),
		oldest: prometheus.NewDesc("orderly_oldest_waiting_seconds", "Age of the oldest record that is not in its destination.", nil, nil),
	})
}

type taskCollector struct {
	store         *store.Store
	now           func() time.Time
	tasks, oldest *prometheus.Desc
}

func (c *taskCollector) Describe(out chan<- *prometheus.Desc) { out <- c.tasks; out <- c.oldest }

// collectTime bounds how long a scrape waits for the store.
const collectTime = 5 * time.Second

func (c *taskCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTime)
	defer cancel()
	counts, err := c.store.CountTasks(ctx, "")
	if err != nil {
		out <- prometheus.NewInvalidMetric(c.tasks, err)
		return
	}
	for flow, states := range counts {
		for _, state := range store.TaskStates {
			out <- prometheus.MustNewConstMetric(c.tasks, prometheus.GaugeValue, float64(states[state]), flow, string(state))
		}
	}
	since, err := c.store.OldestWaiting(ctx, "")
	if err != nil {
		out <- prometheus.NewInvalidMetric(c.oldest, err)
		return
	}
	age := 0.0
	if !since.IsZero() {
		age = max(0, c.now().Sub(since).Seconds())
	}
	out <- prometheus.MustNewConstMetric(c.oldest, prometheus.GaugeValue, age)
}

// Handler serves the numbers in Prometheus' form.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// LogFormats are the forms of the log.
var LogFormats = []string{"text", "json"}

// NewLog makes a structured log: text for people, json for machines; level is debug, info, warn or
// error.
func NewLog(w io.Writer, format, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("the log level %q is none of debug, info, warn, error", level)
	}
	options := &slog.HandlerOptions{Level: l}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, fmt.Errorf("the log format %q is none of text, json", format)
}
