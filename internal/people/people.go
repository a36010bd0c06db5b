// Package people knows who uses Orderly and what each may do: users and roles, passwords, sessions, API tokens, one-time
// sign-in links and sign-in by OpenID Connect, and the one guard that stands before every page and every call.
//
// It knows no HTML, no screen and nothing of orders. No error or log line of it holds a secret.
package people

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Role is what a person may do. Each role may do all that the ones before it may.
type Role string

const (
	// Viewer sees everything and changes nothing.
	Viewer Role = "viewer"
	// Operator does the daily work: runs, retries, fixes causes, changes maps.
	Operator Role = "operator"
	// Admin also changes connections, flows, people and settings.
	Admin Role = "admin"

	// Everybody is no role: it is what a route needs that is open to all, such as the sign-in page.
	Everybody Role = ""
)

// Roles gives all roles, the least first.
func Roles() []Role { return []Role{Viewer, Operator, Admin} }

// ParseRole reads a role as people write it.
func ParseRole(text string) (Role, error) {
	r := Role(strings.ToLower(strings.TrimSpace(text)))
	if !r.known() {
		return "", &InputError{Field: "role", Message: fmt.Sprintf("%q is none of viewer, operator, admin", text)}
	}
	return r, nil
}

func (r Role) known() bool { return slices.Contains(Roles(), r) }

// Allows tells whether a person with this role may do what needs the other. A role that is unknown allows nothing and
// is allowed to nobody.
func (r Role) Allows(needed Role) bool {
	have, need := slices.Index(Roles(), r), slices.Index(Roles(), needed)
	return need >= 0 && have >= need
}

// Person is somebody who was recognised, and what they may do at this moment.
type Person struct {
	ID   int64  // of the user
	Name string // of the user
	Role Role   // that of the user, or less when an API token was used
	// Token is the name of the API token that was used, or empty.
	Token string
}

// Who names the person for the audit: `anna`, or `anna (token ci)`.
func (p Person) Who() string {
	if p.Token == "" {
		return p.Name
	}
	return p.Name + " (token " + p.Token + ")"
}

// inPerson refuses an API token for what would outlive it.
func (p Person) inPerson() error {
	if p.Token != "" {
		return ErrByToken
	}
	return nil
}

type contextKey struct{}

// NewContext gives a context that carries the person. The guard does it for every request; tests may.
func NewContext(ctx context.Context, p Person) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// FromContext gives the person whom the guard recognised; false where no guard stood before.
func FromContext(ctx context.Context) (Person, bool) {
	p, ok := ctx.Value(contextKey{}).(Person)
	return p, ok
}
