package people_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

func TestWrongPasswordAndUnknownNameLookTheSame(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("anna", people.Viewer)
		ben := w.add("ben", people.Viewer)
		if err := w.Disable(t.Context(), root, ben.ID, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Add(t.Context(), root, people.NewUser{Name: "cleo", Role: people.Viewer}, ""); err != nil {
			t.Fatal(err)
		}
		for what, c := range map[string][2]string{
			"wrong password": {"anna", otherPassword}, "unknown": {"nobody", goodPassword}, "disabled": {"ben", goodPassword}, "no password": {"cleo", goodPassword},
			"empty password": {"cleo", ""}, "nothing": {"", ""}, "endless": {"anna", strings.Repeat("x", 1<<20)}, "endless name": {strings.Repeat("x", 1<<20), goodPassword},
		} {
			token, p, err := w.SignIn(t.Context(), c[0], c[1], people.From{})
			if token != "" || p != (people.Person{}) || err != people.ErrWrong { //nolint:errorlint // exactly this one, whatever the reason
				t.Errorf("%s: %v", what, err)
			}
		}
		if w.logs.has("nobody") || w.logs.has(otherPassword) {
			t.Error("the log has what was typed")
		}
	})
}

func TestNameIsLockedAfterFiveFailures(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("anna", people.Viewer)
		from := func(i int) people.From { return people.From{Address: fmt.Sprintf("192.0.2.%d", i)} }
		for i := range 5 {
			if _, _, err := w.SignIn(t.Context(), "anna", otherPassword, from(i)); !errors.Is(err, people.ErrWrong) {
				t.Fatalf("try %d: %v", i, err)
			}
		}
		// The right password does not help now, nor another way to write the name, nor another node.
		other := w.node(quick)
		for _, sign := range []func() (string, people.Person, error){
			func() (string, people.Person, error) {
				return w.SignIn(t.Context(), "anna", goodPassword, from(9))
			},
			func() (string, people.Person, error) {
				return other.SignIn(t.Context(), " ANNA ", goodPassword, from(10))
			},
		} {
			_, _, err := sign()
			e, ok := errors.AsType[*people.ThrottleError](err)
			if !ok || e.RetryAfter != 15*time.Second {
				t.Fatalf("the error is %v", err)
			}
		}
		w.pass(15 * time.Second)
		if _, _, err := w.SignIn(t.Context(), "anna", otherPassword, from(11)); !errors.Is(err, people.ErrWrong) {
			t.Fatal(err)
		}
		w.pass(29 * time.Second)
		_, _, err := w.SignIn(t.Context(), "anna", goodPassword, from(12))
		if e, ok := errors.AsType[*people.ThrottleError](err); !ok || e.RetryAfter != time.Second {
			t.Fatalf("the second wait is not twice as long: %v", err)
		}
		w.pass(time.Second)
		w.signIn("anna")
		// Success forgets all.
		for i := range 5 {
			if _, _, err := w.SignIn(t.Context(), "anna", otherPassword, from(20+i)); !errors.Is(err, people.ErrWrong) {
				t.Fatalf("try %d after success: %v", i, err)
			}
		}
	})
}

func TestUnknownNameIsLockedAsWell(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 5 {
			_, _, _ = w.SignIn(t.Context(), "nobody", goodPassword, people.From{})
		}
		_, _, err := w.SignIn(t.Context(), "nobody", goodPassword, people.From{})
		if _, ok := errors.AsType[*people.ThrottleError](err); !ok {
			t.Errorf("the error is %v: it tells which names exist", err)
		}
	})
}

func TestAddressIsLockedAfterTwentyFailures(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("anna", people.Viewer)
		for i := range 20 {
			if _, _, err := w.SignIn(t.Context(), fmt.Sprintf("name%d", i), otherPassword, home); !errors.Is(err, people.ErrWrong) {
				t.Fatalf("try %d: %v", i, err)
			}
		}
		_, _, err := w.SignIn(t.Context(), "anna", goodPassword, home)
		if _, ok := errors.AsType[*people.ThrottleError](err); !ok {
			t.Fatalf("the error is %v", err)
		}
		if _, _, err := w.SignIn(t.Context(), "anna", goodPassword, people.From{Address: "192.0.2.2"}); err != nil {
			t.Errorf("from elsewhere: %v", err)
		}
		w.pass(time.Hour + time.Second)
		for i := range 19 {
			if _, _, err := w.SignIn(t.Context(), fmt.Sprintf("name%d", i), otherPassword, home); !errors.Is(err, people.ErrWrong) {
				t.Fatalf("try %d an hour later: %v", i, err)
			}
		}
		w.signIn("anna")
	})
}

func TestColleaguesWhoSignInDoNotLockTheirOffice(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("anna", people.Viewer)
		for range 45 {
			w.signIn("anna")
		}
	})
}

func TestRefusedTriesDoNotLockForLonger(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("anna", people.Viewer)
		for range 50 {
			_, _, _ = w.SignIn(t.Context(), "anna", otherPassword, home)
		}
		w.pass(15 * time.Second)
		w.signIn("anna")
	})
}

func TestManyTriesAtOnceAreNoMoreTries(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("anna", people.Viewer)
		var tried atomic.Int32
		var group sync.WaitGroup
		for range 40 {
			group.Go(func() {
				_, _, err := w.SignIn(t.Context(), "anna", otherPassword, people.From{})
				if errors.Is(err, people.ErrWrong) {
					tried.Add(1)
				} else if _, ok := errors.AsType[*people.ThrottleError](err); !ok {
					t.Errorf("the error is %v", err)
				}
			})
		}
		group.Wait()
		if tried.Load() != 5 {
			t.Errorf("%d passwords were tried", tried.Load())
		}
	})
}

func TestFailuresAreForgottenAfterADay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("anna", people.Viewer)
		for range 4 {
			_, _, _ = w.SignIn(t.Context(), "anna", otherPassword, people.From{})
		}
		w.pass(24*time.Hour + time.Second)
		for i := range 5 {
			if _, _, err := w.SignIn(t.Context(), "anna", otherPassword, people.From{}); !errors.Is(err, people.ErrWrong) {
				t.Errorf("try %d: %v", i, err)
			}
		}
		w.pass(24*time.Hour + time.Second)
		_, _, _ = w.SignIn(t.Context(), "ben", otherPassword, people.From{})
		err := w.store.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
			var n int
			var subject string
			if err := tx.QueryRow(ctx, `SELECT COUNT(*), MIN(subject) FROM sign_in_failures`).Scan(&n, &subject); err != nil || n != 1 {
				t.Errorf("%d subjects are kept, error %v", n, err)
			}
			if strings.Contains(subject, "ben") {
				t.Errorf("the store has what was typed: %s", subject)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// TestNewPasswordShutsOutWhoIsJustComingIn replaces a password while the old one is being checked.
func TestNewPasswordShutsOutWhoIsJustComingIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna := w.add("anna", people.Viewer)
		slow := w.node(quick)
		goOn := people.HoldHashing(slow)
		came := make(chan error, 1)
		go func() {
			_, _, err := slow.SignIn(t.Context(), "anna", goodPassword, home)
			came <- err
		}()
		w.untilTried()
		if err := w.SetPassword(t.Context(), root, anna.ID, otherPassword, "a stranger knows the old one"); err != nil {
			t.Fatal(err)
		}
		goOn()
		if err := <-came; !errors.Is(err, people.ErrWrong) {
			t.Errorf("with the old password: %v", err)
		}
		if left, err := w.Sessions(t.Context(), anna.ID); len(left) > 0 || err != nil {
			t.Errorf("%d sessions are left, error %v", len(left), err)
		}
		if _, _, err := w.SignIn(t.Context(), "anna", otherPassword, home); err != nil {
			t.Errorf("with the new password: %v", err)
		}
	})
}

// untilTried waits until somebody's password is about to be checked.
func (w *world) untilTried() {
	w.t.Helper()
	for tried := 0; tried == 0; {
		err := w.store.Read(w.t.Context(), func(ctx context.Context, tx store.Tx) error {
			return tx.QueryRow(ctx, `SELECT COUNT(*) FROM sign_in_failures`).Scan(&tried)
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestRoleAtTheMomentOfSigningInCounts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("boss", people.Admin)
		anna := w.add("anna", people.Admin)
		slow := w.node(quick)
		goOn := people.HoldHashing(slow)
		came := make(chan people.Person, 1)
		go func() {
			_, p, _ := slow.SignIn(t.Context(), "anna", goodPassword, home)
			came <- p
		}()
		w.untilTried()
		if err := w.SetRole(t.Context(), root, anna.ID, people.Viewer, ""); err != nil {
			t.Fatal(err)
		}
		goOn()
		if p := <-came; p.Role != people.Viewer {
			t.Errorf("signed in as %+v", p)
		}
	})
}

func TestTwoSignInsMayRenewAHashAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("anna", people.Viewer)
		stronger := w.node(people.Hashing{Memory: 32, Passes: 2, Threads: 1})
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() {
				if _, _, err := stronger.SignIn(t.Context(), "anna", goodPassword, home); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	})
}

func TestHashIsRenewedWhenItsUserSignsIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna := w.add("anna", people.Viewer)
		stored := func() (hash string) {
			err := w.store.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
				u, err := w.store.UserByID(ctx, tx, anna.ID)
				hash = u.PasswordHash
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return hash
		}
		before := stored()
		w.signIn("anna")
		if stored() != before {
			t.Error("a hash of today was renewed")
		}
		stronger := w.node(people.Hashing{Memory: 32, Passes: 2, Threads: 1})
		if _, _, err := stronger.SignIn(t.Context(), "anna", otherPassword, home); !errors.Is(err, people.ErrWrong) || stored() != before {
			t.Errorf("after a wrong password: %v", err)
		}
		if _, _, err := stronger.SignIn(t.Context(), "anna", goodPassword, home); err != nil {
			t.Fatal(err)
		}
		if after := stored(); !strings.Contains(after, "m=32,t=2,p=1") {
			t.Errorf("the hash is %s", after)
		}
		w.signIn("anna")
	})
}
