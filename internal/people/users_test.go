package people_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

var (
	admin = people.Person{ID: 99, Name: "olga", Role: people.Admin}
	// adminToken is an API token of hers.
	adminToken = people.Person{ID: 99, Name: "olga", Role: people.Admin, Token: "ops"}
)

func TestUsersAreListedByName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if list, err := w.List(t.Context()); len(list) != 0 || err != nil {
			t.Errorf("at first %v, error %v", list, err)
		}
		w.add("Zoe", people.Viewer)
		w.pass(time.Hour)
		anna, err := w.Add(t.Context(), admin, people.NewUser{Name: " anna  m ", Email: "Anna@Example.com", Role: "Admin"}, "new colleague")
		if err != nil {
			t.Fatal(err)
		}
		w.audited("olga", "add", "user/anna m", "new colleague")
		list, err := w.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := []people.User{
			{ID: anna.ID, Name: "anna m", Email: "anna@example.com", Role: people.Admin, Created: start.Add(time.Hour)},
			{ID: list[1].ID, Name: "Zoe", Role: people.Viewer, HasPassword: true, Created: start},
		}
		if diff := cmp.Diff(want, list); diff != "" {
			t.Errorf("users (-want +got):\n%s", diff)
		}
		if u, err := w.UserNamed(t.Context(), "ANNA M"); u != want[0] || err != nil {
			t.Errorf("by name %+v, error %v", u, err)
		}
		if _, err := w.UserNamed(t.Context(), "nobody"); !errors.Is(err, people.ErrUnknown) {
			t.Errorf("an unknown name: %v", err)
		}
		if _, err := w.User(t.Context(), 12345); !errors.Is(err, people.ErrUnknown) {
			t.Errorf("an unknown number: %v", err)
		}
	})
}

func TestWhatCannotBeTakenIsNamed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if _, err := w.Add(t.Context(), root, people.NewUser{Name: "anna", Email: "anna@example.com", Role: people.Viewer}, ""); err != nil {
			t.Fatal(err)
		}
		before := len(w.audit())
		for field, n := range map[string]people.NewUser{
			"name":     {Name: "ANNA", Role: people.Viewer},
			"email":    {Name: "ben", Email: "Anna@example.com", Role: people.Viewer},
			"role":     {Name: "ben", Role: "owner"},
			"password": {Name: "ben", Role: people.Viewer, Password: "short"},
		} {
			_, err := w.Add(t.Context(), root, n, "")
			refused(t, err, field)
		}
		for field, n := range map[string]people.NewUser{"name": {Name: "(anna)", Role: people.Viewer}, "email": {Name: "ben", Email: "nowhere", Role: people.Viewer}} {
			_, err := w.Add(t.Context(), root, n, "")
			refused(t, err, field)
		}
		if list, err := w.List(t.Context()); len(list) != 1 || err != nil || len(w.audit()) != before {
			t.Errorf("something was kept: %v, error %v", list, err)
		}
	})
}

func TestTokenOpensNothingThatOutlivesIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna := w.add("anna", people.Admin)
		before := w.audit()
		for what, do := range map[string]func(ctx context.Context) error{
			"add": func(ctx context.Context) error {
				_, err := w.Add(ctx, adminToken, people.NewUser{Name: "ben", Role: people.Admin}, "")
				return err
			},
			"link": func(ctx context.Context) error {
				_, err := w.MakeLink(ctx, adminToken, anna.ID, time.Hour, "")
				return err
			},
			"role":       func(ctx context.Context) error { return w.SetRole(ctx, adminToken, anna.ID, people.Admin, "") },
			"address":    func(ctx context.Context) error { return w.SetEmail(ctx, adminToken, anna.ID, "me@example.com", "") },
			"password":   func(ctx context.Context) error { return w.SetPassword(ctx, adminToken, anna.ID, otherPassword, "") },
			"letting in": func(ctx context.Context) error { return w.Enable(ctx, adminToken, anna.ID, "") },
			"provider": func(ctx context.Context) error {
				return w.SetOIDC(ctx, adminToken, people.OIDCConfig{Issuer: "https://login.example.com"}, "")
			},
		} {
			if err := do(t.Context()); !errors.Is(err, people.ErrByToken) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if len(w.audit()) != len(before) {
			t.Errorf("the audit has %+v", w.audit())
		}
		// It may take access away.
		if err := w.SignOutEverywhere(t.Context(), adminToken, anna.ID, "a lost computer"); err != nil {
			t.Error(err)
		}
		w.audited("olga (token ops)", "sign out everywhere", "user/anna", "a lost computer")
	})
}

func TestPasswordSetByAnotherEndsAllSessions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna := w.add("anna", people.Operator)
		token, p := w.signIn("anna")
		link, err := w.MakeLink(t.Context(), root, anna.ID, time.Hour, "")
		if err != nil {
			t.Fatal(err)
		}
		refused(t, w.SetPassword(t.Context(), root, anna.ID, "anna1234anna", ""), "password")
		refused(t, w.SetPassword(t.Context(), p, anna.ID, otherPassword, ""), "old_password")
		w.session(token)
		if err := w.SetPassword(t.Context(), admin, anna.ID, otherPassword, "forgot it"); err != nil {
			t.Fatal(err)
		}
		w.audited("olga", "set password", "user/anna", "forgot it")
		w.gone(token)
		if _, _, err := w.UseLink(t.Context(), link, home); !errors.Is(err, people.ErrLink) {
			t.Errorf("a link from before: %v", err)
		}
		if _, _, err := w.SignIn(t.Context(), "anna", goodPassword, home); !errors.Is(err, people.ErrWrong) {
			t.Errorf("the old password: %v", err)
		}
		if _, _, err := w.SignIn(t.Context(), "anna", otherPassword, home); err != nil {
			t.Error(err)
		}
		if err := w.SetPassword(t.Context(), admin, 12345, otherPassword, ""); !errors.Is(err, people.ErrUnknown) {
			t.Errorf("of nobody: %v", err)
		}
	})
}

func TestNewPasswordFromAnAdministratorOpensALockedName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna := w.add("anna", people.Operator)
		for range 6 {
			_, _, _ = w.SignIn(t.Context(), "anna", otherPassword, home)
		}
		if err := w.SetPassword(t.Context(), admin, anna.ID, goodPassword, ""); err != nil {
			t.Fatal(err)
		}
		w.signIn("anna")
	})
}

func TestOwnPasswordIsChangedWithTheOldOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("anna", people.Operator)
		elsewhere, _ := w.signIn("anna")
		token, p := w.signIn("anna")
		_, s := w.session(token)
		if !s.NeedsOldPassword(w.clock()) {
			t.Fatal("the old one is not needed")
		}
		_, err := w.ChangePassword(t.Context(), p, s, otherPassword, otherPassword, home)
		refused(t, err, "old_password")
		_, err = w.ChangePassword(t.Context(), p, s, strings.Repeat("x", 5000), otherPassword, home)
		refused(t, err, "old_password")
		_, err = w.ChangePassword(t.Context(), p, s, goodPassword, "short", home)
		refused(t, err, "password")
		w.session(token)
		fresh, err := w.ChangePassword(t.Context(), p, s, goodPassword, otherPassword, home)
		if err != nil {
			t.Fatal(err)
		}
		w.audited("anna", "change password", "user/anna", "")
		w.gone(elsewhere)
		w.gone(token)
		w.session(fresh)
		if _, _, err := w.SignIn(t.Context(), "anna", otherPassword, home); err != nil {
			t.Error(err)
		}
	})
}

func TestOldPasswordCannotBeGuessedFromAStolenSession(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("anna", people.Operator)
		token, p := w.signIn("anna")
		_, s := w.session(token)
		for range 5 {
			_, err := w.ChangePassword(t.Context(), p, s, otherPassword, otherPassword, home)
			refused(t, err, "old_password")
		}
		_, err := w.ChangePassword(t.Context(), p, s, goodPassword, otherPassword, home)
		if _, ok := errors.AsType[*people.ThrottleError](err); !ok {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestEndedSessionChangesNoPassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna := w.add("anna", people.Operator)
		link, err := w.MakeLink(t.Context(), root, anna.ID, time.Hour, "")
		if err != nil {
			t.Fatal(err)
		}
		token, p, err := w.UseLink(t.Context(), link, home)
		if err != nil {
			t.Fatal(err)
		}
		_, s := w.session(token)
		if err := w.SetPassword(t.Context(), root, anna.ID, otherPassword, "a stranger used the link"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.ChangePassword(t.Context(), p, s, "", "a thief's own words", home); !errors.Is(err, people.ErrSignIn) {
			t.Errorf("the error is %v", err)
		}
		if _, _, err := w.SignIn(t.Context(), "anna", otherPassword, home); err != nil {
			t.Error(err)
		}
	})
}

func TestRoleChangeEndsAllSessions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("boss", people.Admin)
		anna := w.add("anna", people.Operator)
		token, _ := w.signIn("anna")
		if err := w.SetRole(t.Context(), root, anna.ID, people.Viewer, "moved on"); err != nil {
			t.Fatal(err)
		}
		w.gone(token)
		w.audited("root", "set role", "user/anna", "moved on")
		if all := w.audit(); all[len(all)-1].detail != `{"from":"operator","to":"viewer"}` {
			t.Errorf("the detail is %s", all[len(all)-1].detail)
		}
		if _, p := w.signIn("anna"); p.Role != people.Viewer {
			t.Errorf("signed in as %+v", p)
		}
		refused(t, w.SetRole(t.Context(), root, anna.ID, "owner", ""), "role")
		if err := w.SetRole(t.Context(), root, 12345, people.Viewer, ""); !errors.Is(err, people.ErrUnknown) {
			t.Errorf("of nobody: %v", err)
		}
	})
}

func TestDisabledUserIsKeptOutInEveryWay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("boss", people.Admin)
		anna := w.add("anna", people.Operator)
		session, p := w.signIn("anna")
		key, _, err := w.CreateToken(t.Context(), p, people.NewToken{Name: "ci", Role: people.Viewer}, "")
		if err != nil {
			t.Fatal(err)
		}
		link, err := w.MakeLink(t.Context(), root, anna.ID, time.Hour, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Disable(t.Context(), root, anna.ID, "on leave"); err != nil {
			t.Fatal(err)
		}
		w.audited("root", "disable", "user/anna", "on leave")
		w.gone(session)
		if _, err := w.Token(t.Context(), key); !errors.Is(err, people.ErrSignIn) {
			t.Errorf("the API token: %v", err)
		}
		if _, _, err := w.UseLink(t.Context(), link, home); !errors.Is(err, people.ErrLink) {
			t.Errorf("the link: %v", err)
		}
		_, err = w.MakeLink(t.Context(), root, anna.ID, time.Hour, "")
		refused(t, err, "name")
		if u, err := w.User(t.Context(), anna.ID); !u.Disabled || err != nil {
			t.Errorf("the user is %+v, error %v", u, err)
		}
		if err := w.Enable(t.Context(), root, anna.ID, "back"); err != nil {
			t.Fatal(err)
		}
		w.audited("root", "enable", "user/anna", "back")
		w.gone(session)
		w.signIn("anna")
		if _, err := w.Token(t.Context(), key); err != nil {
			t.Errorf("the API token: %v", err)
		}
	})
}

func TestRemovedUserIsGoneWithAllKeys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add("boss", people.Admin)
		anna := w.add("anna", people.Operator)
		session, p := w.signIn("anna")
		key, _, err := w.CreateToken(t.Context(), p, people.NewToken{Name: "ci", Role: people.Viewer}, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Remove(t.Context(), root, anna.ID, "left"); err != nil {
			t.Fatal(err)
		}
		w.audited("root", "remove", "user/anna", "left")
		w.gone(session)
		if _, err := w.Token(t.Context(), key); !errors.Is(err, people.ErrSignIn) {
			t.Errorf("the API token: %v", err)
		}
		if err := w.Remove(t.Context(), root, anna.ID, ""); !errors.Is(err, people.ErrUnknown) {
			t.Errorf("again: %v", err)
		}
		again := w.add("anna", people.Viewer)
		if list, err := w.Tokens(t.Context(), again.ID); len(list) != 0 || err != nil {
			t.Errorf("a new user of the name has %v, error %v", list, err)
		}
	})
}

func TestLastAdministratorStays(t *testing.T) {
	for what, lose := range map[string]func(w *world, id int64) error{
		"demote":  func(w *world, id int64) error { return w.SetRole(w.t.Context(), root, id, people.Operator, "") },
		"disable": func(w *world, id int64) error { return w.Disable(w.t.Context(), root, id, "") },
		"remove":  func(w *world, id int64) error { return w.Remove(w.t.Context(), root, id, "") },
	} {
		t.Run(what, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.add("viewer", people.Viewer)
				one, two := w.add("one", people.Admin), w.add("two", people.Admin)
				if err := w.Disable(t.Context(), root, two.ID, ""); err != nil {
					t.Fatal(err)
				}
				// One who has neither a password nor an account at the provider yet could not come in.
				if _, err := w.Add(t.Context(), root, people.NewUser{Name: "three", Email: "three@example.com", Role: people.Admin}, ""); err != nil {
					t.Fatal(err)
				}
				token, _ := w.signIn("one")
				before := len(w.audit())
				if err := lose(w, one.ID); !errors.Is(err, people.ErrLastAdmin) {
					t.Fatalf("the only one who can sign in: %v", err)
				}
				w.session(token)
				if len(w.audit()) != before {
					t.Error("the audit has what was not done")
				}
				if err := lose(w, two.ID); err != nil {
					t.Errorf("one that is disabled: %v", err)
				}
			})
		})
	}
}

func TestTwoAdministratorsCannotRemoveEachOther(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 10 {
			one, two := w.add("one", people.Admin), w.add("two", people.Admin)
			var lost atomic.Int32
			var group sync.WaitGroup
			for _, id := range []int64{one.ID, two.ID} {
				group.Go(func() {
					err := w.Remove(t.Context(), root, id, "")
					if err == nil {
						lost.Add(1)
					} else if !errors.Is(err, people.ErrLastAdmin) {
						t.Error(err)
					}
				})
			}
			group.Wait()
			if lost.Load() != 1 {
				t.Fatalf("%d were removed", lost.Load())
			}
			err := w.store.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
				_, err := tx.Exec(ctx, `DELETE FROM users`)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAddressOfAUserIsChanged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna, ben := w.add("anna", people.Viewer), w.add("ben", people.Viewer)
		if err := w.SetEmail(t.Context(), root, anna.ID, "Anna@example.com", "for single sign-on"); err != nil {
			t.Fatal(err)
		}
		w.audited("root", "set e-mail address", "user/anna", "for single sign-on")
		if u, err := w.User(t.Context(), anna.ID); u.Email != "anna@example.com" || err != nil {
			t.Errorf("%+v, error %v", u, err)
		}
		refused(t, w.SetEmail(t.Context(), root, ben.ID, "anna@example.com", ""), "email")
		refused(t, w.SetEmail(t.Context(), root, ben.ID, "nowhere", ""), "email")
		for _, email := range []string{"anna@example.com", "", ""} {
			if err := w.SetEmail(t.Context(), root, anna.ID, email, ""); err != nil {
				t.Errorf("%q: %v", email, err)
			}
		}
	})
}

// Disabling ends sessions and links. Should one be left, because another node opened it at that very moment, it is no
// good either.
func TestWhatIsLeftOfADisabledUserIsNoGood(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna := w.add("anna", people.Operator)
		session, _ := w.signIn("anna")
		link, err := w.MakeLink(t.Context(), root, anna.ID, time.Hour, "")
		if err != nil {
			t.Fatal(err)
		}
		err = w.store.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			return w.store.SetUserDisabled(ctx, tx, anna.ID, true)
		})
		if err != nil {
			t.Fatal(err)
		}
		w.gone(session)
		if _, _, err := w.UseLink(t.Context(), link, home); !errors.Is(err, people.ErrLink) {
			t.Errorf("the link: %v", err)
		}
	})
}
