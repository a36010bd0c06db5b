package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// claimTime is how long the tests claim.
const claimTime = time.Minute

// claim asks for keys in the ERP.
func claim(t testing.TB, s *store.Store, owner string, now time.Time, keys ...string) store.Claim {
	t.Helper()
	c, err := s.TakeClaims(t.Context(), "erp", keys, owner, now, now.Add(claimTime))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// keep remembers a customer under keys in the ERP.
func keep(t testing.TB, s *store.Store, made store.Claim, keys ...string) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) error { return s.KeepClaims(ctx, tx, "erp", keys, made, start) })
}

// release gives keys in the ERP back.
func release(t testing.TB, s *store.Store, owner string, keys ...string) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) error { return s.ReleaseClaims(ctx, tx, "erp", keys, owner) })
}

// recall reads what was made under keys in the ERP.
func recall(t testing.TB, s *store.Store, keys ...string) store.Claim {
	t.Helper()
	c, err := s.ReadClaims(t.Context(), "erp", keys)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var (
	won     = store.Claim{Won: true}
	lost    = store.Claim{}
	partner = store.Claim{DocumentType: "res.partner", DocumentID: "7", Number: "C7"}
	other   = store.Claim{DocumentType: "res.partner", DocumentID: "8", Number: "C8"}
)

// In each case anna has taken the keys "email" and "tax", and something has happened since. Then bert asks.
func TestTheSecondToAskForAClaim(t *testing.T) {
	for _, c := range []struct {
		name  string
		since func(t *testing.T, s *store.Store)
		after time.Duration
		keys  []string
		want  store.Claim
	}{
		{"loses", nil, 0, []string{"email", "tax"}, lost},
		{"loses although one key alone is taken", nil, 0, []string{"aaa", "tax", "zzz"}, lost},
		{"loses until the last moment", nil, claimTime - time.Millisecond, []string{"email"}, lost},
		{"wins under other keys", nil, 0, []string{"phone"}, won},
		{"wins when the time is over", nil, claimTime, []string{"email", "tax"}, won},
		{"wins what was given back", func(t *testing.T, s *store.Store) {
			release(t, s, "anna", "tax", "email")
		}, 0, []string{"email", "tax"}, won},
		{"loses when a part was given back", func(t *testing.T, s *store.Store) {
			release(t, s, "anna", "email")
		}, 0, []string{"email", "tax"}, lost},
		{"loses although somebody else gave it back", func(t *testing.T, s *store.Store) {
			release(t, s, "bert", "email", "tax")
		}, 0, []string{"email", "tax"}, lost},
		{"loses when the first has asked for more time", func(t *testing.T, s *store.Store) {
			if got := claim(t, s, "anna", start.Add(claimTime/2), "email", "tax"); got != won {
				t.Errorf("asking again gives %+v", got)
			}
		}, claimTime, []string{"email", "tax"}, lost},
		{"is told what was made", func(t *testing.T, s *store.Store) {
			keep(t, s, partner, "email", "tax")
		}, 0, []string{"email", "tax"}, partner},
		{"is told what was made under one key", func(t *testing.T, s *store.Store) {
			keep(t, s, partner, "tax")
		}, 0, []string{"aaa", "tax", "zzz"}, partner},
		{"is told what was made however long ago", func(t *testing.T, s *store.Store) {
			keep(t, s, partner, "email", "tax")
		}, 1000 * claimTime, []string{"email"}, partner},
		{"is told what was made although it was given back later", func(t *testing.T, s *store.Store) {
			keep(t, s, partner, "email", "tax")
			release(t, s, "anna", "email", "tax")
		}, 0, []string{"email"}, partner},
		{"wins when what was made is gone", func(t *testing.T, s *store.Store) {
			keep(t, s, partner, "email", "tax")
			write(t, s, func(ctx context.Context, tx store.Tx) error {
				return s.ForgetClaims(ctx, tx, "erp", partner.DocumentID)
			})
		}, 0, []string{"email", "tax"}, won},
		{"is told what was made when something else is gone", func(t *testing.T, s *store.Store) {
			keep(t, s, partner, "email", "tax")
			write(t, s, func(ctx context.Context, tx store.Tx) error { return s.ForgetClaims(ctx, tx, "erp", other.DocumentID) })
		}, 0, []string{"email", "tax"}, partner},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *store.Store) {
				if got := claim(t, s, "anna", start, "email", "tax", "email"); got != won {
					t.Fatalf("the first to ask gets %+v", got)
				}
				if c.since != nil {
					c.since(t, s)
				}
				if got := claim(t, s, "bert", start.Add(c.after), c.keys...); got != c.want {
					t.Errorf("got %+v, want %+v", got, c.want)
				}
			})
		})
	}
}

// Who cannot have all gets none: the keys that were free are free still.
func TestALostClaimLeavesNothingBehind(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		claim(t, s, "anna", start, "m")
		if got := claim(t, s, "bert", start, "a", "m", "z"); got != lost {
			t.Fatalf("bert gets %+v", got)
		}
		for _, key := range []string{"a", "z"} {
			if got := claim(t, s, "carl", start, key); got != won {
				t.Errorf("carl gets %+v for %s", got, key)
			}
		}
	})
}

func TestClaimsOfDestinationsAreApart(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		claim(t, s, "anna", start, "email")
		keep(t, s, partner, "email")
		c, err := s.TakeClaims(t.Context(), "crm", []string{"email"}, "bert", start, start.Add(claimTime))
		if err != nil || c != won {
			t.Errorf("in another destination bert gets %+v, %v", c, err)
		}
		if c, err = s.ReadClaims(t.Context(), "crm", []string{"email"}); err != nil || c != lost {
			t.Errorf("another destination remembers %+v, %v", c, err)
		}
	})
}

func TestClaimsAreRememberedInTheOrderThatIsAsked(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		if got := recall(t, s, "email"); got != lost {
			t.Errorf("at first %+v is remembered", got)
		}
		claim(t, s, "anna", start, "claimed")
		keep(t, s, partner, "email", "email", "phone") // nobody has claimed them
		keep(t, s, other, "tax")
		for _, c := range []struct {
			keys []string
			want store.Claim
		}{
			{nil, lost},
			{[]string{"claimed"}, lost},
			{[]string{"claimed", "phone"}, partner},
			{[]string{"email", "tax"}, partner},
			{[]string{"tax", "email"}, other},
		} {
			if got := recall(t, s, c.keys...); got != c.want {
				t.Errorf("under %v %+v is remembered, want %+v", c.keys, got, c.want)
			}
		}
		keep(t, s, other, "email") // it was merged into another one
		if got := recall(t, s, "email"); got != other {
			t.Errorf("%+v is remembered after the change, want %+v", got, other)
		}
	})
}

func TestOneOfManyWinsAClaim(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		const owners = 16
		for round := range 5 {
			keys := []string{fmt.Sprint("a", round), fmt.Sprint("b", round), fmt.Sprint("c", round)}
			var mu sync.Mutex
			var winners []string
			var wg sync.WaitGroup
			for i := range owners {
				mine := slices.Clone(keys)
				if i%2 == 1 {
					slices.Reverse(mine) // two owners must not block each other
				}
				wg.Go(func() {
					owner := fmt.Sprint("owner", i)
					c, err := s.TakeClaims(t.Context(), "erp", mine, owner, start, start.Add(claimTime))
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					if c == won {
						winners = append(winners, owner)
					} else if c != lost {
						t.Errorf("%s gets %+v", owner, c)
					}
				})
			}
			wg.Wait()
			if len(winners) != 1 {
				t.Errorf("round %d: %v have won", round, winners)
			}
		}
	})
}

// Owners that claim, make and keep, or give back, make it once.
func TestManyOwnersMakeItOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		const owners = 8
		keys := []string{"email", "tax"}
		ctx, giveUp := context.WithCancel(t.Context())
		defer giveUp()
		var made, told atomic.Int32
		// try says whether the owner knows the customer now.
		try := func(owner string, fails bool) (bool, error) {
			c, err := s.TakeClaims(ctx, "erp", keys, owner, start, start.Add(claimTime))
			if err != nil || c == lost {
				return false, err
			}
			if c == partner {
				told.Add(1)
				return true, nil
			}
			return false, s.Write(ctx, func(ctx context.Context, tx store.Tx) error {
				if fails {
					return s.ReleaseClaims(ctx, tx, "erp", keys, owner)
				}
				made.Add(1)
				return s.KeepClaims(ctx, tx, "erp", keys, partner, start)
			})
		}
		var wg sync.WaitGroup
		for i := range owners {
			wg.Go(func() {
				for n := 0; ; n++ {
					known, err := try(fmt.Sprint("owner", i), n == 0)
					if err != nil {
						t.Error(err)
						giveUp() // the others would wait for its claim
					}
					if known || err != nil {
						return
					}
				}
			})
		}
		wg.Wait()
		if made.Load() != 1 || told.Load() != owners {
			t.Errorf("made %d times, and told to %d of %d", made.Load(), told.Load(), owners)
		}
	})
}

// What is made while another one asks is not made twice: who has looked and found nothing looks again when it claims.
func TestMadeWhileAnotherAsks(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		claim(t, s, "anna", start, "email")
		asked := make(chan store.Claim, 1)
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			if err := s.KeepClaims(ctx, tx, "erp", []string{"email"}, partner, start); err != nil {
				return err
			}
			go func() {
				c, err := s.TakeClaims(t.Context(), "erp", []string{"email"}, "bert", start, start.Add(claimTime))
				if err != nil {
					t.Error(err)
				}
				asked <- c
			}()
			return untilBlocked(ctx, s, tx)
		})
		if got := <-asked; got != lost && got != partner {
			t.Errorf("bert gets %+v", got)
		}
	})
}

// untilBlocked waits until another transaction waits for this one. On SQLite it must, as there is one at a time.
func untilBlocked(ctx context.Context, s *store.Store, tx store.Tx) error {
	for blocked := s.Dialect() == store.SQLite; !blocked; {
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))`).Scan(&blocked)
		if err != nil {
			return err
		}
	}
	return nil
}
