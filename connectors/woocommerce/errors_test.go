package woocommerce_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/woocommerce"
	woofake "github.com/orderlyhq/orderly/connectors/woocommerce/fake"
)

// signed is a webhook that proves to come from the shop.
func (s *shop) signed(topic, body string) connector.Request {
	mac := hmac.New(sha256.New, []byte(s.vendor.Settings()["webhook_secret"]))
	mac.Write([]byte(body))
	header := http.Header{}
	header.Set("X-WC-Webhook-Topic", topic)
	header.Set("X-WC-Webhook-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return connector.Request{Method: http.MethodPost, URL: address, Header: header, Body: []byte(body)}
}

const htmlPage = "<!doctype html><html><body><h1>Sorry, you have been blocked</h1></body></html>"

func TestWhatAnswersMean(t *testing.T) {
	for name, c := range map[string]struct {
		status       int
		header, body string
		write        bool
		want         connector.ErrorKind
		fix          string
	}{
		"an order that is gone":              {status: 404, body: `{"code":"woocommerce_rest_shop_order_invalid_id","message":"Invalid ID.","data":{"status":404}}`, want: connector.KindNotFound},
		"an older version's missing order":   {status: 400, body: `{"code":"woocommerce_rest_shop_order_invalid_id","message":"Invalid ID.","data":{"status":400}}`, want: connector.KindNotFound},
		"no route is no missing order":       {status: 404, body: `{"code":"rest_no_route","message":"No route","data":{"status":404}}`, want: connector.KindInvalid, fix: "base_url"},
		"a page that is no API":              {status: 404, body: htmlPage, want: connector.KindUnavailable, fix: "base_url"},
		"wrong secret":                       {status: 401, body: `{"code":"woocommerce_rest_authentication_error","message":"Consumer secret is invalid.","data":{"status":401}}`, want: connector.KindAuth, fix: "key"},
		"a key that may only read":           {status: 401, body: `{"code":"woocommerce_rest_authentication_error","message":"The API key provided does not have write permissions.","data":{"status":401}}`, write: true, want: connector.KindForbidden},
		"a clock that is wrong":              {status: 401, body: `{"code":"woocommerce_rest_authentication_error","message":"Invalid timestamp.","data":{"status":401}}`, want: connector.KindAuth, fix: "clock"},
		"a signature over another address":   {status: 401, body: `{"code":"woocommerce_rest_authentication_error","message":"Invalid signature - provided signature does not match.","data":{"status":401}}`, want: connector.KindAuth, fix: "signed_url"},
		"a user without the role":            {status: 403, body: `{"code":"woocommerce_rest_cannot_view","message":"Sorry, you cannot list resources.","data":{"status":403}}`, want: connector.KindForbidden, fix: "role"},
		"a firewall":                         {status: 403, body: htmlPage, want: connector.KindUnavailable, fix: "firewall"},
		"a firewall in front of a write":     {status: 403, body: htmlPage, write: true, want: connector.KindUnavailable},
		"ModSecurity":                        {status: 406, body: htmlPage, want: connector.KindUnavailable},
		"a directory with a password":        {status: 401, body: htmlPage, want: connector.KindUnavailable},
		"too many requests":                  {status: 429, header: "7", body: htmlPage, want: connector.KindRateLimited},
		"maintenance":                        {status: 503, header: "7", body: htmlPage, want: connector.KindUnavailable},
		"maintenance in the middle":          {status: 503, body: htmlPage, write: true, want: connector.KindMaybeApplied},
		"a fatal error of PHP":               {status: 500, body: `{"code":"internal_server_error","message":"<p>There has been a critical error on this website.<\/p>","data":{"status":500}}`, want: connector.KindUnavailable},
		"a fatal error of PHP after a write": {status: 500, body: `{"code":"internal_server_error","message":"critical","data":{"status":500}}`, write: true, want: connector.KindMaybeApplied},
		"a rule of WooCommerce":              {status: 500, body: `{"code":"woocommerce_rest_cannot_create_order_refund","message":"Invalid refund amount.","data":500}`, write: true, want: connector.KindInvalid},
		"a wrong parameter":                  {status: 400, body: `{"code":"rest_invalid_param","message":"Invalid parameter(s): status","data":{"status":400,"params":{"status":"status is not one of"}}}`, want: connector.KindInvalid},
		"a page instead of an order":         {status: 200, body: htmlPage, want: connector.KindUnavailable},
		"a page after a write":               {status: 200, body: htmlPage, write: true, want: connector.KindMaybeApplied},
		"a redirect":                         {status: 301, header: "https://www.shop.test/?consumer_secret=cs_x", body: htmlPage, want: connector.KindInvalid, fix: "base_url"},
		"a redirect of a write":              {status: 302, header: "https://www.shop.test/", body: htmlPage, write: true, want: connector.KindInvalid, fix: "base_url"},
		"data that is null":                  {status: 400, body: `{"code":"rest_forbidden","message":"no","data":null}`, want: connector.KindInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // for the waits before a repeat
				s := open(t, nil)
				id := s.put(t, 1)[0]
				s.wire.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if c.write && r.Method == http.MethodGet {
						s.vendor.ServeHTTP(w, r)
						return
					}
					switch {
					case c.status < 400 && c.header != "":
						w.Header().Set("Location", c.header)
					case c.header != "":
						w.Header().Set("Retry-After", c.header)
					}
					w.WriteHeader(c.status)
					_, _ = w.Write([]byte(c.body))
				})
				var err error
				ref := connector.Ref{Kind: commerce.KindOrder, ID: id}
				if c.write {
					err = s.conn.Feedback.WriteBack(t.Context(), ref, connector.Status{Document: connector.Document{ID: "1"}})
				} else {
					_, err = s.conn.Fetcher.Fetch(t.Context(), ref)
				}
				var e *connector.Error
				if !errors.As(err, &e) || e.Kind != c.want || !strings.Contains(e.Fix, c.fix) || e.Op == "" || e.Message == "" {
					t.Fatalf("%+v, want %s with %q in the fix", err, c.want, c.fix)
				}
				if strings.Contains(err.Error(), "cs_") || strings.Contains(err.Error(), "<h") || strings.Contains(err.Error(), "<p>") {
					t.Errorf("%v shows a secret or HTML", err)
				}
				if c.header == "7" && e.RetryAfter != 7*time.Second {
					t.Errorf("wait %s", e.RetryAfter)
				}
			})
		})
	}
}

func TestErrorsHoldNoEMailAddress(t *testing.T) {
	s := open(t, nil)
	s.wire.handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"code":"registration-error-email-exists","message":"An account is already registered with erika@example.test. Please log in.","data":{"status":400}}`))
	})
	_, err := s.conn.Fetcher.Fetch(t.Context(), connector.Ref{Kind: commerce.KindOrder, ID: "1"})
	if err == nil || strings.Contains(err.Error(), "erika") || !strings.Contains(err.Error(), "already registered") {
		t.Errorf("%v", err)
	}
}

func TestNoticesOfPHPInFrontOfTheJSONAreSkipped(t *testing.T) {
	s := open(t, nil)
	want := s.fetch(t, s.put(t, 1)[0])
	s.wire.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("<br />\n<b>Notice</b>: Undefined index: [foo] {bar} in /var/www/html/wp-content/plugins/x.php on line <b>7</b><br />\n"))
		s.vendor.ServeHTTP(w, r)
	})
	if got := s.fetch(t, want.Source.ExternalID); got.OrderNumber != want.OrderNumber {
		t.Errorf("number %q, want %q", got.OrderNumber, want.OrderNumber)
	}
}

func TestSettingsThatContradictEachOther(t *testing.T) {
	for name, c := range map[string]struct {
		base     string
		settings map[string]string
		setting  string
	}{
		"keys in the open":          {"http://shop.test", map[string]string{"auth": "basic"}, "auth"},
		"keys in the open query":    {"http://shop.test", map[string]string{"auth": "query"}, "auth"},
		"decimals that round twice": {"https://shop.test", map[string]string{"decimals": "3"}, "decimals"},
		"more decimals than kept":   {"https://shop.test", map[string]string{"decimals": "9"}, "decimals"},
		"no address":                {"shop.test", nil, "base_url"},
		"a signed name":             {"https://shop.test", map[string]string{"signed_url": "shop"}, "signed_url"},
	} {
		values := map[string]string{"consumer_key": "ck_1", "consumer_secret": "cs_1"}
		maps.Copy(values, c.settings)
		_, err := connector.Open(t.Context(), woocommerce.Definition(), values, connector.Env{Connection: "shop", BaseURL: c.base, HTTP: &http.Client{}, Now: time.Now})
		var e *connector.Error
		if !errors.As(err, &e) || e.Kind != connector.KindInvalid || e.Field != c.setting || e.Fix == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Behind a proxy that ends TLS, WordPress believes to be on http: keys are not taken, and signatures
// are over that address.
func TestAShopBehindAProxyIsSignedWithTheAddressThatItBelievesToHave(t *testing.T) {
	s := open(t, map[string]string{"base_url": "http://shop.test"})
	id := s.put(t, 1)[0]
	connect := func(signed string) error {
		values := s.vendor.Settings()
		delete(values, "base_url")
		values["auth"], values["signed_url"] = "oauth1", signed
		conn, err := connector.Open(t.Context(), woocommerce.Definition(), values, connector.Env{
			Connection: "shop", BaseURL: "https://outside.test", HTTP: &http.Client{Transport: s.wire}, Now: s.clock.now,
		})
		if err != nil {
			return err
		}
		_, err = conn.Fetcher.Fetch(t.Context(), connector.Ref{Kind: commerce.KindOrder, ID: id})
		return err
	}
	if err := connect("http://shop.test"); err != nil {
		t.Errorf("signed for the address that WordPress has: %v", err)
	}
	if err := connect(""); connector.KindOf(err) != connector.KindAuth || !strings.Contains(err.Error(), "signature") {
		t.Errorf("signed for the address outside: %v", err)
	}
}

func TestCheckTellsWhatTheAccountIs(t *testing.T) {
	s := open(t, nil)
	s.put(t, 1)
	account, err := s.conn.Connector.Check(t.Context())
	if err != nil || account.Name != "Teehaus & Söhne" || account.Currency != "EUR" || account.Version != "11.0.1" || account.PricesIncludeTax == nil || *account.PricesIncludeTax ||
		account.TimeZone != "Europe/Berlin" || !account.ServerTime.Equal(s.clock.at) || len(account.Findings) != 0 {
		t.Errorf("%+v, %v", account, err)
	}
	open1 := open(t, map[string]string{"base_url": "http://shop.test", "webhook_secret": ""})
	account, err = open1.conn.Connector.Check(t.Context())
	if err != nil || len(account.Findings) != 2 {
		t.Errorf("findings %+v, %v", account.Findings, err)
	}
	read := open(t, nil, woofake.Keys(woofake.Key{Key: "ck_r", Secret: "cs_r", Permission: "write"}))
	if _, err := read.conn.Connector.Check(t.Context()); connector.KindOf(err) != connector.KindForbidden {
		t.Errorf("a key that may not read: %v", err)
	}
}

func TestTheNumberIsWrittenBackOnce(t *testing.T) {
	for _, feedback := range []string{"meta", "meta_and_note", "none"} {
		t.Run(feedback, func(t *testing.T) {
			s := open(t, map[string]string{"feedback": feedback})
			s.subscribe(t)
			id := s.put(t, 1)[0]
			s.post.take()
			before := s.fetch(t, id)
			ref := connector.Ref{Kind: commerce.KindOrder, ID: id}
			status := connector.Status{Document: connector.Document{Type: "sale.order", ID: "42", Number: "S00042", State: connector.DocumentConfirmed}}
			for range 3 {
				s.clock.move(time.Minute)
				if err := s.conn.Feedback.WriteBack(t.Context(), ref, status); err != nil {
					t.Fatal(err)
				}
			}
			record := s.admin(t, http.MethodGet, "orders/"+id, "").Body.String()
			notes := s.admin(t, http.MethodGet, "orders/"+id+"/notes", "").Body.String()
			wantWrites, wantNotes := 1, 0
			switch feedback {
			case "none":
				wantWrites = 0
			case "meta_and_note":
				wantNotes = 1
			}
			if n := len(s.post.take()); n != wantWrites {
				t.Errorf("%d writes, want %d", n, wantWrites)
			}
			if n := strings.Count(record, `"_orderly_document","value":"S00042"`); n != wantWrites {
				t.Errorf("the number is there %d times", n)
			}
			if n := strings.Count(notes, "S00042"); n != wantNotes || strings.Contains(notes, `"customer_note":true`) {
				t.Errorf("%d notes: %s", n, notes)
			}
			after := s.fetch(t, id)
			after.Source.UpdatedAt = before.Source.UpdatedAt
			if len(after.Extensions) != len(before.Extensions) {
				t.Errorf("what we wrote comes back as %v", after.Extensions)
			}
			status.Document.Number = "S00043"
			if err := s.conn.Feedback.WriteBack(t.Context(), ref, status); err != nil {
				t.Fatal(err)
			}
			record = s.admin(t, http.MethodGet, "orders/"+id, "").Body.String()
			if feedback != "none" && (strings.Contains(record, "S00042") || strings.Count(record, "_orderly_document\"") != 1) {
				t.Error("the old number is still there")
			}
			if err := s.conn.Feedback.WriteBack(t.Context(), connector.Ref{Kind: commerce.KindOrder, ID: "999999"}, status); feedback != "none" && connector.KindOf(err) != connector.KindNotFound {
				t.Errorf("an order that is gone: %v", err)
			}
		})
	}
}
