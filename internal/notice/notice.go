// Package notice tells others what happens: endpoints get messages of orders that were synced, held or failed, signed
// by Standard Webhooks (https://www.standardwebhooks.com), and people get alerts by e-mail and chat when something needs
// them.
//
// A message is written into the store in the transaction of what it tells of, and sent afterwards, again and again until
// it is taken or given up. So it arrives at least once; the order of messages is not promised, not even of those about one
// record. The package knows no vendor, no flow and no screen; it never tells people's data.
package notice

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// Meter counts what is sent; the form is webhook, slack or email.
type Meter interface {
	Noticed(form string, result Result)
}

// Result is how an attempt to send a message ended.
type Result string

// Results of attempts.
const (
	ResultSent    Result = "sent"
	ResultFailed  Result = "failed"   // it will be tried again
	ResultGivenUp Result = "given_up" // it will not
)

// Options say what notices need to know.
type Options struct {
	Store *store.Store
	Meter Meter
	Log   *slog.Logger
	Now   func() time.Time
	// PublicURL is where people reach this Orderly: links in alerts begin with it. Without it there are none.
	PublicURL string
	Version   string
	// Roots are certificate authorities; nil are those of the machine.
	Roots *x509.CertPool
}

// Notices sends messages and watches for what people must know. It is safe for concurrent use.
type Notices struct {
	store     *store.Store
	meter     Meter
	log       *slog.Logger
	now       func() time.Time
	publicURL string
	agent     string
	roots     *x509.CertPool
	guard     *guard
	client    *http.Client
}

// New gives notices over a store. It sends nothing by itself: Send and Evaluate are called by whoever runs jobs.
func New(o Options) *Notices {
	n := &Notices{
		store: o.Store, meter: o.Meter, log: o.Log, now: o.Now, publicURL: strings.TrimRight(o.PublicURL, "/"),
		agent: "Orderly/" + o.Version, roots: o.Roots, guard: &guard{},
	}
	n.client = &http.Client{
		Timeout: sendTime,
		Transport: &http.Transport{
			// No proxy: it would look up the name itself, where the guard cannot see to which address.
			DialContext:            n.guard.dial,
			TLSClientConfig:        &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    connectTime,
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    together,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		},
		// A receiver says by its address where it is; a redirect could lead anywhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return n
}

// Close closes idle connections to receivers.
func (n *Notices) Close() { n.client.CloseIdleConnections() }

const (
	// sendTime bounds an attempt.
	sendTime = 15 * time.Second
	// connectTime bounds the way to a receiver.
	connectTime = 10 * time.Second
)

// ErrNotFound says that there is no such endpoint, channel or sending.
var ErrNotFound = errors.New("not found")

// Problem is what is wrong with a field of what was to be saved.
type Problem struct {
	Field   string `json:"field"` // such as email.to[1]
	Message string `json:"message"`
}

// InvalidError says what is wrong with what was to be saved.
type InvalidError struct{ Problems []Problem }

func (e *InvalidError) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(p.Field + ": " + p.Message)
	}
	return b.String()
}

func invalid(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	return &InvalidError{Problems: problems}
}
