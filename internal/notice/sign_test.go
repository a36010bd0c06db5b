package notice

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"pgregory.net/rapid"
)

// verify checks a message with the reference library of Standard Webhooks.
func verify(t testing.TB, secret string, header http.Header, body []byte) error {
	t.Helper()
	w, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return w.VerifyIgnoringTimestamp(body, header)
}

func TestSignaturesAreThoseOfStandardWebhooks(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		secret := newSecret()
		id := "msg_" + rapid.StringMatching(`[A-Z0-9]{1,30}`).Draw(r, "id")
		body := rapid.SliceOf(rapid.Byte()).Draw(r, "body")
		at := time.Unix(rapid.Int64Range(1, 1<<35).Draw(r, "at"), 0)
		signature, err := sign([]string{secret}, id, at, body)
		if err != nil {
			r.Fatal(err)
		}
		w, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			r.Fatal(err)
		}
		if want, err := w.Sign(id, at, body); err != nil || signature != want {
			r.Fatalf("signature %s; the reference says %s, %v", signature, want, err)
		}
	})
}

func TestTwoSecretsSignWhileOneReplacesTheOther(t *testing.T) {
	old, present := newSecret(), newSecret()
	at, body := time.Now(), []byte("{}")
	signature, err := sign([]string{present, old}, "msg_1", at, body)
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)}, "Webhook-Signature": {signature}}
	for _, secret := range []string{present, old} {
		if err := verify(t, secret, header, body); err != nil {
			t.Error(err)
		}
	}
	if err := verify(t, newSecret(), header, body); err == nil {
		t.Error("a secret that did not sign is taken")
	}
}

func TestSecretsThatAreNone(t *testing.T) {
	for _, secret := range []string{"", "whsec_", strings.TrimPrefix(newSecret(), secretPrefix), "whsec_c2hvcnQ=", "whsec_***", secretPrefix + strings.Repeat("AAAA", 22)} {
		if _, err := sign([]string{secret}, "msg_1", time.Now(), nil); err == nil {
			t.Errorf("%q signs", secret)
		}
	}
}
