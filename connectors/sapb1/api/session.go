package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
)

// sessionState is the name under which the session is kept for all workers and nodes: each one takes a licence seat, so there is only one.
const sessionState = "session"

// refusalRest is how long credentials that were refused are not tried again by themselves: Business One locks users after a few wrong passwords.
const refusalRest = 15 * time.Minute

// session is a login as it is kept. Route pins the node behind a load balancer; a session lives on one node.
type session struct {
	ID    string `json:"id,omitempty"`
	Route string `json:"route,omitempty"`
	// RefusedAt and Refused say when which credentials were refused; no session is there then.
	RefusedAt time.Time `json:"refused_at,omitzero"`
	Refused   string    `json:"refused,omitempty"`
	Reason    string    `json:"reason,omitempty"`
}

func (s session) cookies() string {
	if s.Route == "" {
		return "B1SESSION=" + s.ID
	}
	return "B1SESSION=" + s.ID + "; ROUTEID=" + s.Route
}

// used remembers the session that a call was made with, so that only that one is replaced when it has ended.
type used struct {
	id string
	// tried says that this call signed in already: it is done once a call, whatever a person asks for.
	tried bool
}

type usedKey struct{}

type retryKey struct{}

// TryAgain lets a call sign in although the credentials were refused a moment ago: a person asks for it.
func TryAgain(ctx context.Context) context.Context { return context.WithValue(ctx, retryKey{}, true) }

func (c *Client) authorize(ctx context.Context, req *http.Request) error {
	if c.account.OAuth != nil {
		return c.bearer(ctx, req)
	}
	c.mu.Lock()
	s := c.session
	c.mu.Unlock()
	if s.ID == "" {
		var err error
		if s, err = c.signIn(ctx, ""); err != nil {
			return err
		}
	}
	if u, ok := ctx.Value(usedKey{}).(*used); ok {
		u.id = s.ID
	}
	req.Header.Set("Cookie", s.cookies())
	return nil
}

func (c *Client) renew(ctx context.Context) error {
	u, ok := ctx.Value(usedKey{}).(*used)
	if !ok {
		return errors.New("sapb1: a call without its session")
	}
	if c.account.OAuth != nil {
		return c.newToken(ctx, u.id)
	}
	_, err := c.signIn(ctx, u.id)
	return err
}

// signIn gives a session that is not the ended one: that of another worker, or a new one. Only one worker of all nodes signs in at a time.
func (c *Client) signIn(ctx context.Context, ended string) (session, error) {
	asked, _ := ctx.Value(retryKey{}).(bool)
	if u, ok := ctx.Value(usedKey{}).(*used); ok {
		asked, u.tried = asked && !u.tried, true
	}
	kept, err := c.account.State.Update(ctx, sessionState, func(ctx context.Context, current []byte) ([]byte, error) {
		now := readSession(current)
		if now.ID != "" && now.ID != ended {
			return current, nil
		}
		if now.ID != "" {
			// A path that the server does not know is answered like a session that has ended; opening another each time would use the licence seats up.
			if alive, err := c.alive(ctx, now); alive || err != nil {
				return current, err
			}
		}
		if now.Refused == c.fingerprint() && c.account.Now().Sub(now.RefusedAt) < refusalRest && !asked {
			return current, nil
		}
		next, err := c.login(ctx)
		if err != nil {
			return nil, err
		}
		return json.Marshal(next)
	})
	if err != nil {
		return session{}, err
	}
	s := readSession(kept)
	if s.ID == "" {
		return session{}, refused(s.Reason)
	}
	c.mu.Lock()
	c.session = s
	c.mu.Unlock()
	return s, nil
}

// alive asks whether a session still is one.
func (c *Client) alive(ctx context.Context, s session) (bool, error) {
	_, err := c.http.Do(ctx, httpx.Call{
		Op: "look at the session", Method: http.MethodPost, Path: "/CompanyService_GetCompanyInfo", JSON: Fields{}, Anonymous: true, Safe: true, Header: http.Header{"Cookie": {s.cookies()}},
	})
	if connector.KindOf(err) == connector.KindAuth {
		return false, nil
	}
	return err == nil, err
}

// readSession reads what is kept; what cannot be read counts as nothing.
func readSession(kept []byte) (s session) {
	if len(kept) == 0 || json.Unmarshal(kept, &s) != nil {
		return session{}
	}
	return s
}

// fingerprint tells credentials apart without being them.
func (c *Client) fingerprint() string {
	sum := sha256.Sum256([]byte(c.account.Company + "\x00" + c.account.User + "\x00" + c.account.Password.Reveal()))
	return hex.EncodeToString(sum[:8])
}

func refused(reason string) *connector.Error {
	return &connector.Error{
		Kind: connector.KindAuth, Op: "sign in", Message: "Business One does not accept the credentials: " + reason,
		Fix: "check company_db, user_name and password, then check the connection; after several wrong passwords Business One locks the user, and an administrator must unlock it",
	}
}

// login opens a session. Credentials that are refused are no error: that is kept, too, so that no worker tries them again.
func (c *Client) login(ctx context.Context) (session, error) {
	body := map[string]string{"CompanyDB": c.account.Company, "UserName": c.account.User, "Password": c.account.Password.Reveal()}
	if c.account.Language != "" {
		body["Language"] = c.account.Language
	}
	var answer struct {
		SessionID string `json:"SessionId"`
	}
	// A login changes nothing in the company, so repeating it is safe.
	resp, err := c.http.Do(ctx, httpx.Call{Op: "sign in", Method: http.MethodPost, Path: "/Login", JSON: body, Out: &answer, Anonymous: true, Safe: true})
	if err != nil {
		e, ok := errors.AsType[*connector.Error](err)
		if ok && resp != nil && resp.Status < 500 && !e.Kind.Temporary() && e.Kind != connector.KindNotFound {
			return session{RefusedAt: c.account.Now(), Refused: c.fingerprint(), Reason: e.Message}, nil
		}
		if ok && e.Kind == connector.KindNotFound {
			e.Fix = "check base_url: it is the address and port of the Service Layer, such as https://erp.example.com:50000"
		}
		return session{}, err
	}
	s := session{ID: answer.SessionID}
	for _, cookie := range (&http.Response{Header: resp.Header}).Cookies() {
		switch cookie.Name {
		case "B1SESSION":
			s.ID = cookie.Value
		case "ROUTEID":
			s.Route = cookie.Value
		}
	}
	if s.ID == "" || strings.ContainsAny(s.ID+s.Route, "\r\n;") {
		return session{}, connector.Errorf(connector.KindUnavailable, "sign in", "the answer has no session")
	}
	c.mu.Lock()
	c.own = s.ID
	c.mu.Unlock()
	return s, nil
}

// Close ends the session if this client opened it and it is still the one in use; others then sign in anew.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	own := c.own
	c.own, c.session = "", session{}
	c.mu.Unlock()
	if own == "" {
		return nil
	}
	_, err := c.account.State.Update(ctx, sessionState, func(ctx context.Context, current []byte) ([]byte, error) {
		s := readSession(current)
		if s.ID != own {
			return current, nil
		}
		_, err := c.http.Do(ctx, httpx.Call{
			Op: "sign out", Method: http.MethodPost, Path: "/Logout", Anonymous: true, Safe: true, Header: http.Header{"Cookie": {s.cookies()}},
		})
		if err != nil && connector.KindOf(err) != connector.KindAuth { // it had ended by itself
			return nil, err
		}
		return nil, nil
	})
	if err != nil {
		return fmt.Errorf("end the session: %w", err)
	}
	return nil
}
