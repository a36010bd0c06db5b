// Package node is one running Orderly: it opens the connections and flows that the store holds, runs
// their lanes, polls and checks, and serves webhooks, health and metrics. Several nodes may run on one
// PostgreSQL database.
//
// It puts the parts together and decides nothing that one of them could.
package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/httpx"
	"github.com/orderlyhq/orderly/internal/intake"
	"github.com/orderlyhq/orderly/internal/notice"
	"github.com/orderlyhq/orderly/internal/secret"
	"github.com/orderlyhq/orderly/internal/store"
)

// Options say where a node's data is and what it knows.
type Options struct {
	// DataDir is the folder of the SQLite database and of the key.
	DataDir string
	// Database is the address of a PostgreSQL database; "" is SQLite in DataDir.
	Database string
	// Existing refuses to make a database or a key where there is none.
	Existing bool
	// PublicURL is where vendors reach this Orderly; "" takes no subscriptions at vendors.
	PublicURL   string
	Definitions []connector.Definition
	Version     string
	Log         *slog.Logger
	Now         func() time.Time
	Getenv      func(string) string
}

func (o *Options) complete() {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
}

// Meter hears what happens, for numbers.
type Meter interface {
	intake.Meter
	flow.Meter
	notice.Meter
	Request(o httpx.Observation)
	Breaker(connection, state string)
	Polled(connection string, err error)
}

// newName gives a name that nothing else has.
func newName() string { return rand.Text()[:12] }

// NoDatabaseError says that there is no database where one must be.
type NoDatabaseError struct{ Where string }

func (e *NoDatabaseError) Error() string { return "there is no Orderly database in " + e.Where }

// find says whether the data can be opened as it is, before anything is made. The secrets of a database cannot be read
// with a new key, so that none is made for one that exists.
func (o *Options) find(ctx context.Context) error {
	there, err := store.Exists(ctx, store.Options{Dir: o.DataDir, URL: o.Database})
	if err != nil {
		return err
	}
	if !there {
		if o.Existing {
			return &NoDatabaseError{Where: o.where()}
		}
		return nil
	}
	has, err := secret.HasKey(o.DataDir, o.Getenv)
	if err == nil && !has {
		err = fmt.Errorf("the key %s is missing, and nothing else opens the secrets in the database: bring the file back from a backup or from another node, or give the key by %s or %s",
			filepath.Join(o.DataDir, secret.KeyFile), secret.EnvKey, secret.EnvKeyFile)
	}
	return err
}

// where names the database for people; an address may hold a password.
func (o *Options) where() string {
	if o.Database != "" {
		return "the PostgreSQL database"
	}
	return o.DataDir
}

// OpenStore opens the database and the key that its secrets are sealed with. The database remembers
// which key that is, and another one is refused.
func OpenStore(ctx context.Context, o Options) (*store.Store, error) {
	o.complete()
	if err := o.find(ctx); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	box, err := secret.OpenBox(o.DataDir, o.Getenv)
	if err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, store.Options{Dir: o.DataDir, URL: o.Database, Log: o.Log})
	if err != nil {
		return nil, err
	}
	st := store.New(db, box)
	if err := st.VerifyKey(ctx, box); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return st, nil
}

// Node is a running Orderly.
type Node struct {
	options Options
	store   *store.Store
	meter   Meter
	name    string
	release func() error // of the lock on a SQLite database

	intake   *intake.Intake
	runner   *flow.Runner
	notices  *notice.Notices
	engine   *engine
	registry atomic.Pointer[registry]
	reload   sync.Mutex
	started  atomic.Bool
	breakers sync.Mutex // one note of a breaker at a time
}

// New makes a node over an open store and opens what the store holds. It calls no vendor and runs
// nothing yet. On SQLite it is the only node there may be.
func New(ctx context.Context, o Options, st *store.Store, meter Meter) (*Node, error) {
	o.complete()
	release, err := st.Lock(ctx)
	if err != nil {
		return nil, err
	}
	n := &Node{options: o, store: st, meter: meter, name: newName(), release: release}
	n.registry.Store(newRegistry(map[string]*Connection{}, map[string]error{}))
	n.runner = flow.NewRunner(st, n, meter, o.Log, o.Now)
	n.notices = newNotices(o, st, meter)
	if n.engine, err = newEngine(n); err != nil {
		return nil, errors.Join(err, release())
	}
	n.intake = intake.New(st, n, n.engine, meter, o.Log, o.Now)
	if err := n.Reload(ctx); err != nil {
		return nil, errors.Join(err, release())
	}
	return n, nil
}

// Source implements intake.Sources.
func (n *Node) Source(name string) (*intake.Source, bool) { return n.registry.Load().Source(name) }

// Flow implements flow.Registry.
func (n *Node) Flow(name string) (*flow.Flow, bool) { return n.registry.Load().Flow(name) }

// Destination implements flow.Registry.
func (n *Node) Destination(name string) (*flow.Destination, bool) {
	return n.registry.Load().Destination(name)
}

// Connection gives an open connection, or why it is not open.
func (n *Node) Connection(name string) (*Connection, error) {
	return n.registry.Load().connection(name)
}

// Intake gives what observes records: for requests by hand.
func (n *Node) Intake() *intake.Intake { return n.intake }

// Store gives the node's store.
func (n *Node) Store() *store.Store { return n.store }

// Sources gives the names of the open connections that a flow takes records from.
func (n *Node) Sources() []string { return sortedNames(n.registry.Load().sources) }

// WakeLanes wakes lanes in the transaction that gives them work.
func (n *Node) WakeLanes(ctx context.Context, tx store.Tx, lanes ...store.LaneRef) error {
	return n.engine.WakeLanes(ctx, tx, lanes...)
}

// Problems are the connections and flows that are not open, with the reason.
func (n *Node) Problems() map[string]error { return n.registry.Load().failed }

// Reload opens what the store holds now, in place of what was open before. What is under way goes
// on with the old connections and ends before they are closed.
func (n *Node) Reload(ctx context.Context) error {
	n.reload.Lock()
	defer n.reload.Unlock()
	before := n.registry.Load()
	r, _, err := openRegistry(ctx, &n.options, n.store, breakerNotes{Meter: n.meter, node: n}, n.name, before.connections, n.setLanes)
	if err != nil {
		return err
	}
	for _, name := range sortedNames(r.failed) {
		n.options.Log.ErrorContext(ctx, "not open; what it has to do waits", "name", name, "error", r.failed[name])
	}
	n.registry.Store(r)
	n.engine.reschedule(r)
	n.retire(before, r)
	// What is observed from here on goes to the new lanes, so nothing is left in the old ones.
	for _, name := range sortedNames(r.connections) {
		if err := n.store.MoveLanes(ctx, name); err != nil {
			return err
		}
	}
	if n.started.Load() {
		return n.engine.checkChanged(ctx, before)
	}
	return nil
}

// setLanes gives each connection as many lanes as its budget allows requests at once. What waits is moved to them later.
func (n *Node) setLanes(ctx context.Context, r *registry) error {
	return n.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		for _, name := range sortedNames(r.connections) {
			if err := n.store.SetLanes(ctx, tx, name, r.connections[name].Settings.Concurrency); err != nil {
				return err
			}
		}
		return nil
	})
}

// retire closes the connections that are not open any more, when what uses them has had time to end.
func (n *Node) retire(before, now *registry) {
	var gone []*Connection
	for _, name := range sortedNames(before.connections) {
		old := before.connections[name]
		if next := now.connections[name]; next == nil || next.Gate != old.Gate {
			gone = append(gone, old)
		}
	}
	if len(gone) == 0 {
		return
	}
	n.engine.after(retireTime, func(ctx context.Context) {
		for _, c := range gone {
			c.close(ctx, n.options.Log)
		}
	})
}

// retireTime is more than a lane's slice of time and a call in it.
const retireTime = 30 * time.Second

// Start runs the node until Stop.
func (n *Node) Start(ctx context.Context) error {
	n.started.Store(true)
	return n.engine.start(ctx)
}

// Stop lets what is under way end, closes the connections and gives the database free. It does not
// close the store.
func (n *Node) Stop(ctx context.Context) error {
	err := n.engine.stop(ctx)
	r := n.registry.Load()
	for _, name := range sortedNames(r.connections) {
		r.connections[name].close(ctx, n.options.Log)
	}
	n.notices.Close()
	return errors.Join(err, n.forgetBreakers(ctx), n.store.FlushSeen(ctx), n.release())
}
