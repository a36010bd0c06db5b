// Package demo shows Orderly at work with no account anywhere: pretend shops and ERPs, Orderly between
// them in a temporary folder, and orders on their way. Agree compares both sides by their ground truth,
// for the demo and for the tests of the whole program.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/config"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/sandbox"
	"github.com/orderlyhq/orderly/internal/secret"
	"github.com/orderlyhq/orderly/internal/server"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/telemetry"
)

// Options say what is shown.
type Options struct {
	// Orders is how many orders are made before the end; 0 makes one after the other until the context
	// ends.
	Orders      int
	Database    string // an empty PostgreSQL database; "" is SQLite in a temporary folder
	Definitions []connector.Definition
	Version     string
	Log         *slog.Logger
	Out         io.Writer
	// Progress, if not nil, hears how many of Orders are settled.
	Progress func(settled int)
}

// Row is what a flow has brought about.
type Row struct {
	Flow string `json:"flow"`
	Agreement
	Via map[store.Via]int64 `json:"via"` // how the orders came to be known
}

// flows of the demo.
var pairs = []struct{ from, to string }{{"shopify", "odoo"}, {"woocommerce", "sapb1"}}

// schedule is how often the demo polls: often enough to watch.
const schedule = "2s"

// world is a running demo.
type world struct {
	options Options
	dir     string
	sandbox *sandbox.Sandbox
	store   *store.Store
	node    *node.Node
	address string // of Orderly
	vendors string // of the sandbox
	signIn  string // address that signs a person in, once
	metrics *telemetry.Metrics
	ends    []func() error
}

// start puts everything together; stop must follow.
func start(ctx context.Context, o Options) (w *world, err error) {
	w = &world{options: o, metrics: telemetry.NewMetrics(o.Version)}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.stop())
		}
	}()
	if w.dir, err = os.MkdirTemp("", "orderly-demo-"); err != nil {
		return w, err
	}
	w.ends = append(w.ends, func() error { return os.RemoveAll(w.dir) })
	if err := w.startSandbox(ctx); err != nil {
		return w, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return w, err
	}
	w.address = "http://" + listener.Addr().String()
	if err := w.startNode(ctx); err != nil {
		return w, errors.Join(err, listener.Close())
	}
	if err := w.startServer(ctx, listener); err != nil {
		return w, errors.Join(err, listener.Close())
	}
	return w, nil
}

// startServer lets people and vendors in. The one user is an administrator who signs in by a link.
func (w *world) startServer(ctx context.Context, listener net.Listener) error {
	w.metrics.WatchTasks(w.store, time.Now)
	front, err := server.New(server.Options{
		Store: w.store, Node: w.node, Metrics: w.metrics.Handler(), Definitions: w.options.Definitions, Version: w.options.Version, Log: w.options.Log,
		LinksAtOnce: true,
	})
	if err != nil {
		return err
	}
	if err := front.Start(ctx); err != nil {
		return err
	}
	host := people.Person{Name: "demo"}
	user, err := front.People().Add(ctx, host, people.NewUser{Name: "demo", Role: people.Admin}, "the demo's own user")
	if err != nil {
		return err
	}
	secret, err := front.People().MakeLink(ctx, host, user.ID, linkTime, "printed when the demo starts")
	if err != nil {
		return err
	}
	w.signIn = w.address + people.LinkPath(secret) + "&at=once"
	w.serve(listener, front)
	w.ends = append(w.ends, func() error { front.Stop(); return nil })
	return nil
}

// linkTime is how long the demo's sign-in link is good for.
const linkTime = 24 * time.Hour

// serve answers requests until the demo stops.
func (w *world) serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	w.ends = append(w.ends, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err := server.Shutdown(ctx)
		if failure := <-ended; !errors.Is(failure, http.ErrServerClosed) {
			err = errors.Join(err, failure)
		}
		return err
	})
}

func (w *world) startSandbox(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.vendors = "http://" + listener.Addr().String()
	var systems []string
	for _, p := range pairs {
		systems = append(systems, p.from, p.to)
	}
	if w.sandbox, err = sandbox.New(sandbox.Options{BaseURL: w.vendors, Systems: systems, Seed: 1, LongestWait: time.Second}); err != nil {
		return errors.Join(err, listener.Close())
	}
	w.ends = append(w.ends, func() error { w.sandbox.Close(); return nil })
	w.serve(listener, w.sandbox)
	return nil
}

func (w *world) startNode(ctx context.Context) error {
	file, err := w.writeConfig()
	if err != nil {
		return err
	}
	options := node.Options{
		DataDir: filepath.Join(w.dir, "data"), Database: w.options.Database, PublicURL: w.address,
		Definitions: w.options.Definitions, Version: w.options.Version, Log: w.options.Log,
	}
	if w.store, err = node.OpenStore(ctx, options); err != nil {
		return err
	}
	w.ends = append(w.ends, w.store.Close)
	want, err := file.Resolve(secret.NewResolver(w.dir))
	if err != nil {
		return err
	}
	if _, err := config.Ensure(ctx, w.store, w.options.Definitions, want, "demo", time.Now()); err != nil {
		return err
	}
	if w.node, err = node.New(ctx, options, w.store, w.metrics); err != nil {
		return err
	}
	w.ends = append(w.ends, func() error {
		stopping, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		return w.node.Stop(stopping)
	})
	if problems := w.node.Problems(); len(problems) > 0 {
		name := slices.Sorted(maps.Keys(problems))[0]
		return fmt.Errorf("%s: %w", name, problems[name])
	}
	return w.node.Start(context.WithoutCancel(ctx))
}

// writeConfig writes the orderly.yaml of the demo, with its secrets in files beside it, as a user
// would.
func (w *world) writeConfig() (*config.File, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "public_url: %s\nconnections:\n", w.address)
	for _, p := range pairs {
		for _, system := range []string{p.from, p.to} {
			if err := w.writeConnection(&text, system); err != nil {
				return nil, err
			}
		}
	}
	text.WriteString("flows:\n")
	for _, p := range pairs {
		fmt.Fprintf(&text, `  %[1]s-to-%[2]s:
    from: %[1]s
    to: %[2]s
    triggers: {webhook: true, schedule: %[3]s}
    mapping: {shipping: {"*": SHIPPING}, charges: {"*": FEE}, discount_item: DISCOUNT, rounding_item: ROUNDING, gift_card_item: GIFTCARD}
`, p.from, p.to, schedule)
	}
	path := filepath.Join(w.dir, "orderly.yaml")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		return nil, err
	}
	return config.Parse(path, []byte(text.String()), w.options.Definitions)
}

func (w *world) writeConnection(text *strings.Builder, system string) error {
	settings, err := w.sandbox.Settings(system)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(w.options.Definitions, func(d connector.Definition) bool { return d.Name == system })
	if i < 0 {
		return fmt.Errorf("there is no connector for %s", system)
	}
	secrets := map[string]bool{}
	for _, s := range w.options.Definitions[i].New().Settings() {
		secrets[s.Name] = s.Secret
	}
	fmt.Fprintf(text, "  %s:\n    system: %s\n    settle_time: 2s\n", system, system)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		value := settings[name]
		if secrets[name] {
			file := system + "." + name
			if err := os.WriteFile(filepath.Join(w.dir, file), []byte(value), 0o600); err != nil {
				return err
			}
			value = "${file:" + file + "}"
		}
		fmt.Fprintf(text, "    %s: %q\n", name, value)
	}
	return nil
}

// stop ends everything in the opposite order.
func (w *world) stop() error {
	var err error
	for _, end := range slices.Backward(w.ends) {
		err = errors.Join(err, end())
	}
	w.ends = nil
	return err
}

// subscribed waits until Orderly has its webhooks, so that none is made in vain.
func (w *world) subscribed(ctx context.Context) error {
	for _, p := range pairs {
		c, err := w.node.Connection(p.from)
		if err != nil {
			return err
		}
		for {
			list, err := c.Conn.Registrar.Webhooks(ctx, w.address+"/hooks/"+p.from)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(list, func(s connector.Subscription) bool { return s.State != connector.SubscriptionActive }) {
				break
			}
			if !pause(ctx, 20*time.Millisecond) {
				return ctx.Err()
			}
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Of a hundred orders, so many reach Orderly by the schedule alone, and so many because somebody asks
// for them.
const (
	byScheduleOf100 = 25
	byHandOf100     = 5
)

// make makes n orders in a shop, some of which send no webhook that arrives, and asks for some by hand.
func (w *world) make(ctx context.Context, shop string, n, unknown int) error {
	scheduled, manual := (n*byScheduleOf100+99)/100, n*byHandOf100/100
	if _, err := w.makeOrders(shop, n-scheduled-manual, unknown); err != nil {
		return err
	}
	if err := w.sandbox.SetFaults(shop, sandbox.Fault{Kind: sandbox.WebhookLost}); err != nil {
		return err
	}
	asked, err := w.makeOrders(shop, manual, 0)
	if err != nil {
		return err
	}
	for _, o := range asked {
		ref := connector.Ref{Kind: commerce.KindOrder, ID: o.Source.ExternalID}
		if err := w.node.Intake().SyncRecord(ctx, shop, ref, nil); err != nil {
			return err
		}
	}
	if _, err := w.makeOrders(shop, scheduled, 0); err != nil {
		return err
	}
	return w.sandbox.SetFaults(shop)
}

func (w *world) makeOrders(shop string, n, unknown int) ([]sandbox.Order, error) {
	if n < 1 {
		return nil, nil
	}
	return w.sandbox.Make(shop, sandbox.MakeOptions{N: n, Unknown: unknown})
}

// rows compares both sides of every flow.
func (w *world) rows(ctx context.Context) ([]Row, error) {
	var rows []Row
	for _, p := range pairs {
		flow := p.from + "-to-" + p.to
		orders, err := w.sandbox.Orders(p.from)
		if err != nil {
			return nil, err
		}
		documents, err := w.sandbox.Documents(p.to)
		if err != nil {
			return nil, err
		}
		held, err := w.held(ctx, flow, orders)
		if err != nil {
			return nil, err
		}
		via, err := w.store.CountRecords(ctx, p.from, string(commerce.KindOrder))
		if err != nil {
			return nil, err
		}
		rows = append(rows, Row{Flow: flow, Agreement: Agree(p.from, orders, documents, held), Via: via})
	}
	return rows, nil
}

// held gives what Orderly holds or has failed, and those of the orders that it held until a person decided, by the
// order's id.
func (w *world) held(ctx context.Context, flow string, orders []sandbox.Order) (map[string]string, error) {
	tasks, err := w.store.Tasks(ctx, store.TaskFilter{Flow: flow, States: []store.TaskState{store.TaskHeld, store.TaskFailed}, Limit: 10_000})
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, t := range tasks {
		out[t.SourceID] = t.Reason
	}
	for _, o := range orders {
		id := o.Source.ExternalID
		if _, now := out[id]; now || o.MustHold == "" {
			continue
		}
		was, err := w.wasHeld(ctx, flow, id)
		if err != nil {
			return nil, err
		}
		if was {
			out[id] = o.MustHold
		}
	}
	return out, nil
}

// wasHeld says whether a delivery of an order has ended with a question to a person.
func (w *world) wasHeld(ctx context.Context, flowName, id string) (bool, error) {
	tasks, err := w.store.Tasks(ctx, store.TaskFilter{Flow: flowName, Kind: string(commerce.KindOrder), Search: id, Limit: 10})
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(tasks, func(t store.TaskRow) bool { return t.SourceID == id })
	if i < 0 {
		return false, nil
	}
	story, err := w.store.TaskStory(ctx, tasks[i].ID)
	return slices.ContainsFunc(story.Deliveries, func(d store.Delivery) bool { return d.Outcome == flow.OutcomeHeld }), err
}

// settled is how many records are where they will stay without anybody's doing.
func (w *world) settled(ctx context.Context) (settled, seen int64, err error) {
	counts, err := w.store.CountTasks(ctx, string(commerce.KindOrder))
	if err != nil {
		return 0, 0, err
	}
	for _, c := range counts {
		settled += c[store.TaskSynced] + c[store.TaskHeld] + c[store.TaskFailed] + c[store.TaskSkipped]
		seen += c.Total()
	}
	return settled, seen, nil
}
