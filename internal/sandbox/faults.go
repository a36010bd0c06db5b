package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// FaultKind is how something goes wrong.
type FaultKind string

// Kinds of faults: of a vendor's API, and of the webhooks that it sends.
const (
	Slow         FaultKind = "slow"          // the answer takes Delay longer
	RateLimited  FaultKind = "rate_limited"  // 429, with Retry-After where RetryAfter is given; nothing is done
	ServerError  FaultKind = "server_error"  // Status, or 500
	Cut          FaultKind = "cut"           // the TCP connection ends without an answer
	ExpiredToken FaultKind = "expired_token" // the vendor forgets tokens and sessions before it answers

	WebhookLost       FaultKind = "webhook_lost"       // never sent, while the vendor believes that it was
	WebhookDuplicated FaultKind = "webhook_duplicated" // sent twice
	WebhookReordered  FaultKind = "webhook_reordered"  // sent Delay later (a second by default), so that others overtake it
)

// maxDelay bounds the delay of a fault.
const maxDelay = 10 * time.Minute

// maxFaults bounds how many faults a system has at once.
const maxFaults = 100

// faultFields says which fields a kind has beside those of all.
var faultFields = map[FaultKind][]string{
	Slow:              {"delay", "after_commit", "method"},
	RateLimited:       {"retry_after", "method"},
	ServerError:       {"status", "after_commit", "method"},
	Cut:               {"after_commit", "method"},
	ExpiredToken:      {"method"},
	WebhookLost:       {},
	WebhookDuplicated: {},
	WebhookReordered:  {"delay"},
}

func kinds() []string {
	var all []string
	for kind := range faultFields {
		all = append(all, string(kind))
	}
	slices.Sort(all)
	return all
}

// Fault disturbs some of the requests to a vendor's API, or some of its webhooks. In JSON, durations
// are texts such as "1.5s".
type Fault struct {
	Kind FaultKind
	// Method and Path choose requests: Path is all of the vendor's own path (for webhooks that of the
	// receiver), in which * stands for any characters. "" is every one.
	Method string
	Path   string
	// Rate is how often the fault strikes what it chooses, from above 0 to 1; 0 is always.
	Rate float64
	// Count is how often it strikes at most; 0 is without end.
	Count int
	// Seed decides when it strikes.
	Seed uint64

	Delay      time.Duration
	RetryAfter time.Duration
	Status     int // 500 to 599
	// AfterCommit lets the vendor do its work first.
	AfterCommit bool
}

// FaultStatus is a fault with how often it has struck.
type FaultStatus struct {
	Fault
	Struck int
}

// faultJSON is the form of a fault in JSON.
type faultJSON struct {
	Kind        FaultKind `json:"kind"`
	Method      string    `json:"method,omitempty"`
	Path        string    `json:"path,omitempty"`
	Rate        *float64  `json:"rate,omitempty"`
	Count       *int      `json:"count,omitempty"`
	Seed        uint64    `json:"seed,omitempty"`
	Delay       *string   `json:"delay,omitempty"`
	RetryAfter  *string   `json:"retry_after,omitempty"`
	Status      *int      `json:"status,omitempty"`
	AfterCommit bool      `json:"after_commit,omitempty"`
	Struck      *int      `json:"struck,omitempty"` // only told
}

// MarshalJSON writes the form that ParseFaults reads, and how often the fault has struck.
func (s FaultStatus) MarshalJSON() ([]byte, error) {
	out := faultJSON{
		Kind: s.Kind, Method: s.Method, Path: s.Path, Seed: s.Seed, AfterCommit: s.AfterCommit, Struck: &s.Struck,
		Rate: unlessZero(s.Rate), Count: unlessZero(s.Count), Status: unlessZero(s.Status),
	}
	if s.Delay > 0 {
		out.Delay = new(s.Delay.String())
	}
	if s.RetryAfter > 0 {
		out.RetryAfter = new(s.RetryAfter.String())
	}
	return json.Marshal(out)
}

func unlessZero[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// ParseFaults reads one fault or a list of them. Fields and values that are not known are errors.
func ParseFaults(body []byte) ([]Fault, error) {
	body = bytes.TrimSpace(body)
	if !bytes.HasPrefix(body, []byte("[")) {
		body = slices.Concat([]byte("["), body, []byte("]"))
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	var forms []faultJSON
	if err := decoder.Decode(&forms); err != nil {
		return nil, badRequest("faults are a JSON object such as {\"kind\":\"server_error\",\"rate\":0.1}, or a list of such: %s", jsonProblem(err))
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, badRequest("there is something after the JSON")
	}
	if len(forms) == 0 {
		return nil, badRequest("the body names no fault; one is {\"kind\":\"server_error\",\"rate\":0.1}, and DELETE ends them all")
	}
	out := make([]Fault, len(forms))
	for i, form := range forms {
		f, err := form.fault()
		if err == nil {
			err = f.check()
		}
		if err != nil {
			return nil, badRequest("faults[%d]: %v", i, err)
		}
		out[i] = f
	}
	return out, nil
}

// jsonProblem says what is wrong with JSON without the words of Go.
func jsonProblem(err error) string {
	text := strings.TrimPrefix(err.Error(), "json: ")
	return strings.ReplaceAll(text, "Go struct field faultJSON.", "")
}

func (j faultJSON) fault() (Fault, error) {
	f := Fault{Kind: j.Kind, Method: j.Method, Path: j.Path, Seed: j.Seed, AfterCommit: j.AfterCommit}
	if j.Struck != nil {
		return f, fmt.Errorf("struck is told, not given")
	}
	var err error
	if f.Delay, err = duration("delay", j.Delay); err != nil {
		return f, err
	}
	if f.RetryAfter, err = duration("retry_after", j.RetryAfter); err != nil {
		return f, err
	}
	if j.Rate != nil {
		if f.Rate = *j.Rate; f.Rate <= 0 {
			return f, fmt.Errorf("rate %v is not above 0 and at most 1", f.Rate)
		}
	}
	if j.Count != nil {
		if f.Count = *j.Count; f.Count < 1 {
			return f, fmt.Errorf("count %d is not 1 or more; leave it out for a fault without end", f.Count)
		}
	}
	if j.Status != nil {
		if f.Status = *j.Status; f.Status == 0 {
			return f, fmt.Errorf("status 0 is not between 500 and 599")
		}
	}
	return f, nil
}

func duration(name string, text *string) (time.Duration, error) {
	if text == nil {
		return 0, nil
	}
	d, err := time.ParseDuration(*text)
	if err != nil || d <= 0 || d > maxDelay {
		return 0, fmt.Errorf("%s %q is no duration above 0 and up to %s, such as \"1.5s\"", name, *text, maxDelay)
	}
	return d, nil
}

// check finds what is wrong with a fault.
func (f Fault) check() error {
	fields, known := faultFields[f.Kind]
	if !known {
		return fmt.Errorf("kind %q is none of %s", f.Kind, strings.Join(kinds(), ", "))
	}
	given := map[string]bool{
		"delay": f.Delay != 0, "retry_after": f.RetryAfter != 0, "status": f.Status != 0,
		"after_commit": f.AfterCommit, "method": f.Method != "",
	}
	for _, name := range []string{"delay", "retry_after", "status", "after_commit", "method"} {
		if given[name] && !slices.Contains(fields, name) {
			has := slices.Concat(fields, []string{"path", "rate", "count", "seed"})
			return fmt.Errorf("%s is no field of %s, which has %s", name, f.Kind, strings.Join(has, ", "))
		}
	}
	switch {
	case f.Kind == Slow && f.Delay <= 0:
		return fmt.Errorf("slow needs a delay, such as \"1.5s\"")
	case f.Delay < 0 || f.Delay > maxDelay:
		return fmt.Errorf("delay %s is not above 0 and up to %s", f.Delay, maxDelay)
	case f.RetryAfter < 0 || f.RetryAfter > maxDelay:
		return fmt.Errorf("retry_after %s is not above 0 and up to %s", f.RetryAfter, maxDelay)
	case f.Rate < 0 || f.Rate > 1:
		return fmt.Errorf("rate %v is not above 0 and at most 1", f.Rate)
	case f.Count < 0:
		return fmt.Errorf("count %d is not 1 or more", f.Count)
	case f.Status != 0 && (f.Status < 500 || f.Status > 599):
		return fmt.Errorf("status %d is not between 500 and 599", f.Status)
	case f.Method != "" && !slices.Contains(methods, f.Method):
		return fmt.Errorf("method %q is none of %s", f.Method, strings.Join(methods, ", "))
	case f.Path != "" && !strings.HasPrefix(f.Path, "/") && !strings.HasPrefix(f.Path, "*"):
		return fmt.Errorf("path %q begins with neither / nor *", f.Path)
	}
	return nil
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

func (f Fault) ofWebhooks() bool { return strings.HasPrefix(string(f.Kind), "webhook_") }

// faults are those that are switched on for a system. Without any, asking costs one load.
type faults struct {
	api      atomic.Pointer[[]*armed]
	webhooks atomic.Pointer[[]*armed]

	mu  sync.Mutex
	all []*armed
}

// armed is a fault that is switched on.
type armed struct {
	Fault
	mu     sync.Mutex
	random *rand.Rand
	struck int
}

// set puts faults in the place of those there are.
func (s *faults) set(list []Fault) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replace(nil, list)
}

// add switches more faults on.
func (s *faults) add(list []Fault) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replace(s.all, list)
}

func (s *faults) replace(old []*armed, more []Fault) error {
	if len(old)+len(more) > maxFaults {
		return badRequest("%d faults are more than the %d that a system may have", len(old)+len(more), maxFaults)
	}
	all := slices.Clone(old)
	for i, f := range more {
		if err := f.check(); err != nil {
			return badRequest("faults[%d]: %v", i, err)
		}
		all = append(all, &armed{Fault: f, random: rand.New(rand.NewPCG(f.Seed, uint64(len(all))))}) //nolint:gosec // repeatable on purpose
	}
	var api, webhooks []*armed
	for _, a := range all {
		if a.ofWebhooks() {
			webhooks = append(webhooks, a)
		} else {
			api = append(api, a)
		}
	}
	s.all = all
	publish(&s.api, api)
	publish(&s.webhooks, webhooks)
	return nil
}

func publish(to *atomic.Pointer[[]*armed], list []*armed) {
	if len(list) == 0 {
		to.Store(nil)
		return
	}
	to.Store(&list)
}

func (s *faults) list() []FaultStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]FaultStatus, len(s.all))
	for i, a := range s.all {
		a.mu.Lock()
		out[i] = FaultStatus{Fault: a.Fault, Struck: a.struck}
		a.mu.Unlock()
	}
	return out
}

// strikes says whether the fault hits this request or webhook.
func (a *armed) strikes(method, path string) bool {
	if a.Method != "" && a.Method != method || a.Path != "" && !matches(a.Path, path) {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.Count > 0 && a.struck >= a.Count {
		return false
	}
	if a.Rate > 0 && a.random.Float64() >= a.Rate {
		return false
	}
	a.struck++
	return true
}

// matches says whether a pattern is all of a path; * stands for any characters.
func matches(pattern, path string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == path
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(path, first) {
		return false
	}
	path = path[len(first):]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(path, part)
		if !found {
			return false
		}
		path = after
	}
	return strings.HasSuffix(path, last)
}

// SetFaults switches faults on for a system in the place of those there are; none ends all.
func (s *Sandbox) SetFaults(name string, list ...Fault) error {
	h, err := s.host(name)
	if err != nil {
		return err
	}
	return h.faults.set(list)
}

// Faults gives the faults that are switched on for a system, and how often each has struck.
func (s *Sandbox) Faults(name string) ([]FaultStatus, error) {
	h, err := s.host(name)
	if err != nil {
		return nil, err
	}
	return h.faults.list(), nil
}

func badRequest(format string, args ...any) error {
	return problemf(http.StatusBadRequest, format, args...)
}
