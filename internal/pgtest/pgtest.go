// Package pgtest gives tests a real PostgreSQL: a database of its own for each test, dropped when the test ends.
//
// The server is the one that ORDERLY_TEST_POSTGRES names (a URL of a user that may create databases; make test
// starts one cluster for the whole run), or else a throw-away cluster that the first test to ask for it starts.
// Where PostgreSQL is not installed the test is skipped, except in CI, where nothing may be left out.
//
// The package knows nothing of Orderly's tables; whoever wants them gives Clone the function that makes them.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// serverVariable names the server to use instead of a cluster of our own.
const serverVariable = "ORDERLY_TEST_POSTGRES"

// adminTimeout bounds the making or dropping of one database.
const adminTimeout = time.Minute

// shared is the server of this test process. It has to outlive single tests, so the process owns it through Main.
var shared server

type server struct {
	managed atomic.Bool // Main will stop what is started

	start sync.Once
	url   string
	err   error
	stop  func()

	mu        sync.Mutex
	templates map[string]*template
	databases atomic.Int64
}

type template struct {
	once sync.Once
	name string
	err  error
}

// Main runs the tests of a package and afterwards stops the cluster that they started, if any. A package whose
// tests use PostgreSQL calls it from its TestMain:
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
func Main(m *testing.M) {
	os.Exit(Run(m)) //nolint:forbidigo // a TestMain ends its program
}

// Run is Main for a package that has more to do when its tests are over: it gives the exit code.
func Run(m *testing.M) int {
	shared.managed.Store(true)
	defer shared.close()
	return m.Run()
}

// URL makes an empty database for the test and returns its address. The database is dropped when the test ends.
func URL(t testing.TB) string {
	t.Helper()
	return shared.database(t, "")
}

// Clone is URL for a database that starts with the content that prepare makes. Prepare runs once for each name in a
// test process, on a database that then is the template of the others, which is much faster than running it each time.
// It must close every connection that it opens.
func Clone(t testing.TB, name string, prepare func(ctx context.Context, url string) error) string {
	t.Helper()
	shared.require(t)
	tmpl := shared.template(name)
	tmpl.once.Do(func() {
		tmpl.name, tmpl.err = shared.create("")
		if tmpl.err == nil {
			ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
			defer cancel()
			tmpl.err = prepare(ctx, shared.address(tmpl.name))
		}
	})
	if tmpl.err != nil {
		t.Fatalf("preparing the template database %q: %v", name, tmpl.err)
	}
	return shared.database(t, tmpl.name)
}

// database makes a database for the test from a template and drops it when the test ends.
func (s *server) database(t testing.TB, template string) string {
	t.Helper()
	s.require(t)
	name, err := s.create(template)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.drop(name); err != nil {
			t.Error(err)
		}
	})
	return s.address(name)
}

// require makes sure that a server runs, or skips or fails the test.
func (s *server) require(t testing.TB) {
	t.Helper()
	if !s.managed.Load() {
		t.Fatal("a package whose tests use PostgreSQL needs: func TestMain(m *testing.M) { pgtest.Main(m) }")
	}
	s.start.Do(func() {
		if s.url = os.Getenv(serverVariable); s.url != "" {
			return
		}
		s.url, s.stop, s.err = startCluster()
	})
	switch {
	case s.err == nil:
	case errors.Is(s.err, errNotInstalled) && os.Getenv("CI") == "":
		t.Skipf("%v; set %s to the address of a server, or install one (Debian: apt-get install postgresql)", s.err, serverVariable)
	default:
		t.Fatal(s.err)
	}
}

func (s *server) template(name string) *template {
	s.mu.Lock()
	defer s.mu.Unlock()
	tmpl := s.templates[name]
	if tmpl == nil {
		tmpl = &template{}
		if s.templates == nil {
			s.templates = make(map[string]*template)
		}
		s.templates[name] = tmpl
	}
	return tmpl
}

// create makes a database with a name that no other test process uses.
func (s *server) create(template string) (string, error) {
	name := fmt.Sprintf("orderly_test_%d_%d_%s", os.Getpid(), s.databases.Add(1), strings.ToLower(rand.Text()[:8]))
	sql := "CREATE DATABASE " + name
	if template != "" {
		sql += " TEMPLATE " + template
	}
	return name, s.admin(sql)
}

func (s *server) drop(name string) error {
	return s.admin("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)")
}

func (s *server) admin(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url)
	if err != nil {
		return fmt.Errorf("connecting to the PostgreSQL of the tests: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// address is the server's address with another database.
func (s *server) address(database string) string {
	u, err := url.Parse(s.url)
	if err != nil {
		// The address has served to make the database, so it is a URL.
		panic(fmt.Sprintf("%s is not a URL: %v", serverVariable, err))
	}
	u.Path = "/" + database
	return u.String()
}

func (s *server) close() {
	for name, tmpl := range s.templates {
		if tmpl.name == "" {
			continue
		}
		if err := s.drop(tmpl.name); err != nil {
			fmt.Fprintf(os.Stderr, "dropping the template database %q: %v\n", name, err)
		}
	}
	if s.stop != nil {
		s.stop()
	}
}
