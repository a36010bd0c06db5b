// Package storetest runs tests of whatever is above the store on both databases. It is for tests
// alone.
package storetest

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/orderlyhq/orderly/internal/pgtest"
	"github.com/orderlyhq/orderly/internal/secret"
	"github.com/orderlyhq/orderly/internal/store"
)

// Each runs a test on SQLite and on PostgreSQL, each with an empty store of its own. The package's
// TestMain must be pgtest.Main.
func Each(t *testing.T, test func(t *testing.T, st *store.Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, Open(t, store.Options{Dir: t.TempDir()})) })
	t.Run("postgres", func(t *testing.T) {
		url := pgtest.Clone(t, "store", func(ctx context.Context, url string) error {
			db, err := store.Open(ctx, store.Options{URL: url, Log: quiet()})
			if err != nil {
				return err
			}
			return db.Close()
		})
		test(t, Open(t, store.Options{URL: url}))
	})
}

// Open opens a store that is closed when the test ends.
func Open(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	o.Log = quiet()
	db, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return store.New(db, Box(t))
}

// Box is a box with a new key.
func Box(t testing.TB) *secret.Box {
	t.Helper()
	key, err := secret.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	box, err := secret.NewBox(key, "the test")
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
