package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/pgtest"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

// set writes one row, as a function for Write.
func set(key, value string) func(ctx context.Context, tx store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO meta (key, value) VALUES ($1, $2)`, key, value)
		return err
	}
}

// keys counts the rows that set has written.
func keys(t testing.TB, s *store.Store) (n int) {
	t.Helper()
	err := s.Read(context.Background(), func(ctx context.Context, tx store.Tx) error {
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM meta WHERE key LIKE 'test%'`).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Many write at once, some of them fail in every way there is. Each gets its own answer, and exactly what was answered
// with success is there.
func TestWriteThatFailsUndoesItselfAlone(t *testing.T) {
	no := errors.New("no")
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		var stored atomic.Int64
		var wg sync.WaitGroup
		for i := range 400 {
			wg.Go(func() {
				key := fmt.Sprintf("test%d", i)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				err := s.Write(ctx, func(ctx context.Context, tx store.Tx) error {
					if err := set(key, "")(ctx, tx); err != nil {
						return err
					}
					switch i % 8 {
					case 0:
						return no
					case 1:
						panic("a bug")
					case 2: // a statement fails and the error is returned
						return set(key, "")(ctx, tx)
					case 3: // or is not
						_ = set(key, "")(ctx, tx)
						return nil
					case 4:
						cancel()
						_, err := tx.Exec(ctx, `UPDATE meta SET value = 'x' WHERE key = $1`, key)
						return err
					}
					return nil
				})
				var bug *store.PanicError
				switch want := i % 8; {
				case want == 0 && !errors.Is(err, no), want == 1 && !errors.As(err, &bug), want == 2 && err == nil, want == 3 && err == nil,
					want == 4 && !errors.Is(err, context.Canceled), want > 4 && err != nil:
					t.Errorf("kind %d: %v", want, err)
				case want > 4:
					stored.Add(1)
				}
			})
		}
		wg.Wait()
		if n := keys(t, s); int64(n) != stored.Load() || n != 150 {
			t.Errorf("%d rows, %d said to be stored, want 150", n, stored.Load())
		}
	})
}

func TestWaitingWriteEndsWithItsContext(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		ran := false
		err := s.Write(ctx, func(context.Context, store.Tx) error { ran = true; return nil })
		if !errors.Is(err, context.Canceled) || ran {
			t.Errorf("%v, ran %v", err, ran)
		}
	})
}

func TestReadSeesOneMomentAndCannotWrite(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		write(t, s, set("test1", ""))
		err := s.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
			var before, after int
			if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM meta WHERE key LIKE 'test%'`).Scan(&before); err != nil {
				return err
			}
			if err := s.Write(context.Background(), set("test2", "")); err != nil {
				return err
			}
			if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM meta WHERE key LIKE 'test%'`).Scan(&after); err != nil {
				return err
			}
			if before != 1 || after != 1 {
				t.Errorf("%d rows, then %d", before, after)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if err := s.Read(t.Context(), set("test3", "")); err == nil {
			t.Error("a read writes")
		}
		if n := keys(t, s); n != 2 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestAtCommitRunsOnceAndFailsAll(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		var after atomic.Int64
		for range 20 {
			write(t, s, func(ctx context.Context, tx store.Tx) error {
				for range 3 { // one key, one run: a second would break the unique key
					store.AtCommit(tx, "once", func(ctx context.Context, tx store.Tx) error {
						_, err := tx.Exec(ctx, `INSERT INTO meta (key, value) SELECT 'test' || COUNT(*), '' FROM meta WHERE key LIKE 'test%'`)
						return err
					})
				}
				store.AfterCommit(tx, func() { after.Add(1) })
				return nil
			})
		}
		if n := keys(t, s); n != 20 || after.Load() != 20 {
			t.Errorf("%d rows, %d times after", n, after.Load())
		}
		no := errors.New("no")
		err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			store.AtCommit(tx, "fails", func(context.Context, store.Tx) error { return no })
			store.AfterCommit(tx, func() { after.Add(1) })
			return set("test-x", "")(ctx, tx)
		})
		if !errors.Is(err, no) || keys(t, s) != 20 || after.Load() != 20 {
			t.Errorf("%v, %d rows, %d times after", err, keys(t, s), after.Load())
		}
	})
}

func TestCloseFinishesWhatIsQueuedAndRefusesMore(t *testing.T) {
	for name, o := range map[string]store.Options{"sqlite": {Dir: t.TempDir()}, "postgres": {URL: pgtest.URL(t)}} {
		t.Run(name, func(t *testing.T) { testClose(t, o) })
	}
}

func testClose(t *testing.T, o store.Options) {
	db, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var stored atomic.Int64
	var wg sync.WaitGroup
	begun := make(chan struct{}, 200)
	for i := range 200 {
		wg.Go(func() {
			begun <- struct{}{}
			switch err := db.Write(context.Background(), set(fmt.Sprintf("test%d", i), "")); {
			case err == nil:
				stored.Add(1)
			case !errors.Is(err, store.ErrClosed):
				t.Error(err)
			}
		})
	}
	<-begun
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if err := db.Write(t.Context(), set("late", "")); !errors.Is(err, store.ErrClosed) {
		t.Errorf("a write after the close: %v", err)
	}
	if err := db.Read(t.Context(), func(context.Context, store.Tx) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("a read after the close: %v", err)
	}
	if n := keys(t, storetest.Open(t, o)); int64(n) != stored.Load() {
		t.Errorf("%d rows, %d said to be stored", n, stored.Load())
	}
}

// A full disk fails every write of the batch that met it, and none later.
func TestFullDiskFailsTheBatchAndNothingElse(t *testing.T) {
	s := storetest.Open(t, store.Options{Dir: t.TempDir()})
	write(t, s, set("test1", ""))
	full := func(ctx context.Context, tx store.Tx) error {
		var pages int
		if err := tx.QueryRow(ctx, `PRAGMA page_count`).Scan(&pages); err != nil {
			return err
		}
		var limit int
		if err := tx.QueryRow(ctx, fmt.Sprintf(`PRAGMA max_page_count = %d`, pages)).Scan(&limit); err != nil {
			return err
		}
		return set("test2", strings.Repeat("x", 1<<20))(ctx, tx)
	}
	if err := s.Write(t.Context(), full); err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("stored on a full disk: %v", err)
	}
	write(t, s, set("test3", "")) // on a new connection, which has room again
	if n := keys(t, s); n != 2 {
		t.Errorf("%d rows", n)
	}
}

func TestNothingOfABodyCanBeReadInTheFile(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, store.Options{Dir: dir})
	const private = "erika.mustermann@example.org"
	o := withBody(t, s, private, order("1", start))
	o.Hash = "h"
	observe(t, s, o)
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return s.SaveConnection(ctx, tx, store.Connection{Name: "shop", System: "shop", Settings: map[string]string{"token": private}}, start)
	})
	if got, err := s.LeaseSecret(t.Context(), "shop", "token", "me", start, start.Add(settle)); !got || err != nil {
		t.Fatal(got, err)
	}
	if err := s.SaveSecret(t.Context(), "shop", "token", "me", []byte(private), start); err != nil {
		t.Fatal(err)
	}
	if value, err := s.LoadSecret(t.Context(), "shop", "token"); string(value) != private || err != nil {
		t.Errorf("the secret is %q, %v", value, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "orderly.db*"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), private) {
			t.Errorf("%s can be read in %s", private, filepath.Base(file))
		}
	}
}

func TestLeaseOfASecretIsHadByOne(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		lease := func(owner string, after int) bool {
			now := start.Add(time.Duration(after) * time.Second)
			got, err := s.LeaseSecret(t.Context(), "shop", "token", owner, now, now.Add(settle))
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		if !lease("a", 0) || lease("b", 59) {
			t.Error("two have the lease")
		}
		if !lease("b", 60) {
			t.Error("nobody gets a lease that has ended")
		}
		if err := s.SaveSecret(t.Context(), "shop", "token", "a", []byte("old"), start); err == nil {
			t.Error("one that lost its lease replaces the secret")
		}
		if err := s.SaveSecret(t.Context(), "shop", "token", "b", []byte("new"), start); err != nil {
			t.Error(err)
		}
		if !lease("a", 61) {
			t.Error("a lease that was given back is not free")
		}
		if err := s.SaveSecret(t.Context(), "shop", "token", "a", nil, start); err != nil {
			t.Error(err)
		}
		if value, err := s.LoadSecret(t.Context(), "shop", "token"); string(value) != "new" || err != nil {
			t.Errorf("giving up the lease changed the secret to %q, %v", value, err)
		}
	})
}

func TestAnotherKeyIsNoticed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		box := storetest.Box(t)
		for range 2 {
			if err := s.VerifyKey(t.Context(), box); err != nil {
				t.Error(err)
			}
		}
		if err := s.VerifyKey(t.Context(), storetest.Box(t)); err == nil {
			t.Error("another key is accepted")
		}
	})
}

func TestTheDatabaseIsItsOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	storetest.Open(t, store.Options{Dir: dir})
	info, err := os.Stat(filepath.Join(dir, "orderly.db"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the database file has the mode %o, want 600", info.Mode().Perm())
	}
}
