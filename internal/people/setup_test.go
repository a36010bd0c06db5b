package people_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/people"
)

func (w *world) setupCode() string {
	w.t.Helper()
	code, err := w.SetupCode(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

func (w *world) empty() bool {
	w.t.Helper()
	empty, err := w.Empty(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return empty
}

func TestFirstAdministratorIsMadeWithTheCode(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if !w.empty() {
			t.Fatal("a new installation has users")
		}
		_, _, err := w.FirstAdmin(t.Context(), "", "anna", goodPassword, home)
		refused(t, err, "code")
		old := w.setupCode()
		code := w.setupCode()
		if len(code) < 20 || old == code {
			t.Fatalf("the codes are %q and %q", old, code)
		}
		for field, c := range map[string][3]string{
			"code": {old, "anna", goodPassword}, "name": {code, "", goodPassword}, "password": {code, "anna", "short"},
		} {
			_, _, err := w.FirstAdmin(t.Context(), c[0], c[1], c[2], home)
			refused(t, err, field)
		}
		_, _, err = w.FirstAdmin(t.Context(), code, "anna", "", home)
		refused(t, err, "password")
		token, p, err := w.FirstAdmin(t.Context(), " "+code+"\n", "Anna", goodPassword, home)
		if err != nil {
			t.Fatal(err)
		}
		w.audited("Anna", "add", "user/Anna", "first administrator")
		if q, s := w.session(token); q != p || p.Role != people.Admin || p.Name != "Anna" || s.Way != people.BySetup {
			t.Errorf("signed in as %+v, %+v", q, s)
		}
		if w.empty() || w.setupCode() != "" {
			t.Error("the installation is still to be set up")
		}
		if _, _, err := w.FirstAdmin(t.Context(), code, "ben", goodPassword, home); !errors.Is(err, people.ErrNotEmpty) {
			t.Errorf("a second time: %v", err)
		}
		w.signIn("anna")
	})
}

func TestOneOfManyBecomesTheFirstAdministrator(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		code := w.setupCode()
		var made atomic.Int32
		var group sync.WaitGroup
		for _, name := range []string{"anna", "ben", "cleo", "dora"} {
			group.Go(func() {
				_, _, err := w.FirstAdmin(t.Context(), code, name, goodPassword, home)
				if err == nil {
					made.Add(1)
				} else if _, ok := errors.AsType[*people.InputError](err); !ok && !errors.Is(err, people.ErrNotEmpty) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if list, err := w.List(t.Context()); made.Load() != 1 || len(list) != 1 || err != nil {
			t.Errorf("%d were made, users %v, error %v", made.Load(), list, err)
		}
	})
}

func TestSetupCodeIsVoidOnceThereIsAUser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		code := w.setupCode()
		w.add("anna", people.Admin)
		if _, _, err := w.FirstAdmin(t.Context(), code, "ben", goodPassword, home); !errors.Is(err, people.ErrNotEmpty) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestLinkSignsInOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna := w.add("anna", people.Operator)
		link, err := w.MakeLink(t.Context(), root, anna.ID, time.Hour, "lost password")
		if err != nil {
			t.Fatal(err)
		}
		w.audited("root", "make sign-in link", "user/anna", "lost password")
		w.pass(time.Hour - time.Millisecond)
		token, p, err := w.UseLink(t.Context(), link, home)
		if err != nil || p.ID != anna.ID {
			t.Fatalf("%+v, error %v", p, err)
		}
		w.audited("anna", "sign in", "user/anna", "")
		_, s := w.session(token)
		if s.Way != people.ByLink {
			t.Errorf("the session is %+v", s)
		}
		for what, secret := range map[string]string{"again": link, "nothing": "", "another": link[1:] + "A", "the session's": token} {
			if _, _, err := w.UseLink(t.Context(), secret, home); !errors.Is(err, people.ErrLink) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

func TestLinkExpires(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna := w.add("anna", people.Operator)
		link, err := w.MakeLink(t.Context(), root, anna.ID, time.Hour, "")
		if err != nil {
			t.Fatal(err)
		}
		w.pass(time.Hour)
		if _, _, err := w.UseLink(t.Context(), link, home); !errors.Is(err, people.ErrLink) {
			t.Errorf("the error is %v", err)
		}
		for _, lifetime := range []time.Duration{0, -time.Hour, 8 * 24 * time.Hour} {
			_, err := w.MakeLink(t.Context(), root, anna.ID, lifetime, "")
			refused(t, err, "lifetime")
		}
		if _, err := w.MakeLink(t.Context(), root, 12345, time.Hour, ""); !errors.Is(err, people.ErrUnknown) {
			t.Errorf("for nobody: %v", err)
		}
	})
}

func TestManyWhoUseALinkAtOnceGetOneSession(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna := w.add("anna", people.Operator)
		link, err := w.MakeLink(t.Context(), root, anna.ID, time.Hour, "")
		if err != nil {
			t.Fatal(err)
		}
		var in atomic.Int32
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				if _, _, err := w.UseLink(t.Context(), link, home); err == nil {
					in.Add(1)
				} else if !errors.Is(err, people.ErrLink) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if in.Load() != 1 {
			t.Errorf("%d sessions", in.Load())
		}
	})
}

func TestWhoLostThePasswordSetsANewOneAfterALink(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna := w.add("anna", people.Operator)
		use := func() (people.Person, people.SessionInfo) {
			link, err := w.MakeLink(t.Context(), root, anna.ID, time.Hour, "")
			if err != nil {
				t.Fatal(err)
			}
			token, _, err := w.UseLink(t.Context(), link, home)
			if err != nil {
				t.Fatal(err)
			}
			return w.session(token)
		}
		p, s := use()
		w.pass(16 * time.Minute)
		_, err := w.ChangePassword(t.Context(), p, s, "", otherPassword, home)
		refused(t, err, "old_password")
		p, s = use()
		w.pass(14 * time.Minute)
		if _, err := w.ChangePassword(t.Context(), p, s, "", otherPassword, home); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.SignIn(t.Context(), "anna", otherPassword, home); err != nil {
			t.Error(err)
		}
	})
}

func TestWhoHasNoPasswordIsToldToSignInAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		anna, err := w.Add(t.Context(), root, people.NewUser{Name: "anna", Role: people.Viewer}, "")
		if err != nil {
			t.Fatal(err)
		}
		link, err := w.MakeLink(t.Context(), root, anna.ID, time.Hour, "")
		if err != nil {
			t.Fatal(err)
		}
		token, p, err := w.UseLink(t.Context(), link, home)
		if err != nil {
			t.Fatal(err)
		}
		w.pass(time.Hour)
		_, s := w.session(token)
		_, err = w.ChangePassword(t.Context(), p, s, "", otherPassword, home)
		refused(t, err, "old_password")
	})
}
