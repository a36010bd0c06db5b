package notice

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// payload is the body of a message, as Standard Webhooks has it.
type payload struct {
	Type      string          `json:"type"`
	Timestamp time.Time       `json:"timestamp"` // of what happened
	Data      json.RawMessage `json:"data"`
}

func (n *Notices) webhookReceiver(e store.Endpoint) *receiver {
	r := &receiver{id: e.ID, form: "webhook", endpoint: &e, together: together}
	if e.Failures > 0 {
		r.together = 1
	}
	r.send = func(ctx context.Context, m store.Message, at time.Time) outcome {
		body, err := json.Marshal(payload{Type: m.Type, Timestamp: m.CreatedAt, Data: m.Data})
		if err != nil {
			return outcome{err: err}
		}
		secrets := []string{e.Settings.Secret}
		if e.Settings.Previous != "" && at.Before(e.Settings.PreviousUntil) {
			secrets = append(secrets, e.Settings.Previous)
		}
		signature, err := sign(secrets, m.UID, at, body)
		if err != nil {
			return outcome{err: err}
		}
		return n.post(ctx, e.Settings.URL, body, http.Header{
			"Webhook-Id": {m.UID}, "Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)}, "Webhook-Signature": {signature},
		})
	}
	return r
}

// mostAnswer is how much of an answer is read, so that its connection can be used again.
const mostAnswer = 64 << 10

// StatusError is an answer that is no success.
type StatusError struct{ Status int }

func (e *StatusError) Error() string {
	text := fmt.Sprintf("it answered %d %s", e.Status, http.StatusText(e.Status))
	if e.Status >= 300 && e.Status < 400 {
		text += "; redirects are not followed: enter the address that it leads to"
	}
	return text
}

// post sends JSON. A status of 2xx is success and nothing else is.
func (n *Notices) post(ctx context.Context, address string, body []byte, header http.Header) outcome {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return outcome{err: err}
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", n.agent)
	resp, err := n.client.Do(req)
	if err != nil {
		return outcome{err: err, down: true}
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, mostAnswer)) // only the status counts
	o := outcome{status: resp.StatusCode}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return o
	}
	o.err, o.retryAfter = &StatusError{Status: resp.StatusCode}, retryAfter(resp.Header.Get("Retry-After"), n.now())
	switch resp.StatusCode {
	case http.StatusGone:
		o.gone = true
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		// It does not like this one message.
	default:
		o.down = true
	}
	return o
}

// retryAfter reads the header of that name: seconds, or a time (RFC 9110, section 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// slackReceiver posts {"text": …}, which Slack and others take.
func (n *Notices) slackReceiver(s Slack) *receiver {
	return &receiver{id: s.Channel(), form: "slack", together: 1, send: func(ctx context.Context, m store.Message, _ time.Time) outcome {
		news, err := readAlert(m)
		if err != nil {
			return outcome{err: err}
		}
		body, err := json.Marshal(map[string]string{"text": news.chat()})
		if err != nil {
			return outcome{err: err}
		}
		return n.post(ctx, string(s.URL), body, nil)
	}}
}
