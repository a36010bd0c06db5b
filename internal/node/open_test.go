package node_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/pgtest"
)

func TestTheDataIsOpenedOnlyAsItIs(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testTheDataIsOpenedOnlyAsItIs(t, "") })
	t.Run("postgres", func(t *testing.T) {
		testTheDataIsOpenedOnlyAsItIs(t, pgtest.Clone(t, "empty", func(context.Context, string) error { return nil }))
	})
}

func testTheDataIsOpenedOnlyAsItIs(t *testing.T, database string) {
	options := node.Options{
		DataDir: filepath.Join(t.TempDir(), "data"), Database: database, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Getenv: func(string) string { return "" },
	}
	existing := options
	existing.Existing = true
	open := func(o node.Options) error {
		st, err := node.OpenStore(t.Context(), o)
		if err != nil {
			return err
		}
		return st.Close()
	}
	if _, ok := errors.AsType[*node.NoDatabaseError](open(existing)); !ok {
		t.Error("what is not there was opened")
	}
	if _, err := os.Stat(options.DataDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("looking for data has made its folder: %v", err)
	}
	for _, o := range []node.Options{options, existing} {
		if err := open(o); err != nil {
			t.Fatal(err)
		}
	}
	key := filepath.Join(options.DataDir, "orderly.key")
	if err := os.Rename(key, key+".lost"); err != nil {
		t.Fatal(err)
	}
	if err := open(options); err == nil || !strings.Contains(err.Error(), key+" is missing") || !strings.Contains(err.Error(), "backup") {
		t.Errorf("without its key the database gives %v", err)
	}
	if _, err := os.Stat(key); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a new key was made: %v", err)
	}
	text, err := os.ReadFile(key + ".lost")
	if err != nil {
		t.Fatal(err)
	}
	options.Getenv = func(name string) string { return map[string]string{"ORDERLY_KEY": string(text)}[name] }
	if err := open(options); err != nil {
		t.Errorf("with the key from the environment: %v", err)
	}
}
