package people

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/internal/secret"
	"github.com/orderlyhq/orderly/internal/store"
)

// settingOIDC is where the store keeps the configuration, sealed.
const settingOIDC = "oidc"

// OIDCConfig says how people sign in through an OpenID Connect provider.
type OIDCConfig struct {
	// Title is what the button says: "Sign in with TITLE".
	Title string `json:"title"`
	// Issuer is the provider's address, exactly as it calls itself: https://login.example.com/realm.
	Issuer   string `json:"issuer"`
	ClientID string `json:"client_id"`
	// ClientSecret is the secret, or a reference ${env:ORDERLY_OIDC_…} to an environment variable of the server. When it
	// is read, a secret is left out (HasSecret); when it is empty on saving, the one that is kept stays.
	ClientSecret string `json:"client_secret"`
	HasSecret    bool   `json:"-"`
	// Scopes are what is asked for beside openid; email and profile when there are none.
	Scopes []string `json:"scopes"`
	// Create lets people in who are no users yet, when their address is in one of the Domains and they have a role.
	Create  bool     `json:"create"`
	Domains []string `json:"domains"` // example.com; none: all
	// RoleClaim is the claim that tells the role: a name, or names with dots for a claim inside another. Its values are
	// looked up in Roles; the greatest role counts, at each sign-in. Without a claim, users keep the role that they have.
	RoleClaim string          `json:"role_claim"`
	Roles     map[string]Role `json:"roles"`
	// DefaultRole is that of new users, and of those whose claim names none in Roles. Empty: they are not let in.
	DefaultRole Role `json:"default_role"`
	// AssumeVerified takes addresses as verified although the provider does not say so. It is for a provider of one's own
	// company where nobody chooses an address, such as a single tenant of Microsoft Entra ID; elsewhere it lets strangers in.
	AssumeVerified bool `json:"assume_verified"`
}

var secretReference = regexp.MustCompile(`^\$\{env:ORDERLY_OIDC_[A-Z0-9_]+\}$`)

// check brings a configuration into its one form, or says what cannot be taken.
func (c *OIDCConfig) check() error {
	refuse := func(field, why string) error { return &InputError{Field: field, Message: why} }
	c.Title, c.Issuer, c.ClientID = printable(c.Title), strings.TrimSpace(c.Issuer), strings.TrimSpace(c.ClientID)
	c.ClientSecret, c.RoleClaim = strings.TrimSpace(c.ClientSecret), strings.TrimSpace(c.RoleClaim)
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || (u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname()))) {
		return refuse("issuer", "give the provider's address, which begins with https://")
	}
	if c.ClientID == "" {
		return refuse("client_id", "give the client id that the provider has for Orderly")
	}
	if strings.Contains(c.ClientSecret, "${") && !secretReference.MatchString(c.ClientSecret) {
		return refuse("client_secret", "a reference is written ${env:ORDERLY_OIDC_…}; other variables and files cannot be named here")
	}
	c.Scopes = words(c.Scopes)
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"email", "profile"}
	}
	c.Domains = words(c.Domains)
	for i, d := range c.Domains {
		c.Domains[i] = strings.ToLower(strings.TrimPrefix(d, "@"))
		if strings.ContainsAny(c.Domains[i], "@/*:") {
			return refuse("domains", "write domains as example.com, each in full")
		}
	}
	for value, role := range c.Roles {
		if !role.known() {
			return refuse("roles", "the role of "+value+" is none of viewer, operator, admin")
		}
	}
	if c.DefaultRole != "" && !c.DefaultRole.known() {
		return refuse("default_role", "it is none of viewer, operator, admin; empty lets nobody in who has no role otherwise")
	}
	if len(c.Roles) > 0 && c.RoleClaim == "" {
		return refuse("role_claim", "say which claim the roles are looked up in")
	}
	if c.Create && c.DefaultRole == "" && len(c.Roles) == 0 {
		return refuse("default_role", "new users need a role: give this one, or a claim and its roles")
	}
	return nil
}

// words gives a list without empty entries and openid, which is always asked for.
func words(list []string) []string {
	var out []string
	for _, text := range list {
		for word := range strings.FieldsSeq(text) {
			if word != "openid" && !slices.Contains(out, word) {
				out = append(out, word)
			}
		}
	}
	return out
}

// OIDC gives the configuration; false when there is none. The client secret is left out, unless it is a reference.
func (s *Service) OIDC(ctx context.Context) (OIDCConfig, bool, error) {
	c, found, err := s.oidc(ctx)
	c.HasSecret = c.ClientSecret != ""
	if !secretReference.MatchString(c.ClientSecret) {
		c.ClientSecret = ""
	}
	return c, found, err
}

// oidc gives the configuration with the secret as it is kept.
func (s *Service) oidc(ctx context.Context) (c OIDCConfig, found bool, err error) {
	kept, err := s.store.SealedSetting(ctx, settingOIDC)
	if err != nil || kept == nil {
		return c, false, err
	}
	return c, true, wrap("read the setting of OpenID Connect", json.Unmarshal(kept, &c))
}

// SetOIDC asks the provider for its description and keeps the configuration. An *InputError says what cannot be taken,
// an *OIDCError what the provider answered. Another provider knows people by other names, and so may the same one for
// another client: then each user joins anew by the address, and ErrOnlyProvider says that no administrator could come in
// meanwhile.
func (s *Service) SetOIDC(ctx context.Context, by Person, c OIDCConfig, why string) error {
	if err := by.inPerson(); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	before, found, err := s.oidc(ctx)
	if err != nil {
		return err
	}
	same := found && before.Issuer == c.Issuer && before.ClientID == c.ClientID
	if c.ClientSecret == "" && same {
		c.ClientSecret = before.ClientSecret // a secret goes to the provider that it was given for, and to no other
	}
	s.forgetProvider(c.Issuer)
	if _, err := s.provider(ctx, c.Issuer); err != nil {
		return err
	}
	if _, err := clientSecret(c); err != nil {
		return err
	}
	kept, err := json.Marshal(c)
	if err != nil {
		return wrap("keep the setting of OpenID Connect", err)
	}
	return s.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		now := s.now()
		if !same {
			if err := s.forgetSubjects(ctx, tx); err != nil {
				return err
			}
		}
		if err := s.store.SetSealedSetting(ctx, tx, settingOIDC, kept, now); err != nil {
			return err
		}
		return s.auditOIDC(ctx, tx, by, "change", why, detail("issuer", c.Issuer, "client_id", c.ClientID), now)
	})
}

// RemoveOIDC ends signing in through a provider. Sessions go on, and users stay; should the provider come back, each
// joins anew by the address. ErrOnlyProvider when no administrator could come in any more.
func (s *Service) RemoveOIDC(ctx context.Context, by Person, why string) error {
	return s.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		now := s.now()
		if err := s.forgetSubjects(ctx, tx); err != nil {
			return err
		}
		if err := s.store.SetSealedSetting(ctx, tx, settingOIDC, nil, now); err != nil {
			return err
		}
		return s.auditOIDC(ctx, tx, by, "remove", why, "", now)
	})
}

// forgetSubjects takes from all users what the provider knows them by, unless it is the only way in for administrators.
func (s *Service) forgetSubjects(ctx context.Context, tx store.Tx) error {
	before, err := s.store.OtherAdmins(ctx, tx, string(Admin), 0)
	if err != nil {
		return wrap("count the administrators", err)
	}
	if err := s.store.ForgetSubjects(ctx, tx); err != nil {
		return wrap("forget who people are at the provider", err)
	}
	after, err := s.store.OtherAdmins(ctx, tx, string(Admin), 0)
	if err != nil {
		return wrap("count the administrators", err)
	}
	if before > 0 && after == 0 {
		return ErrOnlyProvider
	}
	return nil
}

func (s *Service) auditOIDC(ctx context.Context, tx store.Tx, by Person, what, why, detail string, now time.Time) error {
	return s.store.Audit(ctx, tx, by.Who(), what, "setting/oidc", why, detail, now)
}

// clientSecret gives the secret itself, where a reference is kept.
func clientSecret(c OIDCConfig) (string, error) {
	if !secretReference.MatchString(c.ClientSecret) {
		return c.ClientSecret, nil
	}
	resolver := secret.Resolver{LookupEnv: os.LookupEnv}
	text, err := resolver.Resolve(c.ClientSecret)
	if err != nil {
		return "", &InputError{Field: "client_secret", Message: err.Error()}
	}
	return text, nil
}
