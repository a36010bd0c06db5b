package woocommerce_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
)

func TestErrorsOfBodiesNameTheFieldAndHoldNoValues(t *testing.T) {
	d := decoder()
	for body, field := range map[string]string{
		`{"id":1,"line_items":"secret-name"}`:                     "line_items",
		`{"id":1,"number":"1","currency":"EUR","line_items":[5]}`: "line_items",
		`{"id":{}}`: "id",
	} {
		_, err := d.DecodeOrder(connector.Raw{Ref: connector.Ref{Kind: commerce.KindOrder}, Body: []byte(body)})
		e, ok := err.(*connector.Error) //nolint:errorlint // a decoder gives the error itself
		if !ok || e.Kind != connector.KindInvalid || !strings.HasPrefix(e.Field, field) {
			t.Errorf("%s gives %v; want KindInvalid at %s", body, err, field)
			continue
		}
		if strings.Contains(err.Error(), "secret-name") {
			t.Errorf("%v holds what the body said", err)
		}
	}
}

func FuzzDecodeOrder(f *testing.F) {
	s := open(f, nil)
	stated, err := everything(3).Put(s.vendor)
	if err != nil {
		f.Fatal(err)
	}
	raw, err := s.conn.Fetcher.Fetch(f.Context(), connector.Ref{Kind: commerce.KindOrder, ID: stated.Source.ExternalID})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw.Body)
	f.Add(sample(f))
	f.Add([]byte(`{"id":1,"number":"1","status":"processing","currency":"EUR","total":"1.00","line_items":[],"tax_lines":false}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := decoder().DecodeOrder(connector.Raw{Ref: connector.Ref{Kind: commerce.KindOrder}, Body: body}); err != nil && connector.KindOf(err) != connector.KindInvalid {
			t.Fatalf("%v is %s", err, connector.KindOf(err))
		}
	})
}

func FuzzDecodeCustomer(f *testing.F) {
	f.Add([]byte(`{"id":7,"email":"a@example.com","first_name":"A","billing":{"country":"DE"},"meta_data":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := decoder().DecodeCustomer(connector.Raw{Ref: connector.Ref{Kind: commerce.KindCustomer}, Body: body}); err != nil && connector.KindOf(err) != connector.KindInvalid {
			t.Fatalf("%v is %s", err, connector.KindOf(err))
		}
	})
}

func FuzzReceive(f *testing.F) {
	s := open(f, map[string]string{"webhook_secret": "made-up"})
	f.Add([]byte(`{"id":5,"date_modified_gmt":"2026-03-02T09:30:00"}`), "order.updated", true)
	f.Add([]byte(`webhook_id=5`), "", false)
	f.Fuzz(func(t *testing.T, body []byte, topic string, signed bool) {
		header := http.Header{"X-Wc-Webhook-Topic": {topic}, "Content-Type": {"application/json"}}
		if signed {
			mac := hmac.New(sha256.New, []byte("made-up"))
			mac.Write(body)
			header.Set("X-WC-Webhook-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		}
		receipt, err := s.conn.Receiver.Receive(connector.Request{Method: http.MethodPost, URL: address, Header: header, Body: body})
		if len(receipt.Events) > 0 && (!signed || err != nil) {
			t.Fatalf("%d events; signed %v, error %v", len(receipt.Events), signed, err)
		}
	})
}
