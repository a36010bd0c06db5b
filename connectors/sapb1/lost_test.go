package sapb1_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
)

// deliver brings one order to the company as the flow does: it looks before it writes, and writes each thing once.
func deliver(ctx context.Context, p *pretend) (step string, err error) {
	found, err := p.conn.Customers.FindCustomer(ctx, connector.CustomerQuery{Rule: connector.MatchKey, Key: "shop-c-1"})
	if err != nil {
		return "find customer", err
	}
	var customer connector.Document
	if len(found) > 0 {
		customer = found[0].Document
	} else if customer, err = p.conn.Customers.SaveCustomer(ctx, connector.CustomerDraft{Key: "shop-c-1", Customer: anna()}); err != nil {
		return "save customer", err
	}
	ship, err := p.conn.Addresses.SaveAddress(ctx, customer, commerce.UseShipping, commerce.Address{Name: "Anna", StreetAddress: "Rue 1", PostalCode: "75001", AddressLocality: "Paris", AddressCountry: "FR"})
	if err != nil {
		return "save address", err
	}
	taxes, err := p.conn.Taxes.Taxes(ctx)
	if err != nil {
		return "read taxes", err
	}
	p.taxes = taxes
	draft := p.draft("shop-1", customer, "EUR", true, sold{"MUG", "3", "29.97", "0.19"})
	draft.ShipTo = &ship
	orders, err := p.conn.Orders.FindOrders(ctx, []connector.Key{"shop-1"})
	if err != nil {
		return "find order", err
	}
	if list := orders["shop-1"]; len(list) > 0 {
		draft.Existing = &list[0]
	}
	order, err := p.conn.Orders.SaveOrder(ctx, draft)
	if err != nil {
		return "save order", err
	}
	if _, err := p.conn.Invoicer.Invoice(ctx, order, &connector.InvoicePayment{Amount: order.Totals.Gross, At: p.clock()}); err != nil {
		return "invoice", err
	}
	return "", nil
}

// Whatever request goes wrong, and however: nothing is made twice when all is done again, and what is called unavailable was not done.
func TestNothingIsMadeTwice(t *testing.T) {
	faults := map[string]func(p *pretend, req *http.Request, body []byte) (*http.Response, error){
		"not sent": func(*pretend, *http.Request, []byte) (*http.Response, error) {
			return nil, errors.New("connection refused")
		},
		"done, but the answer is lost": func(p *pretend, req *http.Request, body []byte) (*http.Response, error) {
			p.perform(req, body)
			return nil, errors.New("connection reset")
		},
		"done, but the load balancer gave up": func(p *pretend, req *http.Request, body []byte) (*http.Response, error) {
			p.perform(req, body)
			return answered(req, 504, "<html>Gateway Timeout</html>"), nil
		},
		"done, but the answer is half": func(p *pretend, req *http.Request, body []byte) (*http.Response, error) {
			whole := p.perform(req, body)
			return answered(req, whole.Code, whole.Body.String()[:whole.Body.Len()/2]), nil
		},
		"the session ends": func(p *pretend, req *http.Request, body []byte) (*http.Response, error) {
			p.vendor.ExpireSessions()
			return nil, nil
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for n := 0; ; n++ {
					p := open(t, nil)
					struck := false
					p.setSpoil(func(req *http.Request, i int) (*http.Response, error) {
						if i != n {
							return nil, nil
						}
						struck = true
						return fault(p, req, p.exchanges[i].body)
					})
					step, err := deliver(t.Context(), p)
					if !struck {
						if n < 15 {
							t.Errorf("only %d requests were disturbed", n)
						}
						return
					}
					if kind := connector.KindOf(err); err != nil {
						e := p.exchanges[n]
						if !kind.Temporary() {
							t.Errorf("request %d (%s %s): %s: %v", n, e.method, e.url, step, err)
						}
						if kind == connector.KindUnavailable && step == "save order" && len(p.vendor.Documents()) > 0 {
							t.Errorf("request %d (%s %s): called unavailable, but the order is there: %v", n, e.method, e.url, err)
						}
					}
					p.setSpoil(nil)
					if step, err := deliver(t.Context(), p); err != nil && (step != "save order" || connector.KindOf(err) != connector.KindConflict) {
						// A conflict says that the order is invoiced already, which is as far as it can come.
						t.Errorf("request %d: again: %s: %v", n, step, err)
					}
					if s := p.vendor.Stats(); s.Documents != 1 || s.Duplicates != 0 || s.Customers != 1 {
						t.Errorf("request %d: %+v", n, s)
					}
					if invoices := p.vendor.Invoices(); invoices != 1 {
						t.Errorf("request %d: %d invoices", n, invoices)
					}
				}
			})
		})
	}
}

// perform lets the vendor do what nobody hears of.
func (p *pretend) perform(req *http.Request, body []byte) *httptest.ResponseRecorder {
	inner := req.Clone(req.Context())
	inner.Body = io.NopCloser(bytes.NewReader(body))
	recorder := httptest.NewRecorder()
	p.vendor.ServeHTTP(recorder, inner)
	return recorder
}
