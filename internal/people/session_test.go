package people_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

func TestWhoSignsInIsKnownUntilTheSessionEnds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna := w.add("Anna", people.Operator)
		token, p := w.signIn("anna")
		if want := (people.Person{ID: anna.ID, Name: "Anna", Role: people.Operator}); p != want {
			t.Errorf("signed in as %+v", p)
		}
		w.audited("Anna", "sign in", "user/Anna", "")
		q, s := w.session(token)
		if q != p || s.Way != people.ByPassword || s.Agent != "a browser" || !s.Created.Equal(start) || !s.Expires.Equal(start.Add(people.SessionLife)) {
			t.Errorf("the session is %+v of %+v", s, q)
		}
		if err := w.SignOut(t.Context(), p, s); err != nil {
			t.Fatal(err)
		}
		w.gone(token)
		w.audited("Anna", "sign out", "user/Anna", "")
	})
}

func TestSessionEndsByTime(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("anna", people.Viewer)
		unused, _ := w.signIn("anna")
		w.pass(people.SessionIdle - time.Millisecond)
		w.session(unused)
		w.pass(people.SessionIdle)
		w.gone(unused)

		used, _ := w.signIn("anna")
		for range 15 {
			w.pass(11 * time.Hour)
			w.session(used)
		}
		w.pass(7*24*time.Hour - 15*11*time.Hour - time.Millisecond)
		w.session(used)
		w.pass(time.Millisecond)
		w.gone(used)
	})
}

func TestAPageThatIsLeftOpenDoesNotKeepItsSession(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("anna", people.Viewer)
		token, _ := w.signIn("anna")
		for left := people.SessionIdle; left > 0; left -= time.Hour {
			if _, _, err := w.Session(people.ByItself(t.Context()), token); err != nil {
				t.Fatalf("%s before its end: %v", left, err)
			}
			w.pass(time.Hour)
		}
		w.gone(token)
	})
}

func TestUseIsWrittenDownOnceAMinute(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna := w.add("anna", people.Viewer)
		token, _ := w.signIn("anna")
		for _, step := range []struct{ after, used time.Duration }{{30 * time.Second, 0}, {30 * time.Second, time.Minute}, {59 * time.Second, time.Minute}} {
			w.pass(step.after)
			w.session(token)
			_, s := w.session(token)
			if want := start.Add(step.used); !s.Used.Equal(want) {
				t.Errorf("at %s the use is noted as %s, want %s", w.clock().Sub(start), s.Used, want)
			}
			if u, err := w.User(t.Context(), anna.ID); err != nil || !u.LastSeen.Equal(start.Add(step.used)) {
				t.Errorf("last seen %s, error %v", u.LastSeen, err)
			}
		}
	})
}

func TestStoreHasNoSecretOfASession(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("anna", people.Viewer)
		token, _ := w.signIn("anna")
		err := w.store.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
			var hash []byte
			if err := tx.QueryRow(ctx, `SELECT hash FROM sessions`).Scan(&hash); err != nil {
				return err
			}
			if len(hash) != 32 || strings.Contains(string(hash), token[:8]) {
				t.Errorf("the store has %q", hash)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if w.logs.has(token) {
			t.Error("the log has the token")
		}
	})
}

func TestWhatIsNoSessionIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("anna", people.Viewer)
		token, _ := w.signIn("anna")
		for name, text := range map[string]string{"nothing": "", "another": strings.Repeat("A", len(token)), "longer": token + "A", "shorter": token[1:], "endless": strings.Repeat("A", 1<<20)} {
			if _, _, err := w.Session(t.Context(), text); !errors.Is(err, people.ErrSignIn) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestEachSignInHasATokenOfItsOwn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna := w.add("anna", people.Viewer)
		one, p := w.signIn("anna")
		w.pass(time.Minute)
		two, _ := w.signIn("anna")
		if one == two {
			t.Fatal("the same token twice")
		}
		_, s1 := w.session(one)
		_, s2 := w.session(two)
		list, err := w.Sessions(t.Context(), anna.ID)
		if err != nil || len(list) != 2 || s1.Is(s2) || !s1.Is(s1) {
			t.Fatalf("%d sessions, error %v", len(list), err)
		}
		if err := w.SignOut(t.Context(), p, s1); err != nil {
			t.Fatal(err)
		}
		w.gone(one)
		w.session(two)
		if err := w.SignOutEverywhere(t.Context(), root, anna.ID, "a lost phone"); err != nil {
			t.Fatal(err)
		}
		w.gone(two)
		w.audited("root", "sign out everywhere", "user/anna", "a lost phone")
	})
}

func TestEndedSessionsAreForgotten(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("anna", people.Viewer)
		for range 3 {
			w.signIn("anna")
		}
		w.pass(people.SessionIdle + time.Minute)
		w.signIn("anna")
		err := w.store.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
			var n int
			if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM sessions`).Scan(&n); err != nil || n != 1 {
				t.Errorf("%d sessions, error %v", n, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestPersonalDataIsShownForAWhileInOneSession(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("anna", people.Viewer)
		token, p := w.signIn("anna")
		other, _ := w.signIn("anna")
		_, s := w.session(token)
		if s.Reveals(w.clock()) {
			t.Error("shown before anybody asked")
		}
		if err := w.Reveal(t.Context(), p, s, "a customer calls"); err != nil {
			t.Fatal(err)
		}
		w.audited("anna", "show personal data", "user/anna", "a customer calls")
		if _, s := w.session(other); s.Reveals(w.clock()) {
			t.Error("shown in another session too")
		}
		w.pass(people.RevealTime - time.Millisecond)
		if _, s = w.session(token); !s.Reveals(w.clock()) {
			t.Error("hidden too early")
		}
		w.pass(time.Millisecond)
		if _, s = w.session(token); s.Reveals(w.clock()) {
			t.Error("still shown")
		}
		if err := w.Reveal(t.Context(), p, s, ""); err != nil {
			t.Fatal(err)
		}
		if err := w.Hide(t.Context(), p, s); err != nil {
			t.Fatal(err)
		}
		if _, s = w.session(token); s.Reveals(w.clock()) {
			t.Error("shown after it was hidden")
		}
		w.audited("anna", "hide personal data", "user/anna", "")
		if err := w.Reveal(t.Context(), p, people.SessionInfo{}, ""); !errors.Is(err, people.ErrUnknown) {
			t.Errorf("without a session: %v", err)
		}
	})
}
