package pgtest_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/orderlyhq/orderly/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	a, b := pgtest.URL(t), pgtest.URL(t)
	if a == b {
		t.Fatalf("both databases are %s", a)
	}
	if _, err := connect(t, a).Exec(t.Context(), "CREATE TABLE things (id INT)"); err != nil {
		t.Fatal(err)
	}
	var exists bool
	if err := connect(t, b).QueryRow(t.Context(), "SELECT to_regclass('things') IS NOT NULL").Scan(&exists); err != nil {
		t.Fatal(err)
	}
	if exists {
		t.Error("a table made in one database is in the other")
	}
}

func TestDatabaseIsDroppedAfterItsTest(t *testing.T) {
	var name string
	keeper := connect(t, pgtest.URL(t))
	t.Run("a test", func(t *testing.T) {
		conn := connect(t, pgtest.URL(t)) // still open when the database is dropped
		if err := conn.QueryRow(t.Context(), "SELECT current_database()").Scan(&name); err != nil {
			t.Fatal(err)
		}
	})
	var exists bool
	if err := keeper.QueryRow(t.Context(), "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil {
		t.Fatal(err)
	}
	if name == "" || exists {
		t.Errorf("database %q: still there %v", name, exists)
	}
}

func TestClonePreparesOnceAndCopies(t *testing.T) {
	prepared := 0
	prepare := func(ctx context.Context, url string) error {
		prepared++
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, "CREATE TABLE things (id INT)")
		return err
	}
	for range 3 {
		conn := connect(t, pgtest.Clone(t, "things", prepare))
		var n int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM things").Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n != 0 {
			t.Errorf("a new copy holds %d rows", n)
		}
		if _, err := conn.Exec(t.Context(), "INSERT INTO things VALUES (1)"); err != nil {
			t.Fatal(err)
		}
	}
	if prepared != 1 {
		t.Errorf("prepared %d times", prepared)
	}
}
