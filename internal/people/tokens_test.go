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

func (w *world) token(by people.Person, n people.NewToken) (string, people.APIToken) {
	w.t.Helper()
	text, token, err := w.CreateToken(w.t.Context(), by, n, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return text, token
}

func TestTokenSpeaksInItsMakersName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna := w.add("anna", people.Admin)
		_, p := w.signIn("anna")
		text, token, err := w.CreateToken(t.Context(), p, people.NewToken{Name: "ci", Role: people.Operator, Lifetime: time.Hour}, "nightly sync")
		if err != nil {
			t.Fatal(err)
		}
		w.audited("anna", "create token", "user/anna", "nightly sync")
		if token.Prefix != text[:len("orderly_")+8] || token.Name != "ci" || token.Role != people.Operator || token.UserID != anna.ID || token.UserName != "anna" || !token.Expires.Equal(start.Add(time.Hour)) {
			t.Errorf("the token is %+v", token)
		}
		q, err := w.Token(t.Context(), text)
		if want := (people.Person{ID: anna.ID, Name: "anna", Role: people.Operator, Token: "ci"}); q != want || err != nil {
			t.Errorf("it speaks for %+v, error %v", q, err)
		}
		if err := w.Disable(t.Context(), q, 12345, ""); !errors.Is(err, people.ErrUnknown) {
			t.Error(err)
		}
		list, err := w.Tokens(t.Context(), anna.ID)
		if err != nil || len(list) != 1 || !list[0].Used.Equal(start) {
			t.Fatalf("%+v, error %v", list, err)
		}
		if one, err := w.APIToken(t.Context(), token.ID); one != list[0] || err != nil {
			t.Errorf("%+v, error %v", one, err)
		}
		if _, err := w.APIToken(t.Context(), 12345); !errors.Is(err, people.ErrUnknown) {
			t.Errorf("an unknown one: %v", err)
		}
		w.pass(time.Hour - time.Millisecond)
		if _, err := w.Token(t.Context(), text); err != nil {
			t.Error(err)
		}
		w.pass(time.Millisecond)
		if _, err := w.Token(t.Context(), text); !errors.Is(err, people.ErrSignIn) {
			t.Errorf("after its time: %v", err)
		}
	})
}

func TestTokenHasAtMostTheRightsOfItsMaker(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("boss", people.Admin)
		anna := w.add("anna", people.Operator)
		_, p := w.signIn("anna")
		_, _, err := w.CreateToken(t.Context(), p, people.NewToken{Name: "ci", Role: people.Admin}, "")
		refused(t, err, "role")
		text, _ := w.token(p, people.NewToken{Name: "ci", Role: people.Operator})
		viewing, _ := w.token(p, people.NewToken{Name: "view", Role: people.Viewer})

		// Nor does a token make others, which would outlive it.
		q, err := w.Token(t.Context(), viewing)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err = w.CreateToken(t.Context(), q, people.NewToken{Name: "more", Role: people.Viewer}, ""); !errors.Is(err, people.ErrByToken) {
			t.Errorf("by a token: %v", err)
		}

		for _, c := range []struct{ user, token, view people.Role }{{people.Viewer, people.Viewer, people.Viewer}, {people.Admin, people.Operator, people.Viewer}} {
			if err := w.SetRole(t.Context(), root, anna.ID, c.user, ""); err != nil {
				t.Fatal(err)
			}
			if q, err := w.Token(t.Context(), text); q.Role != c.token || err != nil {
				t.Errorf("of %s: %+v, error %v", c.user, q, err)
			}
			if q, err := w.Token(t.Context(), viewing); q.Role != c.view || err != nil {
				t.Errorf("of %s: %+v, error %v", c.user, q, err)
			}
		}
	})
}

func TestRevokedTokenIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna := w.add("anna", people.Operator)
		_, p := w.signIn("anna")
		text, token := w.token(p, people.NewToken{Name: "ci", Role: people.Viewer})
		_, _, err := w.CreateToken(t.Context(), p, people.NewToken{Name: "ci", Role: people.Viewer}, "")
		refused(t, err, "name")
		other, _ := w.token(p, people.NewToken{Name: "other", Role: people.Viewer})
		if err := w.RevokeToken(t.Context(), root, token.ID, "leaked"); err != nil {
			t.Fatal(err)
		}
		w.audited("root", "revoke token", "user/anna", "leaked")
		if _, err := w.Token(t.Context(), text); !errors.Is(err, people.ErrSignIn) {
			t.Errorf("the error is %v", err)
		}
		if _, err := w.Token(t.Context(), other); err != nil {
			t.Errorf("the other one: %v", err)
		}
		w.token(p, people.NewToken{Name: "ci", Role: people.Viewer})
		w.pass(time.Hour)
		if err := w.RevokeToken(t.Context(), root, token.ID, ""); err != nil {
			t.Errorf("again: %v", err)
		}
		list, err := w.Tokens(t.Context(), anna.ID)
		if err != nil || len(list) != 3 || !list[2].Revoked.Equal(start) {
			t.Errorf("%+v, error %v", list, err)
		}
		if err := w.RevokeToken(t.Context(), root, 12345, ""); !errors.Is(err, people.ErrUnknown) {
			t.Errorf("an unknown one: %v", err)
		}
	})
}

func TestTokensAreListedForOneUserOrAll(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna, ben := w.add("anna", people.Operator), w.add("ben", people.Viewer)
		_, p := w.signIn("anna")
		_, q := w.signIn("ben")
		w.token(p, people.NewToken{Name: "ci", Role: people.Viewer})
		w.token(q, people.NewToken{Name: "ci", Role: people.Viewer})
		for id, want := range map[int64]int{anna.ID: 1, ben.ID: 1, 0: 2, 12345: 0} {
			if list, err := w.Tokens(t.Context(), id); len(list) != want || err != nil {
				t.Errorf("of %d: %+v, error %v", id, list, err)
			}
		}
	})
}

func TestWhatIsNoTokenIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("anna", people.Operator)
		session, p := w.signIn("anna")
		text, _ := w.token(p, people.NewToken{Name: "ci", Role: people.Viewer})
		for what, text := range map[string]string{"nothing": "", "a session": session, "cut": text[:len(text)-1], "altered": "orderly_" + strings.Repeat("0", len(text)-8), "endless": strings.Repeat("x", 1<<20)} {
			if _, err := w.Token(t.Context(), text); !errors.Is(err, people.ErrSignIn) {
				t.Errorf("%s: %v", what, err)
			}
		}
		for field, n := range map[string]people.NewToken{
			"name": {Name: "(ci)", Role: people.Viewer}, "role": {Name: "x", Role: "owner"}, "lifetime": {Name: "x", Role: people.Viewer, Lifetime: -time.Hour},
		} {
			_, _, err := w.CreateToken(t.Context(), p, n, "")
			refused(t, err, field)
		}
		if _, _, err := w.CreateToken(t.Context(), root, people.NewToken{Name: "x", Role: people.Viewer}, ""); !errors.Is(err, people.ErrUnknown) {
			t.Errorf("for somebody who is no user: %v", err)
		}
	})
}

func TestStoreHasNoSecretOfAToken(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("anna", people.Operator)
		_, p := w.signIn("anna")
		text, _ := w.token(p, people.NewToken{Name: "ci", Role: people.Viewer})
		err := w.store.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
			var hash []byte
			var prefix string
			if err := tx.QueryRow(ctx, `SELECT hash, prefix FROM api_tokens`).Scan(&hash, &prefix); err != nil {
				return err
			}
			if len(hash) != 32 || len(prefix) != 8 || strings.Contains(text, string(hash)) {
				t.Errorf("the store has %x and %q", hash, prefix)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range w.audit() {
			if strings.Contains(e.detail+e.why+e.subject+e.action, text[8:]) {
				t.Errorf("the audit has the token: %+v", e)
			}
		}
	})
}
