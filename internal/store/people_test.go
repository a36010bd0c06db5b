package store_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderlyhq/orderly/internal/store"
)

// addUser adds a user who must be taken.
func addUser(t testing.TB, s *store.Store, u store.User) store.User {
	t.Helper()
	if u.NameKey == "" {
		u.NameKey = strings.ToLower(u.Name)
	}
	if u.Role == "" {
		u.Role = "viewer"
	}
	u.Created = start
	write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		u.ID, err = s.AddUser(ctx, tx, u, start)
		return err
	})
	return u
}

// lookUp finds a user in a read of its own.
func lookUp(t testing.TB, s *store.Store, find func(ctx context.Context, tx store.Tx) (store.User, error)) (store.User, error) {
	t.Helper()
	var u store.User
	err := s.Read(t.Context(), func(ctx context.Context, tx store.Tx) (err error) {
		u, err = find(ctx, tx)
		return err
	})
	return u, err
}

func byID(s *store.Store, id int64) func(ctx context.Context, tx store.Tx) (store.User, error) {
	return func(ctx context.Context, tx store.Tx) (store.User, error) { return s.UserByID(ctx, tx, id) }
}

func TestUserIsFoundByWhateverNamesOne(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		addUser(t, s, store.User{Name: "Ben"})
		anna := addUser(t, s, store.User{Name: "Anna", Email: "anna@example.com", Role: "admin", PasswordHash: "a hash", Issuer: "https://login", Subject: "1"})
		for what, find := range map[string]func(ctx context.Context, tx store.Tx) (store.User, error){
			"number": byID(s, anna.ID),
			"name":   func(ctx context.Context, tx store.Tx) (store.User, error) { return s.UserByName(ctx, tx, "anna") },
			"address": func(ctx context.Context, tx store.Tx) (store.User, error) {
				return s.UserByEmail(ctx, tx, "anna@example.com")
			},
			"identity": func(ctx context.Context, tx store.Tx) (store.User, error) {
				return s.UserBySubject(ctx, tx, "https://login", "1")
			},
		} {
			got, err := lookUp(t, s, find)
			if err != nil {
				t.Errorf("by %s: %v", what, err)
			}
			if diff := cmp.Diff(anna, got); diff != "" {
				t.Errorf("by %s (-want +got):\n%s", what, diff)
			}
		}
		// Ben has neither address nor identity: nothing finds him by an empty one.
		for what, find := range map[string]func(ctx context.Context, tx store.Tx) (store.User, error){
			"number":   byID(s, 12345),
			"name":     func(ctx context.Context, tx store.Tx) (store.User, error) { return s.UserByName(ctx, tx, "Anna") },
			"address":  func(ctx context.Context, tx store.Tx) (store.User, error) { return s.UserByEmail(ctx, tx, "") },
			"identity": func(ctx context.Context, tx store.Tx) (store.User, error) { return s.UserBySubject(ctx, tx, "", "") },
			"identity of two": func(ctx context.Context, tx store.Tx) (store.User, error) {
				return s.UserBySubject(ctx, tx, "https://evil", "1")
			},
		} {
			if got, err := lookUp(t, s, find); !errors.Is(err, store.ErrNoRows) {
				t.Errorf("by %s: %+v, error %v", what, got, err)
			}
		}
	})
}

func TestNameAddressAndIdentityAreOneUsersOnly(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		addUser(t, s, store.User{Name: "anna", Email: "anna@example.com", Issuer: "https://login", Subject: "1"})
		for what, u := range map[string]store.User{
			"name":     {Name: "Anna", NameKey: "anna"},
			"address":  {Name: "a", NameKey: "a", Email: "anna@example.com"},
			"identity": {Name: "b", NameKey: "b", Issuer: "https://login", Subject: "1"},
		} {
			err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
				_, err := s.AddUser(ctx, tx, u, start)
				return err
			})
			if !errors.Is(err, store.ErrTaken) {
				t.Errorf("the same %s: %v", what, err)
			}
		}
		for _, u := range []store.User{{Name: "c"}, {Name: "d"}, {Name: "e", Issuer: "https://login", Subject: "2"}, {Name: "f", Issuer: "https://other", Subject: "1"}} {
			addUser(t, s, u)
		}
		list, err := s.Users(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, u := range list {
			names = append(names, u.Name)
		}
		if want := []string{"anna", "c", "d", "e", "f"}; !slices.Equal(names, want) {
			t.Errorf("users %v", names)
		}
	})
}

func TestUserIsChangedInOneThing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		other := addUser(t, s, store.User{Name: "other", PasswordHash: "old"})
		anna := addUser(t, s, store.User{Name: "anna", PasswordHash: "old"})
		for what, c := range map[string]struct {
			do   func(ctx context.Context, tx store.Tx, id int64) error
			want func(u *store.User)
		}{
			"password": {func(ctx context.Context, tx store.Tx, id int64) error { return s.SetUserPassword(ctx, tx, id, "new") }, func(u *store.User) { u.PasswordHash = "new" }},
			"role":     {func(ctx context.Context, tx store.Tx, id int64) error { return s.SetUserRole(ctx, tx, id, "admin") }, func(u *store.User) { u.Role = "admin" }},
			"address":  {func(ctx context.Context, tx store.Tx, id int64) error { return s.SetUserEmail(ctx, tx, id, "a@b.de") }, func(u *store.User) { u.Email = "a@b.de" }},
			"identity": {func(ctx context.Context, tx store.Tx, id int64) error { return s.SetUserSubject(ctx, tx, id, "i", "s") }, func(u *store.User) { u.Issuer, u.Subject = "i", "s" }},
			"disabled": {func(ctx context.Context, tx store.Tx, id int64) error { return s.SetUserDisabled(ctx, tx, id, true) }, func(u *store.User) { u.Disabled = true }},
		} {
			write(t, s, func(ctx context.Context, tx store.Tx) error { return c.do(ctx, tx, anna.ID) })
			c.want(&anna)
			if got, err := lookUp(t, s, byID(s, anna.ID)); err != nil || got != anna {
				t.Errorf("%s: %+v, error %v", what, got, err)
			}
			err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error { return c.do(ctx, tx, 12345) })
			if !errors.Is(err, store.ErrNoRows) {
				t.Errorf("%s of nobody: %v", what, err)
			}
		}
		if got, err := lookUp(t, s, byID(s, other.ID)); err != nil || got != other {
			t.Errorf("the other one is %+v, error %v", got, err)
		}
		err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			return s.SetUserSubject(ctx, tx, anna.ID, "i", "another")
		})
		if !errors.Is(err, store.ErrNoRows) {
			t.Errorf("a second identity: %v", err)
		}
	})
}

func TestRenewedHashDoesNotUndoANewPassword(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		anna := addUser(t, s, store.User{Name: "anna", PasswordHash: "old"})
		for _, step := range []struct{ from, to, want string }{{"old", "old, renewed", "old, renewed"}, {"old", "old, renewed again", "old, renewed"}} {
			write(t, s, func(ctx context.Context, tx store.Tx) error {
				return s.RehashPassword(ctx, tx, anna.ID, step.from, step.to)
			})
			if got, err := lookUp(t, s, byID(s, anna.ID)); err != nil || got.PasswordHash != step.want {
				t.Errorf("the hash is %q, error %v", got.PasswordHash, err)
			}
		}
	})
}

func TestOtherAdministratorsAreCounted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		one := addUser(t, s, store.User{Name: "one", Role: "admin", PasswordHash: "a hash"})
		two := addUser(t, s, store.User{Name: "two", Role: "admin", Issuer: "https://login", Subject: "2"})
		addUser(t, s, store.User{Name: "who was never here", Role: "admin", Email: "new@example.com"})
		viewer := addUser(t, s, store.User{Name: "viewer", PasswordHash: "a hash"})
		gone := addUser(t, s, store.User{Name: "gone", Role: "admin", PasswordHash: "a hash"})
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.SetUserDisabled(ctx, tx, gone.ID, true) })
		for id, want := range map[int64]int{one.ID: 1, two.ID: 1, viewer.ID: 2, gone.ID: 2} {
			write(t, s, func(ctx context.Context, tx store.Tx) error {
				n, err := s.OtherAdmins(ctx, tx, "admin", id)
				if n != want {
					t.Errorf("beside %d there are %d", id, n)
				}
				return err
			})
		}
	})
}

func TestRemovedUserTakesAllKeysAlong(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		anna, ben := addUser(t, s, store.User{Name: "anna"}), addUser(t, s, store.User{Name: "ben"})
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			for i, u := range []store.User{anna, ben} {
				key := []byte{byte(i)}
				if err := s.AddSession(ctx, tx, store.Session{Hash: key, UserID: u.ID, Way: "password", Expires: start.Add(time.Hour)}, start, start); err != nil {
					return err
				}
				if _, err := s.AddAPIToken(ctx, tx, store.APIToken{Hash: key, Name: "ci", UserID: u.ID, Role: "viewer"}, start); err != nil {
					return err
				}
				if err := s.AddLink(ctx, tx, key, u.ID, start.Add(time.Hour), start); err != nil {
					return err
				}
			}
			return s.RemoveUser(ctx, tx, anna.ID)
		})
		for _, table := range []string{"sessions", "api_tokens", "sign_in_links", "users"} {
			var n int
			if err := s.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
				return tx.QueryRow(ctx, `SELECT COUNT(*) FROM `+table).Scan(&n)
			}); err != nil || n != 1 {
				t.Errorf("%d rows are left in %s, error %v", n, table, err)
			}
		}
		if _, u, err := s.Session(t.Context(), []byte{1}); err != nil || u.ID != ben.ID {
			t.Errorf("the other's session is of %+v, error %v", u, err)
		}
		if _, _, err := s.Session(t.Context(), []byte{0}); !errors.Is(err, store.ErrNoRows) {
			t.Errorf("the session of who is gone: %v", err)
		}
	})
}

func TestSessionIsReadAsItWasWritten(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		anna := addUser(t, s, store.User{Name: "anna"})
		want := store.Session{Hash: []byte{1, 0, 255}, UserID: anna.ID, Way: "link", Agent: "a browser", Created: start, Expires: start.Add(time.Hour), Used: start}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.AddSession(ctx, tx, want, start, start) })
		check := func() {
			t.Helper()
			got, u, err := s.Session(t.Context(), want.Hash)
			if diff := cmp.Diff(want, got); diff != "" || err != nil || u.ID != anna.ID || !u.LastSeen.Equal(want.Used) {
				t.Errorf("error %v, user %+v, session (-want +got):\n%s", err, u, diff)
			}
			list, err := s.SessionsOf(t.Context(), anna.ID)
			if diff := cmp.Diff([]store.Session{want}, list); diff != "" || err != nil {
				t.Errorf("error %v, list (-want +got):\n%s", err, diff)
			}
		}
		check()
		want.Used, want.RevealUntil = start.Add(time.Minute), start.Add(time.Hour)
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			if err := s.RevealSession(ctx, tx, want.Hash, want.RevealUntil); err != nil {
				return err
			}
			if err := s.TouchSession(ctx, tx, want.Hash, anna.ID, want.Used); err != nil {
				return err
			}
			// What comes late does not turn the clock back.
			return s.TouchSession(ctx, tx, want.Hash, anna.ID, start)
		})
		check()
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.EndSession(ctx, tx, want.Hash) })
		if list, err := s.SessionsOf(t.Context(), anna.ID); len(list) != 0 || err != nil {
			t.Errorf("left %+v, error %v", list, err)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.EndSession(ctx, tx, want.Hash) })
		err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error { return s.RevealSession(ctx, tx, want.Hash, start) })
		if !errors.Is(err, store.ErrNoRows) {
			t.Errorf("showing personal data in it: %v", err)
		}
	})
}

func TestEndedSessionsOfOneUserAreCounted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		anna, ben := addUser(t, s, store.User{Name: "anna"}), addUser(t, s, store.User{Name: "ben"})
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			for i, id := range []int64{anna.ID, ben.ID, anna.ID} {
				if err := s.AddSession(ctx, tx, store.Session{Hash: []byte{byte(i)}, UserID: id, Expires: start.Add(time.Hour)}, start, start); err != nil {
					return err
				}
			}
			return s.AddLink(ctx, tx, []byte("link"), anna.ID, start.Add(time.Hour), start)
		})
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			n, err := s.EndSessions(ctx, tx, anna.ID)
			if n != 2 {
				t.Errorf("%d ended", n)
			}
			return err
		})
		if list, err := s.SessionsOf(t.Context(), ben.ID); len(list) != 1 || err != nil {
			t.Errorf("the other one has %+v, error %v", list, err)
		}
		err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			_, err := s.TakeLink(ctx, tx, []byte("link"), start)
			return err
		})
		if !errors.Is(err, store.ErrNoRows) {
			t.Errorf("the link: %v", err)
		}
	})
}

func TestLinkIsTakenOnceAndInTime(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		anna := addUser(t, s, store.User{Name: "anna"})
		take := func(name string, at time.Time) (id int64, err error) {
			err = s.Write(t.Context(), func(ctx context.Context, tx store.Tx) (err error) {
				id, err = s.TakeLink(ctx, tx, []byte(name), at)
				return err
			})
			return id, err
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			if err := s.AddLink(ctx, tx, []byte("short"), anna.ID, start.Add(time.Minute), start); err != nil {
				return err
			}
			return s.AddLink(ctx, tx, []byte("long"), anna.ID, start.Add(time.Hour), start)
		})
		if _, err := take("short", start.Add(time.Minute)); !errors.Is(err, store.ErrNoRows) {
			t.Errorf("too late: %v", err)
		}
		if id, err := take("long", start.Add(time.Hour-time.Millisecond)); id != anna.ID || err != nil {
			t.Errorf("in time: %d, error %v", id, err)
		}
		if _, err := take("long", start); !errors.Is(err, store.ErrNoRows) {
			t.Errorf("twice: %v", err)
		}
		// A new link takes old ones away.
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return s.AddLink(ctx, tx, []byte("new"), anna.ID, start.Add(2*time.Hour), start.Add(time.Minute))
		})
		var n int
		if err := s.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
			return tx.QueryRow(ctx, `SELECT COUNT(*) FROM sign_in_links`).Scan(&n)
		}); err != nil || n != 1 {
			t.Errorf("%d links, error %v", n, err)
		}
	})
}

func TestAPITokenIsReadAsItWasWritten(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		anna := addUser(t, s, store.User{Name: "anna", Role: "admin"})
		want := store.APIToken{Hash: []byte{1, 0, 255}, Prefix: "abcdefgh", Name: "ci", UserID: anna.ID, UserName: "anna", Role: "operator", Created: start, Expires: start.Add(time.Hour)}
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			want.ID, err = s.AddAPIToken(ctx, tx, want, start)
			return err
		})
		check := func() {
			t.Helper()
			got, u, err := s.APITokenByHash(t.Context(), want.Hash)
			if diff := cmp.Diff(want, got); diff != "" || err != nil || u.ID != anna.ID || u.Role != "admin" {
				t.Errorf("error %v, user %+v, token (-want +got):\n%s", err, u, diff)
			}
			for _, id := range []int64{anna.ID, 0} {
				list, err := s.APITokens(t.Context(), id)
				if diff := cmp.Diff([]store.APIToken{want}, list); diff != "" || err != nil {
					t.Errorf("error %v, list of %d (-want +got):\n%s", err, id, diff)
				}
			}
			write(t, s, func(ctx context.Context, tx store.Tx) error {
				got, err := s.APIToken(ctx, tx, want.ID)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("by number (-want +got):\n%s", diff)
				}
				return err
			})
		}
		check()
		want.Used = start.Add(time.Minute)
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return s.TouchAPIToken(ctx, tx, want.ID, anna.ID, want.Used)
		})
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.TouchAPIToken(ctx, tx, want.ID, anna.ID, start) })
		check()
		again := func() error {
			return s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
				_, err := s.AddAPIToken(ctx, tx, store.APIToken{Hash: []byte("another"), Name: "ci", UserID: anna.ID, Role: "viewer"}, start)
				return err
			})
		}
		if err := again(); !errors.Is(err, store.ErrTaken) {
			t.Errorf("the same name: %v", err)
		}
		want.Revoked = start.Add(time.Hour)
		for i, first := range []bool{true, false} {
			write(t, s, func(ctx context.Context, tx store.Tx) error {
				did, err := s.RevokeAPIToken(ctx, tx, want.ID, want.Revoked.Add(time.Duration(i)*time.Hour))
				if did != first {
					t.Errorf("revoking it: %v", did)
				}
				return err
			})
		}
		check()
		if err := again(); err != nil {
			t.Errorf("the name of a revoked one: %v", err)
		}
		if _, _, err := s.APITokenByHash(t.Context(), []byte("nothing")); !errors.Is(err, store.ErrNoRows) {
			t.Errorf("an unknown one: %v", err)
		}
	})
}

func TestFailuresBlockForAsLongAsIsSaid(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		wait := func(failures int) time.Duration { return time.Duration(failures/2) * time.Minute }
		count := func(subject string, at time.Time) error {
			return s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
				return s.CountFailure(ctx, tx, subject, at.Add(-time.Hour), at, wait)
			})
		}
		until := func(err error) time.Time {
			if e, ok := errors.AsType[*store.Throttled](err); ok {
				return e.Until
			}
			return time.Time{}
		}
		at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
		for i, step := range []struct {
			at      time.Time
			blocked time.Time
		}{
			{at(0), time.Time{}},                  // 1
			{at(0), time.Time{}},                  // 2: a minute from now on
			{at(0), at(1)},                        // not counted
			{at(1).Add(-time.Millisecond), at(1)}, // nor this
			{at(1), time.Time{}},                  // 3
			{at(2), time.Time{}},                  // 4: two minutes
			{at(3), at(4)},
			{at(4), time.Time{}},  // 5
			{at(65), time.Time{}}, // all is forgotten: 1
			{at(65), time.Time{}}, // 2
			{at(65), at(66)},
		} {
			if err := count("anna", step.at); !until(err).Equal(step.blocked) || step.blocked.IsZero() && err != nil {
				t.Errorf("step %d: %v, want blocked until %s", i, err, step.blocked)
			}
		}
		if err := count("ben", at(65)); err != nil {
			t.Errorf("another subject: %v", err)
		}
		// Taking one back, and all.
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.UncountFailure(ctx, tx, "anna") })
		if err := count("anna", at(65)); err != nil {
			t.Errorf("after one was taken back: %v", err)
		}
		if err := count("anna", at(65)); !until(err).Equal(at(66)) {
			t.Errorf("and the next: %v", err)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.ForgetFailures(ctx, tx, "anna") })
		if err := count("anna", at(65)); err != nil {
			t.Errorf("after all were forgotten: %v", err)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			if err := s.UncountFailure(ctx, tx, "nobody"); err != nil {
				return err
			}
			return s.ForgetOldFailures(ctx, tx, at(65).Add(time.Millisecond))
		})
		var n int
		if err := s.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
			return tx.QueryRow(ctx, `SELECT COUNT(*) FROM sign_in_failures`).Scan(&n)
		}); err != nil || n != 0 {
			t.Errorf("%d subjects are kept, error %v", n, err)
		}
	})
}

func TestSealedSettingIsReadableByItsOwnNameOnly(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		if got, err := s.SealedSetting(t.Context(), "mail"); got != nil || err != nil {
			t.Errorf("at first %q, error %v", got, err)
		}
		for _, value := range []string{"one", "a secret"} {
			write(t, s, func(ctx context.Context, tx store.Tx) error {
				return s.SetSealedSetting(ctx, tx, "mail", []byte(value), start)
			})
			if got, err := s.SealedSetting(t.Context(), "mail"); string(got) != value || err != nil {
				t.Errorf("%q, error %v", got, err)
			}
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			var sealed []byte
			if err := tx.QueryRow(ctx, `SELECT value FROM sealed_settings`).Scan(&sealed); err != nil {
				return err
			}
			if strings.Contains(string(sealed), "secret") {
				t.Errorf("the database has %q", sealed)
			}
			_, err := tx.Exec(ctx, `UPDATE sealed_settings SET name = 'oidc'`)
			return err
		})
		if got, err := s.SealedSetting(t.Context(), "oidc"); err == nil {
			t.Errorf("moved to another name it opens as %q", got)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.SetSealedSetting(ctx, tx, "oidc", nil, start) })
		if got, err := s.SealedSetting(t.Context(), "oidc"); got != nil || err != nil {
			t.Errorf("removed %q, error %v", got, err)
		}
	})
}

func TestValueOfTheInstallationIsTakenOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.SetMeta(ctx, tx, "code", "7") })
		for _, step := range []struct {
			value string
			want  bool
		}{{"8", false}, {"7", true}, {"7", false}} {
			write(t, s, func(ctx context.Context, tx store.Tx) error {
				took, err := s.TakeMeta(ctx, tx, "code", step.value)
				if took != step.want {
					t.Errorf("%s: %v", step.value, took)
				}
				return err
			})
		}
	})
}
