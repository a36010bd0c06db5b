package sapb1_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/sapb1"
	b1fake "github.com/orderlyhq/orderly/connectors/sapb1/fake"
	"github.com/orderlyhq/orderly/internal/httpx"
)

func TestOneSessionForAllWorkers(t *testing.T) {
	p := open(t, nil)
	other := p.connect(nil)
	var group sync.WaitGroup
	for _, conn := range []*connector.Conn{p.conn, other, p.conn, other} {
		group.Go(func() {
			if _, err := conn.Items.FindItems(t.Context(), []string{"MUG"}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if p.vendor.Logins() != 1 || p.vendor.Sessions() != 1 {
		t.Errorf("%d logins, %d sessions", p.vendor.Logins(), p.vendor.Sessions())
	}
	// All sessions end, and everybody notices at once.
	p.vendor.ExpireSessions()
	for _, conn := range []*connector.Conn{p.conn, other, p.conn, other} {
		group.Go(func() {
			if _, err := conn.Items.FindItems(t.Context(), []string{"MUG"}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if p.vendor.Logins() != 2 {
		t.Errorf("%d logins after the sessions ended, want one more", p.vendor.Logins())
	}
	p.healthy()
}

// A release without webhooks answers their path like a session that has ended.
func TestPathThatIsNotThereOpensNoSessions(t *testing.T) {
	p := open(t, nil)
	p.setSpoil(func(req *http.Request, _ int) (*http.Response, error) {
		if strings.Contains(req.URL.Path, "EventSubscriptions") {
			return answered(req, 401, `{"error":{"code":"301","message":"Invalid session or session already timeout."}}`), nil
		}
		return nil, nil
	})
	for range 5 {
		_, err := p.conn.Registrar.Webhooks(t.Context(), hookURL)
		if e, ok := errors.AsType[*connector.Error](err); !ok || e.Kind != connector.KindNotFound || !strings.Contains(e.Fix, "FP 2602") {
			t.Error(err)
		}
	}
	if p.vendor.Logins() != 1 || p.vendor.Sessions() != 1 {
		t.Errorf("%d logins, %d sessions", p.vendor.Logins(), p.vendor.Sessions())
	}
}

func TestIdleSession(t *testing.T) {
	p := open(t, nil)
	for range 3 {
		if _, err := p.conn.Items.FindItems(t.Context(), []string{"MUG"}); err != nil {
			t.Fatal(err)
		}
		p.wait(31 * time.Minute)
	}
	if p.vendor.Logins() != 3 {
		t.Errorf("%d logins", p.vendor.Logins())
	}
}

func TestCloseEndsOnlyTheOwnSession(t *testing.T) {
	p := open(t, nil)
	if _, err := p.conn.Connector.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	guest := p.connect(nil)
	if _, err := guest.Items.FindItems(t.Context(), []string{"MUG"}); err != nil {
		t.Fatal(err)
	}
	if err := guest.Connector.Close(t.Context()); err != nil || p.vendor.Sessions() != 1 {
		t.Errorf("%d sessions, %v", p.vendor.Sessions(), err)
	}
	if err := p.conn.Connector.Close(t.Context()); err != nil || p.vendor.Sessions() != 0 {
		t.Errorf("%d sessions, %v", p.vendor.Sessions(), err)
	}
	// What is closed twice, or had ended by itself, is no error.
	if err := p.conn.Connector.Close(t.Context()); err != nil {
		t.Error(err)
	}
	again := p.connect(nil)
	if _, err := again.Connector.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.vendor.ExpireSessions()
	if err := again.Connector.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWrongPasswordIsNotTriedAgain(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		p := open(t, nil)
		wrong := p.connect(map[string]string{"password": "guess-1234", "api_version": version})
		for range 10 {
			_, err := wrong.Items.FindItems(t.Context(), []string{"MUG"})
			e, ok := errors.AsType[*connector.Error](err)
			if !ok || e.Kind != connector.KindAuth || !strings.Contains(e.Fix, "locks") || strings.Contains(err.Error(), "guess-1234") {
				t.Fatalf("%v", err)
			}
		}
		if n := p.calls("POST", "/Login"); n != 1 {
			t.Errorf("%d logins with a wrong password", n)
		}
		// A person who checks the connection may try again; so may whoever has the right one.
		if _, err := wrong.Connector.Check(t.Context()); connector.KindOf(err) != connector.KindAuth || p.calls("POST", "/Login") != 2 {
			t.Errorf("%v, %d logins", err, p.calls("POST", "/Login"))
		}
		if _, err := p.conn.Items.FindItems(t.Context(), []string{"MUG"}); err != nil {
			t.Error(err)
		}
		p.wait(time.Hour)
		p.vendor.ExpireSessions()
	}
}

func TestServerThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, nil)
		p.setSpoil(func(req *http.Request, _ int) (*http.Response, error) {
			return answered(req, 503, "<html>Service Unavailable</html>"), nil
		})
		if _, err := p.conn.Connector.Check(t.Context()); connector.KindOf(err) != connector.KindUnavailable {
			t.Error(err)
		}
		p.setSpoil(nil)
		if _, err := p.conn.Connector.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestCheck(t *testing.T) {
	eachVersion(t, func(t *testing.T, options ...b1fake.Option) {
		p := open(t, nil, options...)
		account, err := p.conn.Connector.Check(t.Context())
		if err != nil || account.Currency != "EUR" || account.Name == "" || account.Version == "" || len(account.Findings) != 0 {
			t.Errorf("%+v, %v", account, err)
		}
		p.healthy()
	})
	t.Run("the user field is made", func(t *testing.T) {
		p := open(t, nil, b1fake.WithoutUserField())
		for range 2 {
			account, err := p.conn.Connector.Check(t.Context())
			if err != nil || len(account.Findings) != 0 {
				t.Errorf("%+v, %v", account, err)
			}
		}
		if n := p.calls("POST", "/UserFieldsMD"); n != 2 {
			t.Errorf("%d fields made", n)
		}
		d, err := p.conn.Orders.SaveOrder(t.Context(), p.draft("shop-1", p.customer("shop-c-1"), "EUR", false, sold{"MUG", "1", "12.50", "0.19"}))
		if err != nil || !strings.Contains(string(p.last("POST", "/Orders").body), `"U_OrderlyId":"shop-1"`) {
			t.Errorf("%+v, %v", d, err)
		}
	})
	t.Run("findings", func(t *testing.T) {
		p := open(t, map[string]string{"create_key_field": "false", "time_zone": ""}, b1fake.WithoutUserField(), b1fake.PriceDecimals(2))
		account, err := p.conn.Connector.Check(t.Context())
		if err != nil || len(account.Findings) != 4 {
			t.Errorf("%+v, %v", account.Findings, err)
		}
		for _, f := range account.Findings {
			if f.Text == "" || f.Fix == "" || f.Level != "warning" {
				t.Errorf("%+v", f)
			}
		}
	})
	t.Run("no rights", func(t *testing.T) {
		p := open(t, nil)
		p.vendor.Restrict()
		if _, err := p.conn.Connector.Check(t.Context()); connector.KindOf(err) != connector.KindForbidden {
			t.Error(err)
		}
	})
	t.Run("another address", func(t *testing.T) {
		p := open(t, nil)
		p.setSpoil(func(req *http.Request, _ int) (*http.Response, error) {
			return answered(req, 404, "<html>Not Found</html>"), nil
		})
		_, err := p.conn.Connector.Check(t.Context())
		if e, ok := errors.AsType[*connector.Error](err); !ok || e.Kind != connector.KindNotFound || !strings.Contains(e.Fix, "base_url") {
			t.Error(err)
		}
	})
}

func TestOAuth(t *testing.T) {
	p := open(t, nil)
	conn := p.connect(p.vendor.OAuthSettings())
	for range 2 {
		if _, err := conn.Connector.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.calls("POST", "/oauth2/token"); n != 1 {
		t.Errorf("%d tokens", n)
	}
	p.vendor.ExpireSessions() // the token, too
	if _, err := conn.Items.FindItems(t.Context(), []string{"MUG"}); err != nil {
		t.Error(err)
	}
	p.wait(2 * time.Hour)
	if _, err := conn.Items.FindItems(t.Context(), []string{"MUG"}); err != nil {
		t.Error(err)
	}
	if n, logins := p.calls("POST", "/oauth2/token"), p.calls("POST", "/Login"); n != 3 || logins != 0 {
		t.Errorf("%d tokens, %d logins", n, logins)
	}
	wrong := p.vendor.OAuthSettings()
	wrong["client_secret"] = "nonsense"
	p.state = &sharedState{values: map[string][]byte{}}
	if _, err := p.connect(wrong).Connector.Check(t.Context()); connector.KindOf(err) != connector.KindAuth {
		t.Error(err)
	}
	if err := conn.Connector.Close(t.Context()); err != nil {
		t.Error(err)
	}
	p.healthy()
}

func TestSettingsThatContradictEachOther(t *testing.T) {
	p := open(t, nil)
	for setting, values := range map[string]map[string]string{
		"user_name":    {"user_name": ""},
		"password":     {"password": ""},
		"token_url":    {"token_url": "https://idp.example.com/token"},
		"key_field":    {"key_field": "my field"},
		"card_prefix":  {"card_prefix": "TOOLONG"},
		"due_days":     {"due_days": "-1"},
		"time_zone":    {"time_zone": "Mars/Olympus"},
		"currencies":   {"currencies": "dollars"},
		"company_db":   {"company_db": ""},
		"api_version":  {"api_version": "v3"},
		"order_series": {"order_series": "many"},
	} {
		all := merged(p.vendor.Settings(), values)
		delete(all, "base_url")
		for name, value := range all {
			if value == "" {
				delete(all, name)
			}
		}
		_, err := connector.Open(t.Context(), sapb1.Definition(), all, connector.Env{Connection: "erp", BaseURL: vendorURL, HTTP: &http.Client{Transport: p}, State: p.state, Now: p.clock})
		if err == nil || !strings.Contains(err.Error(), setting) {
			t.Errorf("%s: %v", setting, err)
		}
	}
}

func TestAddressWithItsPath(t *testing.T) {
	p := open(t, nil)
	values := p.vendor.Settings()
	delete(values, "base_url")
	for _, path := range []string{"/b1s/v1", "/b1s/v2/", "/b1s"} {
		conn, err := connector.Open(t.Context(), sapb1.Definition(), values, connector.Env{Connection: "erp", BaseURL: vendorURL + path, HTTP: &http.Client{Transport: p}, State: p.state, Now: p.clock})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Connector.Check(t.Context()); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	p.healthy()
}

// In a dry run everything that reads works, and nothing is written.
func TestDryRun(t *testing.T) {
	eachVersion(t, func(t *testing.T, options ...b1fake.Option) {
		p := open(t, nil, append(options, b1fake.WithoutUserField())...)
		p.setSpoil(func(req *http.Request, _ int) (*http.Response, error) {
			if httpx.Safe(req) {
				return nil, nil
			}
			return nil, connector.Errorf(connector.KindForbidden, "", "a dry run writes nothing")
		})
		account, err := p.conn.Connector.Check(t.Context())
		if err != nil || len(account.Findings) != 2 {
			t.Errorf("%+v, %v", account, err)
		}
		if found, err := p.conn.Items.FindItems(t.Context(), []string{"MUG"}); err != nil || len(found) != 1 {
			t.Errorf("%v, %v", found, err)
		}
		if _, err := p.conn.Orders.FindOrders(t.Context(), []connector.Key{"shop-1"}); err != nil {
			t.Error(err)
		}
		customer := connector.Document{ID: "C1"}
		draft := p.draft("shop-1", customer, "EUR", false, sold{"MUG", "1", "12.50", "0.19"})
		if _, err := p.conn.Orders.SaveOrder(t.Context(), draft); connector.KindOf(err) != connector.KindForbidden {
			t.Error(err)
		}
		for _, o := range p.conn.Batch.SaveOrders(t.Context(), []connector.OrderDraft{draft}) {
			if connector.KindOf(o.Err) != connector.KindForbidden {
				t.Error(o.Err)
			}
		}
		if s := p.vendor.Stats(); s.Documents != 0 || s.Customers != 0 {
			t.Errorf("%+v", s)
		}
	})
}
