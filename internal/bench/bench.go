package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/telemetry"
)

// Options say how much is measured.
type Options struct {
	Orders   int    // of each part
	Senders  int    // connections over which webhooks come in at once
	Dir      string // for the databases; its disk is what commits wait for
	Database string // an empty PostgreSQL database; "" is SQLite
}

// Report is what was measured. Everything runs in this one process, so the shop that sends and the ERP
// that receives have their part in the numbers, of the floor as well.
type Report struct {
	Cores    int    `json:"cores"`
	Database string `json:"database"`
	Orders   int    `json:"orders"`

	// Accepts are webhooks answered after they were committed and synced, per second; the floor is the
	// same HTTP without a store.
	Accepts      float64 `json:"accepts_per_second"`
	AcceptsFloor float64 `json:"accepts_floor_per_second"`
	AcceptP50    string  `json:"accept_p50"`
	AcceptP99    string  `json:"accept_p99"`

	// Delivered are orders from webhook to document, per second; the floor is the same HTTP (one
	// request in, three out) without store and jobs.
	Delivered      float64 `json:"delivered_per_second"`
	DeliveredFloor float64 `json:"delivered_floor_per_second"`
	LagP50         string  `json:"lag_p50"` // from accepted to in the ERP, while everything comes at once
	LagP99         string  `json:"lag_p99"`

	CPUPerOrder      string  `json:"cpu_per_order"`
	CPUPerOrderFloor string  `json:"cpu_per_order_floor"`
	PeakMemory       float64 `json:"peak_memory_mb"` // heap in use, sampled
	HalfMemory       float64 `json:"half_memory_mb"` // the same over the first half: flat when equal
	Documents        int     `json:"documents"`      // in the ERP at the end: the ground truth
}

// Run measures.
func Run(ctx context.Context, o Options) (Report, error) {
	r := Report{Cores: runtime.GOMAXPROCS(0), Orders: o.Orders, Database: "sqlite"}
	if o.Database != "" {
		r.Database = "postgres"
	}
	bodies := make([][]byte, o.Orders)
	for i := range bodies {
		body, err := json.Marshal(sampleOrder(i + 1))
		if err != nil {
			return r, err
		}
		bodies[i] = body
	}
	if err := r.acceptFloor(ctx, o, bodies); err != nil {
		return r, err
	}
	if err := r.accept(ctx, o, bodies); err != nil {
		return r, err
	}
	if err := r.deliverFloor(ctx, o, bodies); err != nil {
		return r, err
	}
	return r, r.deliver(ctx, o, bodies)
}

// send posts every body and gives how long each took and when it was answered.
func send(ctx context.Context, url string, senders int, bodies [][]byte) (took []time.Duration, answered []time.Time, err error) {
	took, answered = make([]time.Duration, len(bodies)), make([]time.Time, len(bodies))
	var next atomic.Int64
	var group sync.WaitGroup
	var mu sync.Mutex
	transport := &http.Transport{MaxIdleConnsPerHost: senders}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for range senders {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(bodies) {
					return
				}
				started := time.Now()
				if failure := post(ctx, client, url, i+1, bodies[i]); failure != nil {
					mu.Lock()
					err = failure
					mu.Unlock()
					return
				}
				answered[i] = time.Now()
				took[i] = answered[i].Sub(started)
			}
		})
	}
	group.Wait()
	return took, answered, err
}

func post(ctx context.Context, client *http.Client, url string, id int, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("X-Order", strconv.Itoa(id))
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("a webhook was answered %d", resp.StatusCode)
	}
	return nil
}

func perSecond(n int, since time.Time) float64 { return float64(n) / time.Since(since).Seconds() }

func percentile(list []time.Duration, p float64) string {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(int(float64(len(sorted))*p), len(sorted)-1)].Round(10 * time.Microsecond).String()
}

func (r *Report) acceptFloor(ctx context.Context, o Options, bodies [][]byte) error {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) { _, _ = io.ReadAll(req.Body) }))
	defer server.Close()
	started := time.Now()
	_, _, err := send(ctx, server.URL, o.Senders, bodies)
	r.AcceptsFloor = perSecond(len(bodies), started)
	return err
}

func (r *Report) accept(ctx context.Context, o Options, bodies [][]byte) error {
	erp := newERPServer()
	defer erp.Close()
	w, err := newWorkplace(ctx, o, erp, "accept", true)
	if err != nil {
		return err
	}
	defer w.close()
	started := time.Now()
	took, _, err := send(ctx, w.hooks, o.Senders, bodies)
	if err != nil {
		return err
	}
	r.Accepts = perSecond(len(bodies), started)
	r.AcceptP50, r.AcceptP99 = percentile(took, 0.5), percentile(took, 0.99)
	return nil
}

func (r *Report) deliverFloor(ctx context.Context, o Options, bodies [][]byte) error {
	erp := newERPServer()
	defer erp.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: lanes}}
	places := make(chan struct{}, lanes)
	var group sync.WaitGroup
	var failed atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		id := req.Header.Get("X-Order")
		group.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			var order commerce.Order
			if json.Unmarshal(body, &order) != nil || floorCalls(ctx, client, erp.URL, id, order) != nil {
				failed.Add(1)
			}
		})
	}))
	defer server.Close()
	cpu, started := cpuTime(), time.Now()
	_, _, err := send(ctx, server.URL, o.Senders, bodies)
	group.Wait()
	r.DeliveredFloor = perSecond(len(bodies), started)
	r.CPUPerOrderFloor = each(cpuTime()-cpu, len(bodies))
	if failed.Load() > 0 {
		err = errors.Join(err, fmt.Errorf("%d orders of the floor were not delivered", failed.Load()))
	}
	return err
}

// floorCalls are the three calls that an order needs.
func floorCalls(ctx context.Context, client *http.Client, base, id string, order commerce.Order) error {
	for _, call := range []struct {
		method, path string
		body         any
	}{
		{http.MethodPost, "/orders/search", []string{"shop-" + id}}, {http.MethodGet, "/customers/shop-" + id, nil}, {http.MethodPost, "/orders", order},
	} {
		var body bytes.Buffer
		if call.body != nil {
			if err := json.NewEncoder(&body).Encode(call.body); err != nil {
				return err
			}
		}
		req, err := http.NewRequestWithContext(ctx, call.method, base+call.path, &body)
		if err != nil {
			return err
		}
		req.Header.Set("X-Key", "shop-"+id)
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Report) deliver(ctx context.Context, o Options, bodies [][]byte) error {
	erp := newERPServer()
	defer erp.Close()
	w, err := newWorkplace(ctx, o, erp, "deliver", false)
	if err != nil {
		return err
	}
	defer w.close()
	memory := watchMemory(ctx, func() bool { return erp.count() < len(bodies)/2 })
	cpu, started := cpuTime(), time.Now()
	_, answered, err := send(ctx, w.hooks, o.Senders, bodies)
	if err != nil {
		return err
	}
	for erp.count() < len(bodies) && ctx.Err() == nil && time.Since(started) < patience {
		wait(ctx, time.Millisecond)
	}
	r.Delivered = perSecond(erp.count(), started)
	r.CPUPerOrder = each(cpuTime()-cpu, len(bodies))
	r.PeakMemory, r.HalfMemory = memory()
	r.Documents = int(erp.writes.Load())
	if r.Documents != len(bodies) || erp.count() != len(bodies) {
		return fmt.Errorf("%d webhooks became %d documents of %d orders", len(bodies), r.Documents, erp.count())
	}
	lag := make([]time.Duration, len(bodies))
	for i := range bodies {
		key := connector.NewKey("shopdeliver", connector.Ref{Kind: commerce.KindOrder, ID: strconv.Itoa(i + 1)})
		lag[i] = erp.arrived[key].Sub(answered[i])
	}
	r.LagP50, r.LagP99 = percentile(lag, 0.5), percentile(lag, 0.99)
	return nil
}

// patience bounds how long deliveries are waited for.
const patience = 10 * time.Minute

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// workplace is a running node between the shop and the ERP.
type workplace struct {
	hooks string
	close func()
}

func newWorkplace(ctx context.Context, o Options, erp *erpServer, name string, paused bool) (*workplace, error) {
	dir := filepath.Join(o.Dir, name)
	if o.Database != "" {
		dir = o.Dir // of the key alone, which the database remembers
	}
	source := "shop" + name
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	options := node.Options{
		DataDir: dir, Database: o.Database, Definitions: definitions(), Version: "bench",
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	st, err := node.OpenStore(ctx, options)
	if err != nil {
		return nil, err
	}
	// Each part has a flow and connections of its own, so that they can share a database.
	err = st.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		now := time.Now()
		return errors.Join(
			st.SaveConnection(ctx, tx, store.Connection{Name: source, System: "shop"}, now),
			st.SaveConnection(ctx, tx, store.Connection{Name: name, System: "erp", Settings: map[string]string{"base_url": erp.URL}}, now),
			st.SaveFlow(ctx, tx, store.Flow{
				Name: name, Source: source, Destination: name, Config: `{"customers":{"match":["external_id"],"guests":"by_email","create":true}}`,
			}, now),
			st.PauseConnection(ctx, tx, name, paused, "the bench measures intake alone"),
		)
	})
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	n, err := node.New(ctx, options, st, telemetry.NewMetrics("bench"))
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	if err := n.Start(ctx); err != nil {
		return nil, errors.Join(err, n.Stop(ctx), st.Close())
	}
	server := httptest.NewServer(n.Handler(http.NotFoundHandler()))
	return &workplace{hooks: server.URL + "/hooks/" + source, close: func() {
		server.Close()
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		if err := errors.Join(n.Stop(stopping), st.Close()); err != nil {
			options.Log.Warn("the bench did not stop in order", "error", err)
		}
	}}, nil
}

// cpuTime is the processor time that this process has used.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func each(total time.Duration, n int) string {
	return (total / time.Duration(max(n, 1))).Round(time.Microsecond).String()
}

// watchMemory samples the heap in use until it is asked: the peak over all, and over the first half.
func watchMemory(ctx context.Context, firstHalf func() bool) func() (peak, half float64) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	var peak, half uint64
	go func() {
		defer close(done)
		var stats runtime.MemStats
		for ctx.Err() == nil {
			runtime.ReadMemStats(&stats)
			peak = max(peak, stats.HeapInuse)
			if firstHalf() {
				half = max(half, stats.HeapInuse)
			}
			wait(ctx, 20*time.Millisecond)
		}
	}()
	return func() (float64, float64) {
		cancel()
		<-done
		return float64(peak>>10) / 1024, float64(half>>10) / 1024
	}
}
