package people_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/pgtest"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var (
	start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	// quick makes hashing cheap: what is tested is what is done with hashes.
	quick = people.Hashing{Memory: 16, Passes: 1, Threads: 1}
	// root is who uses the command line.
	root = people.Person{Name: "root", Role: people.Admin}
	home = people.From{Address: "192.0.2.1", Agent: "a browser"}
)

const (
	goodPassword  = "seven blue kettles"
	otherPassword = "nine green ladders"
)

// world is an installation with a clock that only moves when told to.
type world struct {
	*people.Service
	t     *testing.T
	store *store.Store
	logs  *lockedBuffer

	mu  sync.Mutex
	now time.Time
}

// each runs a test on an empty installation on each database.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, st *store.Store) { test(t, newWorld(t, st)) })
}

func newWorld(t *testing.T, st *store.Store) *world {
	w := &world{t: t, store: st, now: start, logs: &lockedBuffer{}}
	w.Service = w.node(quick)
	return w
}

// node is another service on the same store.
func (w *world) node(h people.Hashing) *people.Service {
	return people.New(w.store, people.Options{Now: w.clock, Log: slog.New(slog.NewTextHandler(w.logs, nil)), Hashing: h})
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// add adds a user with goodPassword.
func (w *world) add(name string, role people.Role) people.User {
	w.t.Helper()
	u, err := w.Add(w.t.Context(), root, people.NewUser{Name: name, Role: role, Password: goodPassword}, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// signIn signs in with goodPassword.
func (w *world) signIn(name string) (token string, p people.Person) {
	w.t.Helper()
	token, p, err := w.SignIn(w.t.Context(), name, goodPassword, home)
	if err != nil {
		w.t.Fatal(err)
	}
	return token, p
}

// session opens a session that must be alive.
func (w *world) session(token string) (people.Person, people.SessionInfo) {
	w.t.Helper()
	p, s, err := w.Session(w.t.Context(), token)
	if err != nil {
		w.t.Fatal(err)
	}
	return p, s
}

// gone checks that a session does not open any more.
func (w *world) gone(token string) {
	w.t.Helper()
	if _, _, err := w.Session(w.t.Context(), token); !errors.Is(err, people.ErrSignIn) {
		w.t.Errorf("the session: %v", err)
	}
}

type entry struct{ who, action, subject, why, detail string }

// audit gives all that was noted, oldest first.
func (w *world) audit() []entry {
	w.t.Helper()
	var list []entry
	err := w.store.Read(w.t.Context(), func(ctx context.Context, tx store.Tx) error {
		list = list[:0]
		rows, err := tx.Query(ctx, `SELECT who, action, subject, why, detail FROM audit ORDER BY id`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e entry
			if err := rows.Scan(&e.who, &e.action, &e.subject, &e.why, &e.detail); err != nil {
				return err
			}
			list = append(list, e)
		}
		return rows.Err()
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// audited checks the last entry.
func (w *world) audited(who, action, subject, why string) {
	w.t.Helper()
	all := w.audit()
	if len(all) == 0 {
		w.t.Fatal("the audit is empty")
	}
	last := all[len(all)-1]
	last.detail = ""
	if want := (entry{who: who, action: action, subject: subject, why: why}); last != want {
		w.t.Errorf("audit has %+v, want %+v", last, want)
	}
}

// refused checks that a value was refused, and which.
func refused(t *testing.T, err error, field string) {
	t.Helper()
	e, ok := errors.AsType[*people.InputError](err)
	if !ok || e.Field != field {
		t.Errorf("the error is %v, want one about %s", err, field)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) has(text string) bool { return l.count(text) > 0 }

func (l *lockedBuffer) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// emptyStore is an empty store for what does not depend on the database.
func emptyStore(t *testing.T) *store.Store {
	t.Helper()
	return storetest.Open(t, store.Options{Dir: t.TempDir()})
}
