package people

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// User is somebody who can sign in, as administrators see one.
type User struct {
	ID          int64     `json:"id"`
	Name        string    `json:"name"`
	Email       string    `json:"email,omitempty"`
	Role        Role      `json:"role"`
	HasPassword bool      `json:"has_password"`
	HasOIDC     bool      `json:"has_oidc"` // has signed in through the OpenID Connect provider
	Disabled    bool      `json:"disabled,omitempty"`
	Created     time.Time `json:"created"`
	LastSeen    time.Time `json:"last_seen,omitzero"` // to the minute
}

func user(u store.User) User {
	return User{
		ID: u.ID, Name: u.Name, Email: u.Email, Role: Role(u.Role), HasPassword: u.PasswordHash != "", HasOIDC: u.Subject != "",
		Disabled: u.Disabled, Created: u.Created, LastSeen: u.LastSeen,
	}
}

// List gives all users by name.
func (s *Service) List(ctx context.Context) ([]User, error) {
	all, err := s.store.Users(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]User, len(all))
	for i, u := range all {
		list[i] = user(u)
	}
	return list, nil
}

// User gives one user; ErrUnknown when there is none.
func (s *Service) User(ctx context.Context, id int64) (User, error) {
	return s.find(ctx, func(ctx context.Context, tx store.Tx) (store.User, error) { return s.store.UserByID(ctx, tx, id) })
}

// UserNamed gives the user of a name, whatever its case; ErrUnknown when there is none.
func (s *Service) UserNamed(ctx context.Context, name string) (User, error) {
	return s.find(ctx, func(ctx context.Context, tx store.Tx) (store.User, error) {
		return s.store.UserByName(ctx, tx, nameKey(name))
	})
}

func (s *Service) find(ctx context.Context, by func(ctx context.Context, tx store.Tx) (store.User, error)) (User, error) {
	var u store.User
	err := s.store.Read(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		u, err = by(ctx, tx)
		return err
	})
	if errors.Is(err, store.ErrNoRows) {
		return User{}, ErrUnknown
	}
	if err != nil {
		return User{}, wrap("find a user", err)
	}
	return user(u), nil
}

// NewUser is a user to be added.
type NewUser struct {
	Name string
	// Email may be empty. Who signs in through the OpenID Connect provider with this verified address becomes this user.
	Email string
	Role  Role
	// Password may be empty: the user then signs in by a one-time link or through the provider.
	Password string
}

// Add adds a user. An *InputError says what cannot be taken.
func (s *Service) Add(ctx context.Context, by Person, n NewUser, why string) (User, error) {
	if err := by.inPerson(); err != nil {
		return User{}, err
	}
	u, err := s.prepare(ctx, n)
	if err != nil {
		return User{}, err
	}
	err = s.change(ctx, func(ctx context.Context, tx store.Tx, now time.Time, a *action) error {
		*a = action{by: by, what: "add", user: u.Name, why: why, detail: detail("role", u.Role)}
		return s.insert(ctx, tx, &u, now)
	})
	return user(u), err
}

// prepare checks what a new user is made of and hashes the password.
func (s *Service) prepare(ctx context.Context, n NewUser) (u store.User, err error) {
	if u.Name, err = parseName(n.Name); err != nil {
		return u, err
	}
	if u.Email, err = parseEmail(n.Email); err != nil {
		return u, err
	}
	role, err := ParseRole(string(n.Role))
	if err != nil {
		return u, err
	}
	u.NameKey, u.Role = nameKey(u.Name), string(role)
	if n.Password != "" {
		if err := checkPassword(n.Password, u.Name, u.Email); err != nil {
			return u, err
		}
		if u.PasswordHash, err = s.hashing.hash(ctx, n.Password); err != nil {
			return u, wrap("hash a password", err)
		}
	}
	return u, nil
}

// insert adds a user inside a transaction and says what is taken.
func (s *Service) insert(ctx context.Context, tx store.Tx, u *store.User, now time.Time) error {
	id, err := s.store.AddUser(ctx, tx, *u, now)
	if errors.Is(err, store.ErrTaken) {
		if _, err := s.store.UserByName(ctx, tx, u.NameKey); err == nil {
			return &InputError{Field: "name", Message: "there is a user of this name already"}
		}
		return &InputError{Field: "email", Message: "another user has this address"}
	}
	u.ID, u.Created = id, now
	return err
}

// SetPassword gives another user a new password and ends all sessions of that user. For one's own there is
// ChangePassword, which asks for the old one.
func (s *Service) SetPassword(ctx context.Context, by Person, userID int64, password, why string) error {
	if err := by.inPerson(); err != nil {
		return err
	}
	if by.ID == userID {
		return &InputError{Field: "old_password", Message: "change your own password with the old one"}
	}
	u, err := s.User(ctx, userID)
	if err != nil {
		return err
	}
	hash, err := s.hashNew(ctx, password, u)
	if err != nil {
		return err
	}
	return s.changeUser(ctx, by, userID, "set password", why, func(ctx context.Context, tx store.Tx, u store.User, _ *action) error {
		if err := s.store.SetUserPassword(ctx, tx, userID, hash); err != nil {
			return err
		}
		if err := s.store.ForgetFailures(ctx, tx, subject("name", u.NameKey)); err != nil {
			return err
		}
		_, err := s.store.EndSessions(ctx, tx, userID)
		return err
	})
}

// ChangePassword changes a person's own password in a session. All sessions end, and the token of a new one in the
// place of this one is returned. The old password is not looked at when the session does not need it (NeedsOldPassword).
func (s *Service) ChangePassword(ctx context.Context, p Person, session SessionInfo, old, password string, from From) (token string, err error) {
	u, err := s.User(ctx, p.ID)
	if err != nil {
		return "", err
	}
	asked := session.NeedsOldPassword(s.now())
	if asked {
		if !u.HasPassword {
			return "", &InputError{Field: "old_password", Message: "you have no password yet: sign in again, then set one within a quarter of an hour"}
		}
		if len(old) > maxPasswordBytes {
			return "", errOldPassword()
		}
	}
	hash, err := s.hashNew(ctx, password, u)
	if err != nil {
		return "", err
	}
	token, _ = newSecret()
	set := func(ctx context.Context, tx store.Tx, _ store.User, now time.Time) error {
		if err := s.store.SetUserPassword(ctx, tx, p.ID, hash); err != nil {
			return err
		}
		if ended, err := s.store.EndSessions(ctx, tx, p.ID); err != nil {
			return err
		} else if ended == 0 {
			return ErrSignIn // somebody has ended this one meanwhile
		}
		if err := s.startSession(ctx, tx, p.ID, ByPassword, from, token, now); err != nil {
			return err
		}
		return s.audit(ctx, tx, action{by: p, what: "change password", user: p.Name}, now)
	}
	if asked {
		err = s.verify(ctx, nameKey(u.Name), old, from, set)
	} else {
		err = s.store.Write(ctx, func(ctx context.Context, tx store.Tx) error { return set(ctx, tx, store.User{}, s.now()) })
	}
	if errors.Is(err, ErrWrong) {
		return "", errOldPassword()
	}
	if err != nil {
		return "", known(err)
	}
	return token, nil
}

func errOldPassword() error {
	return &InputError{Field: "old_password", Message: "it is not your password"}
}

func (s *Service) hashNew(ctx context.Context, password string, u User) (string, error) {
	if err := checkPassword(password, u.Name, u.Email); err != nil {
		return "", err
	}
	hash, err := s.hashing.hash(ctx, password)
	return hash, wrap("hash a password", err)
}

// SetRole gives a user another role and ends all sessions of that user. ErrLastAdmin when nobody could administer any
// more.
func (s *Service) SetRole(ctx context.Context, by Person, userID int64, role Role, why string) error {
	if err := by.inPerson(); err != nil {
		return err
	}
	role, err := ParseRole(string(role))
	if err != nil {
		return err
	}
	return s.changeUser(ctx, by, userID, "set role", why, func(ctx context.Context, tx store.Tx, u store.User, a *action) error {
		if role != Admin {
			if err := s.keepAdmin(ctx, tx, u); err != nil {
				return err
			}
		}
		a.detail = detail("from", u.Role, "to", string(role))
		if err := s.store.SetUserRole(ctx, tx, userID, string(role)); err != nil {
			return err
		}
		_, err := s.store.EndSessions(ctx, tx, userID)
		return err
	})
}

// SetEmail gives a user another address, or none.
func (s *Service) SetEmail(ctx context.Context, by Person, userID int64, email, why string) error {
	if err := by.inPerson(); err != nil {
		return err
	}
	email, err := parseEmail(email)
	if err != nil {
		return err
	}
	return s.changeUser(ctx, by, userID, "set e-mail address", why, func(ctx context.Context, tx store.Tx, u store.User, _ *action) error {
		if other, err := s.store.UserByEmail(ctx, tx, email); err == nil && other.ID != u.ID {
			return &InputError{Field: "email", Message: "another user has this address"}
		} else if err != nil && !errors.Is(err, store.ErrNoRows) {
			return err
		}
		return s.store.SetUserEmail(ctx, tx, userID, email)
	})
}

// Disable keeps a user out, with all sessions, tokens and links, until Enable. ErrLastAdmin when nobody could
// administer any more.
func (s *Service) Disable(ctx context.Context, by Person, userID int64, why string) error {
	return s.changeUser(ctx, by, userID, "disable", why, func(ctx context.Context, tx store.Tx, u store.User, _ *action) error {
		if err := s.keepAdmin(ctx, tx, u); err != nil {
			return err
		}
		if err := s.store.SetUserDisabled(ctx, tx, userID, true); err != nil {
			return err
		}
		_, err := s.store.EndSessions(ctx, tx, userID)
		return err
	})
}

// Enable lets a disabled user in again.
func (s *Service) Enable(ctx context.Context, by Person, userID int64, why string) error {
	if err := by.inPerson(); err != nil {
		return err
	}
	return s.changeUser(ctx, by, userID, "enable", why, func(ctx context.Context, tx store.Tx, _ store.User, _ *action) error {
		return s.store.SetUserDisabled(ctx, tx, userID, false)
	})
}

// Remove removes a user with all sessions and tokens; the audit keeps what was done. ErrLastAdmin when nobody could
// administer any more.
func (s *Service) Remove(ctx context.Context, by Person, userID int64, why string) error {
	return s.changeUser(ctx, by, userID, "remove", why, func(ctx context.Context, tx store.Tx, u store.User, _ *action) error {
		if err := s.keepAdmin(ctx, tx, u); err != nil {
			return err
		}
		return s.store.RemoveUser(ctx, tx, userID)
	})
}

// changeUser changes a user that exists.
func (s *Service) changeUser(ctx context.Context, by Person, userID int64, what, why string,
	do func(ctx context.Context, tx store.Tx, u store.User, a *action) error) error {
	return s.change(ctx, func(ctx context.Context, tx store.Tx, _ time.Time, a *action) error {
		u, err := s.store.UserByID(ctx, tx, userID)
		if err != nil {
			return err
		}
		*a = action{by: by, what: what, user: u.Name, why: why}
		return do(ctx, tx, u, a)
	})
}

// keepAdmin refuses to lose the last user who can administer.
func (s *Service) keepAdmin(ctx context.Context, tx store.Tx, u store.User) error {
	others, err := s.store.OtherAdmins(ctx, tx, string(Admin), u.ID)
	if err != nil {
		return wrap("count the administrators", err)
	}
	if others == 0 && Role(u.Role) == Admin && !u.Disabled {
		return ErrLastAdmin
	}
	return nil
}

// detail is what the audit keeps beside the words: names and values as a JSON object.
func detail(pairs ...string) string {
	values := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	text, _ := json.Marshal(values) // texts can always be written
	return string(text)
}
