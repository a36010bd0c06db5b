package connectortest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"maps"
	"net/url"
	"strings"

	"github.com/orderlyhq/orderly/connector"
)

// emptySecretProvesNothing wants that what everybody can make proves nothing: neither where there is a
// secret, nor where it was left empty.
func emptySecretProvesNothing(f *fixture) {
	f.subscribe()
	deliveries, _ := f.told(f.put(orderForm{}).Source.ExternalID)
	name := f.secretSetting()
	signed := func(secret string) connector.Request {
		req, found := proveAgain(request(deliveries[0]), f.values[name], secret)
		if !found {
			f.Fatalf("a delivery has neither %s nor an HMAC made with it: teach proveAgain the vendor's proof", name)
		}
		return req
	}
	other := strings.Repeat("z", 32)
	receipt, err := f.open(f.with(name, other)).Receiver.Receive(signed(other))
	if err != nil || len(receipt.Events) == 0 {
		f.Fatalf("the proof that the suite makes is not the vendor's: %d events, %v", len(receipt.Events), err)
	}
	f.refuses("signed with an empty secret", signed(""))
	empty := maps.Clone(f.values)
	empty[name] = ""
	f.takesNothing("with an empty secret, what is signed with one", empty, signed(""))
	f.takesNothing("without a secret, what is signed with an empty one", f.with(name, ""), signed(""))
}

// takesNothing fails the check if a connection opens with the values and takes the request.
func (f *fixture) takesNothing(what string, values map[string]string, req connector.Request) {
	f.Helper()
	conn, err := f.tryOpen(values)
	if err != nil {
		return // the setting is required
	}
	receipt, err := conn.Receiver.Receive(req)
	kind := connector.KindOf(err)
	if err == nil || len(receipt.Events) > 0 || (kind != connector.KindAuth && kind != connector.KindForbidden) {
		f.Errorf("%s brings %d events, %v; want KindAuth", what, len(receipt.Events), err)
	}
}

// proveAgain makes the proofs of a delivery with another secret: in the headers and the address, the
// secret itself and every HMAC made with it, in hex or base64, over the body, or over a header, a dot and
// the body. It is false when there is none.
func proveAgain(req connector.Request, secret, other string) (connector.Request, bool) {
	if secret == "" {
		return req, false
	}
	pairs := []string{secret, other, url.PathEscape(secret), url.PathEscape(other), url.QueryEscape(secret), url.QueryEscape(other)}
	messages := [][]byte{req.Body}
	for _, values := range req.Header {
		for _, v := range values {
			messages = append(messages, append([]byte(v+"."), req.Body...))
		}
	}
	for _, message := range messages {
		for _, algorithm := range []func() hash.Hash{sha256.New, sha512.New384, sha512.New} {
			was, becomes := digest(algorithm, secret, message), digest(algorithm, other, message)
			for _, text := range []func([]byte) string{hex.EncodeToString, base64.StdEncoding.EncodeToString} {
				pairs = append(pairs, text(was), text(becomes))
			}
		}
	}
	replacer := strings.NewReplacer(pairs...)
	found := false
	again := func(text string) string {
		replaced := replacer.Replace(text)
		found = found || replaced != text
		return replaced
	}
	for _, values := range req.Header {
		for i := range values {
			values[i] = again(values[i])
		}
	}
	req.URL = again(req.URL)
	return req, found
}

func digest(algorithm func() hash.Hash, secret string, message []byte) []byte {
	mac := hmac.New(algorithm, []byte(secret))
	mac.Write(message)
	return mac.Sum(nil)
}
