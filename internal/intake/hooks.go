package intake

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/store"
)

// MaxHook bounds the body of a webhook, in bytes.
const MaxHook = 16 << 20

// ServeHTTP receives a webhook at /hooks/{connection}, or at a longer path below it where a secret in
// the path is all the proof that a vendor can give. It answers 2xx only when everything that the
// request says is committed to disk; 5xx makes the vendor send it again.
func (in *Intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("connection")
	status, answer := in.hook(w, r, name)
	if status >= 400 {
		if _, ok := in.sources.Source(name); !ok {
			name = "" // strangers must not make up names that are counted
		}
		in.meter.Refused(name, status)
	}
	if answer != nil {
		maps.Copy(w.Header(), answer.Header)
	}
	w.WriteHeader(status)
	if answer != nil {
		_, _ = w.Write(answer.Body) // the sender may be gone; what it sent is stored
	}
}

func (in *Intake) hook(w http.ResponseWriter, r *http.Request, name string) (int, *connector.Answer) {
	source, ok := in.sources.Source(name)
	if !ok || source.Conn.Receiver == nil {
		return refuse(http.StatusNotFound, "no connection of this name takes webhooks")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxHook))
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		return refuse(http.StatusRequestEntityTooLarge, "the body is longer than is accepted")
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "the body could not be read to its end")
	}
	receipt, err := source.Conn.Receiver.Receive(connector.Request{
		Method: r.Method,
		URL:    address(source, r),
		Header: r.Header,
		Body:   body,
		At:     in.now(),
	})
	if err != nil {
		return in.refusal(source, err)
	}
	events, ignored := in.wanted(source, receipt)
	if len(events) > 0 || ignored != "" {
		if _, err := in.observe(r.Context(), batch{source: source, via: store.ViaWebhook, events: events, ignored: ignored, priority: store.PriorityNew}, nil); err != nil {
			in.log.ErrorContext(r.Context(), "webhook not stored; the sender is asked to repeat it", "connection", name, "error", err)
			return refuse(http.StatusServiceUnavailable, "could not be stored now; send it again")
		}
	}
	if receipt.Answer != nil {
		return receipt.Answer.Status, receipt.Answer
	}
	return http.StatusOK, nil
}

// address is the request's address as its sender knows it.
func address(source *Source, r *http.Request) string {
	rest := strings.TrimPrefix(r.URL.Path, "/hooks/"+source.Name)
	base := source.Address
	if base == "" {
		base = "http://" + r.Host + "/hooks/" + source.Name
	}
	if r.URL.RawQuery != "" {
		rest += "?" + r.URL.RawQuery
	}
	return base + rest
}

// wanted drops the events of kinds that no flow carries.
func (in *Intake) wanted(source *Source, receipt connector.Receipt) ([]connector.Event, string) {
	var events []connector.Event
	ignored := receipt.Ignored
	for _, e := range receipt.Events {
		if len(source.Routes[e.Ref.Kind]) == 0 {
			ignored = "no flow carries records of kind " + string(e.Ref.Kind)
			continue
		}
		events = append(events, e)
	}
	return events, ignored
}

// refusal answers what a connector would not take: 401 for what is not proved to come from the
// vendor, 400 for what can never be read, 503 for what is our own fault.
func (in *Intake) refusal(source *Source, err error) (int, *connector.Answer) {
	switch connector.KindOf(err) {
	case connector.KindForbidden:
		in.log.Warn("webhook refused: it does not prove where it comes from; check that the webhook secret is the sender's", "connection", source.Name, "error", err)
		return refuse(http.StatusUnauthorized, "the signature is not right")
	case connector.KindInvalid:
		in.log.Warn("webhook refused: it cannot be read", "connection", source.Name, "error", err)
		return refuse(http.StatusBadRequest, "the body cannot be read")
	default:
		in.log.Error("webhook refused: the connection is not set up to take it", "connection", source.Name, "error", err)
		return refuse(http.StatusServiceUnavailable, "not ready; send it again")
	}
}

func refuse(status int, text string) (int, *connector.Answer) {
	return status, &connector.Answer{
		Status: status,
		Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
		Body:   []byte(text + "\n"),
	}
}
