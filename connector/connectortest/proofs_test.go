package connectortest

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"reflect"
	"testing"

	"github.com/orderlyhq/orderly/connector"
)

func TestProofsAreMadeAgain(t *testing.T) {
	const was, becomes = "what & we share", "zzzz"
	body := []byte(`{"id":7}`)
	of := func(secret, message string) []byte { return digest(sha512.New, secret, []byte(message)) }
	for name, c := range map[string]struct {
		url, wantURL       string
		header, wantHeader http.Header
		found              bool
	}{
		"the secret in a header": {header: http.Header{"X-Secret": {was}}, wantHeader: http.Header{"X-Secret": {becomes}}, found: true},
		"the secret in the path": {url: "https://orderly.test/hooks/a/what%20&%20we%20share", wantURL: "https://orderly.test/hooks/a/zzzz", found: true},
		"the secret in the query": {
			url: "https://orderly.test/hooks/a?s=what+%26+we+share", wantURL: "https://orderly.test/hooks/a?s=zzzz", found: true,
		},
		"an HMAC over the body": {
			header:     http.Header{"X-Hmac": {base64.StdEncoding.EncodeToString(of(was, string(body)))}},
			wantHeader: http.Header{"X-Hmac": {base64.StdEncoding.EncodeToString(of(becomes, string(body)))}}, found: true,
		},
		"an HMAC with its name over the time and the body": {
			header:     http.Header{"X-Time": {"17"}, "X-Hmac": {"v1=" + hex.EncodeToString(of(was, `17.{"id":7}`))}},
			wantHeader: http.Header{"X-Time": {"17"}, "X-Hmac": {"v1=" + hex.EncodeToString(of(becomes, `17.{"id":7}`))}}, found: true,
		},
		"an HMAC over another body": {
			header:     http.Header{"X-Hmac": {hex.EncodeToString(of(was, "{}"))}},
			wantHeader: http.Header{"X-Hmac": {hex.EncodeToString(of(was, "{}"))}},
		},
		"nothing": {header: http.Header{"X-Topic": {"orders"}}, wantHeader: http.Header{"X-Topic": {"orders"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, found := proveAgain(connector.Request{URL: c.url, Header: c.header, Body: body}, was, becomes)
			if found != c.found || got.URL != c.wantURL || !reflect.DeepEqual(got.Header, c.wantHeader) {
				t.Errorf("found %v, %s, %v; want %v, %s, %v", found, got.URL, got.Header, c.found, c.wantURL, c.wantHeader)
			}
		})
	}
	if _, found := proveAgain(connector.Request{URL: "https://orderly.test"}, "", becomes); found {
		t.Error("a secret that is empty is found everywhere")
	}
}
