package connectortest

import (
	"cmp"
	"context"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
)

// flaw is a way in which the reference connector breaks the contract; "" keeps it. The table of them
// is in broken_test.go.
type flaw string

// referenceHarness is the suite's own connector, to tally.
func referenceHarness(broken flaw) Harness {
	return Harness{
		Definition: connector.Definition{
			Name: "tally", Title: "Tally", Group: tallyGroup(broken), Roles: connector.Source | connector.Destination,
			New: func() connector.Config { return newTallyConfig(broken) },
		},
		New:           func(_ testing.TB, s Setup) *Vendor { return newTally(s).vendor() },
		WebhookSecret: "hook_secret",
		ReplayWindow:  5 * time.Minute,
		Enums:         []Enum{{Path: "order_state", State: func(o commerce.Order) string { return string(o.OrderState) }}},
	}
}

func tallyGroup(broken flaw) connector.Group {
	if broken == "the system belongs to no group" {
		return "books"
	}
	return connector.GroupERP
}

func TestTheReferencePasses(t *testing.T) { Run(t, referenceHarness("")) }

type tallyConfig struct {
	Company    string
	Key        connector.Secret
	HookSecret connector.Secret
	Mode       string
	second     string
	hidden     connector.Secret // fmt cannot ask a field that is not exported to hide itself
	broken     flaw
}

func newTallyConfig(broken flaw) *tallyConfig {
	c := &tallyConfig{Mode: "live", broken: broken}
	if broken == "a required setting has a default" {
		c.Company = "tea"
	}
	return c
}

func (c *tallyConfig) Settings() []connector.Setting {
	key, help, example := &c.Key, "the key of the API", "live"
	switch c.broken {
	case "a secret is in a field that prints itself":
		key = &c.hidden
	case "a setting has no help":
		help = ""
	case "an example is not among the allowed values":
		example = "Live"
	}
	all := []connector.Setting{
		connector.String(&c.Company, "company", "the company's name", connector.Required(), connector.Example("tea")),
		connector.SecretString(key, "key", help, connector.Required()),
		connector.SecretString(&c.HookSecret, "hook_secret", "what webhooks are signed with"),
		connector.String(&c.Mode, "mode", "live or test", connector.Allowed("live", "test"), connector.Example(example)),
	}
	if c.broken == "a setting that nobody described is taken" {
		all = append(all, connector.String(&c.second, "companyx", "another name of the company"))
	}
	return all
}

func (c *tallyConfig) Decoder() connector.Decoder { return &tallyDecoder{broken: c.broken} }

func (c *tallyConfig) Open(ctx context.Context, env connector.Env) (connector.Connector, error) {
	key := c.Key
	if c.broken == "a secret is in a field that prints itself" {
		key = c.hidden
	}
	if strings.ContainsFunc(key.Reveal(), unicode.IsControl) {
		if c.broken == "the error about a setting repeats its value" {
			return nil, connector.Invalid("key", "%q has control characters", key.Reveal())
		}
		return nil, connector.Invalid("key", "has control characters")
	}
	t := &tallyConn{env: env, key: key, hookSecret: c.HookSecret, broken: c.broken}
	t.api = &httpx.Client{Base: env.BaseURL, HTTP: env.HTTP, Authorize: t.authorize, Renew: t.renew, Explain: t.explain}
	if c.broken == "opening signs in" {
		_ = t.renew(ctx)
	}
	return t, nil
}

// tallyConn is a connection to tally.
type tallyConn struct {
	env        connector.Env
	key        connector.Secret
	hookSecret connector.Secret
	api        *httpx.Client
	broken     flaw
	busy       atomic.Int32
	told       atomic.Int32
}

// do makes a call, with the flaws that concern every call.
func (t *tallyConn) do(ctx context.Context, call httpx.Call) error {
	_, err := t.send(ctx, call)
	return err
}

func (t *tallyConn) send(ctx context.Context, call httpx.Call) (*httpx.Response, error) {
	switch t.broken {
	case "requests have no caller":
		ctx = context.Background()
	case "requests have no end":
		ctx = context.WithoutCancel(ctx)
	case "the key is in the address":
		call.Path += map[bool]string{true: "&", false: "?"}[strings.Contains(call.Path, "?")] + "trace=" + t.key.Reveal()
	case "the key is in the log":
		t.env.Log.Info("calling", "key", t.key.Reveal())
	case "calls at once are refused":
		defer t.busy.Add(-1)
		if t.busy.Add(1) > 1 {
			return nil, connector.Errorf(connector.KindConflict, call.Op, "another call is being made")
		}
		<-time.After(time.Millisecond) // virtual: so long that all who call at once have called
	}
	resp, err := t.api.Do(ctx, call)
	if err == nil {
		return resp, nil
	}
	e, _ := asError(err)
	switch t.broken {
	case "errors are plain":
		return resp, errors.New(err.Error())
	case "errors hold the key":
		e.Message += " with the key " + t.key.Reveal()
	case "errors hold people's data":
		e.Message += " for erika@example.com"
	case "wrong credentials are told as a missing right":
		e.Kind = swap(e.Kind, connector.KindAuth, connector.KindForbidden)
	case "a system that is down is told as a bug":
		e.Kind = swap(e.Kind, connector.KindUnavailable, connector.KindBug)
	case "the wait is forgotten":
		e.RetryAfter = 0
	case "a lost answer is told as not done":
		e.Kind = swap(e.Kind, connector.KindMaybeApplied, connector.KindUnavailable)
	case "what is not there is told as refused":
		e.Kind = swap(e.Kind, connector.KindNotFound, connector.KindInvalid)
	case "the field at fault is not named":
		e.Field = ""
	}
	return resp, err
}

func swap(kind, from, to connector.ErrorKind) connector.ErrorKind {
	if kind == from {
		return to
	}
	return kind
}

const tokenName = "token"

func (t *tallyConn) authorize(ctx context.Context, req *http.Request) error {
	token, err := t.env.State.Load(ctx, tokenName)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+string(token))
	return nil
}

func (t *tallyConn) renew(ctx context.Context) error {
	if t.broken == "a renewal is refused while another runs" {
		defer t.told.Add(-1)
		if t.told.Add(1) > 1 {
			return connector.Errorf(connector.KindConflict, "sign in", "somebody else signs in")
		}
	}
	if t.broken == "sessions are not renewed" && t.told.Add(1) > 1 {
		return connector.Errorf(connector.KindAuth, "sign in", "the session has ended")
	}
	_, err := t.env.State.Update(ctx, tokenName, func(ctx context.Context, _ []byte) ([]byte, error) {
		var out struct {
			Token string `json:"token"`
		}
		call := httpx.Call{Op: "sign in", Method: http.MethodPost, Path: "/token", Form: url.Values{"key": {t.key.Reveal()}}, Out: &out, Anonymous: true}
		_, err := t.api.Do(ctx, call)
		return []byte(out.Token), err
	})
	return err
}

// explain reads tally's error body.
func (t *tallyConn) explain(resp *httpx.Response, e *connector.Error) *connector.Error {
	if e == nil {
		if t.broken == "a page of HTML is an answer" && strings.HasPrefix(string(resp.Body), "<") {
			resp.Body = nil
		}
		return nil
	}
	var problem refusal
	if json.Unmarshal(resp.Body, &problem) == nil && problem.Message != "" {
		e.Message, e.Field = problem.Message, problem.Field
		if problem.Field == "customer" {
			e.Kind = connector.KindNotFound
		}
	}
	return e
}

func (t *tallyConn) Check(ctx context.Context) (connector.Account, error) {
	var account connector.Account
	if t.broken == "checking writes" {
		if err := t.do(ctx, httpx.Call{Op: "check", Method: http.MethodPost, Path: "/hooks", JSON: connector.Subscription{Topic: "ping"}}); err != nil {
			return account, err
		}
	}
	path := "/account"
	if t.broken == "a path that is not there is asked for" {
		_ = t.do(ctx, httpx.Call{Op: "check", Path: "/nowhere"})
	}
	err := t.do(ctx, httpx.Call{Op: "check", Path: path, Out: &account})
	switch t.broken {
	case "the account has no name":
		account.ID, account.Name = "", ""
	case "a missing right is overlooked":
		if connector.KindOf(err) == connector.KindForbidden {
			return account, nil
		}
	case "the renewed session is not kept":
		_, _ = t.env.State.Update(ctx, tokenName, func(context.Context, []byte) ([]byte, error) { return nil, nil })
		if t.told.Add(1) < 3 {
			_ = t.renew(ctx)
		}
	case "a goroutine is left":
		go func() {
			timer := time.NewTimer(time.Hour)
			defer timer.Stop()
			<-timer.C
		}()
	}
	return account, err
}

func (t *tallyConn) Close(ctx context.Context) error {
	if t.broken == "closing takes its time" {
		timer := time.NewTimer(time.Hour)
		defer timer.Stop()
		<-timer.C
	}
	return nil
}

// What a source has.

func (t *tallyConn) Receive(req connector.Request) (connector.Receipt, error) {
	deny := connector.Errorf(connector.KindForbidden, "receive", "the signature is not the sender's")
	at, err := strconv.ParseInt(req.Header.Get("X-Tally-Time"), 10, 64)
	given, secret := req.Header.Get("X-Tally-Signature"), t.hookSecret.Reveal()
	signed := req.Body
	switch t.broken {
	case "only the length of a body is signed":
		given = map[bool]string{true: signature(secret, req.Header.Get("X-Tally-Time"), req.Body)}[len(given) == 64 && len(req.Body)%2 == 1]
	case "a delivery without a signature is taken":
		if given == "" {
			given, err, at = signature(secret, req.Header.Get("X-Tally-Time"), req.Body), nil, req.At.Unix()
		}
	case "any secret is right":
		given = signature(secret, req.Header.Get("X-Tally-Time"), req.Body)
	case "trailing spaces are not signed":
		signed = []byte(strings.TrimRight(string(req.Body), " "))
	}
	if t.broken == "an empty secret proves as well" && given == signature("", req.Header.Get("X-Tally-Time"), req.Body) {
		given = signature(secret, req.Header.Get("X-Tally-Time"), req.Body)
	}
	age := req.At.Sub(time.Unix(at, 0)).Abs()
	if t.broken == "the age is not looked at" {
		age = 0
	}
	switch {
	case secret == "" && t.broken == "a missing secret is told as a bug":
		return connector.Receipt{}, connector.Errorf(connector.KindBug, "receive", "hook_secret is not set")
	case secret == "" && t.broken != "no secret takes everything" && t.broken != "a missing secret is an empty one":
		return connector.Receipt{}, connector.Errorf(connector.KindAuth, "receive", "hook_secret is not set")
	case secret == "" && t.broken == "no secret takes everything":
	case err != nil && t.broken == "an odd time is told as a bug":
		return connector.Receipt{}, connector.Errorf(connector.KindBug, "receive", "odd")
	case err != nil || !hmac.Equal([]byte(given), []byte(signature(secret, req.Header.Get("X-Tally-Time"), signed))) || age > 5*time.Minute:
		if t.broken == "a forged delivery is told as a bug" {
			return connector.Receipt{}, connector.Errorf(connector.KindBug, "receive", "odd")
		}
		if t.broken == "a huge body is used" && len(req.Body) > 1<<20 {
			return connector.Receipt{Events: []connector.Event{{}}}, nil
		}
		return connector.Receipt{}, deny
	}
	topic := req.Header.Get("X-Tally-Topic")
	switch {
	case topic == "order", t.broken == "every topic is that of orders":
	case t.broken == "what is ignored has no reason":
		return connector.Receipt{}, nil
	default:
		return connector.Receipt{Ignored: "topic " + topic}, nil
	}
	var order commerce.Order
	if err := json.Unmarshal(req.Body, &order); err != nil {
		return connector.Receipt{}, connector.Invalid("body", "is no order")
	}
	e := event(commerce.KindOrder, listed{order.Source, json.RawMessage(mustJSON(order))})
	e.Topic, e.DeliveryID = topic, req.Header.Get("X-Tally-Delivery")
	switch t.broken {
	case "events have no topic":
		e.Topic = ""
	case "a delivery is numbered by ourselves":
		e.DeliveryID = strconv.Itoa(int(t.told.Add(1)))
	case "only new orders are told":
		if len(order.Notes) > 0 {
			return connector.Receipt{Ignored: "a change"}, nil
		}
	case "only the node that subscribed takes webhooks":
		if t.told.Load() == 0 {
			return connector.Receipt{}, deny
		}
	}
	return connector.Receipt{Events: []connector.Event{e}}, nil
}

func event(kind commerce.Kind, l listed) connector.Event {
	return connector.Event{
		Ref: connector.Ref{Kind: kind, ID: l.Source.ExternalID}, Change: connector.Changed, UpdatedAt: l.Source.UpdatedAt, Body: l.Record,
	}
}

func (t *tallyConn) subscriptions(ctx context.Context, address string) ([]connector.Subscription, error) {
	var all []connector.Subscription
	if err := t.do(ctx, httpx.Call{Op: "list webhooks", Path: "/hooks", Out: &all}); err != nil {
		return nil, err
	}
	for _, s := range all {
		if s.Address == address || t.broken == "webhooks of others count" {
			if t.broken == "what is disabled is told as active" {
				s.State = connector.SubscriptionActive
			}
			return []connector.Subscription{s}, nil
		}
	}
	return []connector.Subscription{{Topic: "order", Address: address, State: connector.SubscriptionMissing}}, nil
}

func (t *tallyConn) Webhooks(ctx context.Context, address string) ([]connector.Subscription, error) {
	return t.subscriptions(ctx, address)
}

func (t *tallyConn) EnsureWebhooks(ctx context.Context, address string) ([]connector.Subscription, error) {
	found, err := t.subscriptions(ctx, address)
	if err != nil {
		return nil, err
	}
	if t.broken == "only the node that subscribed takes webhooks" {
		t.told.Store(1)
	}
	switch s := found[0]; {
	case s.State == connector.SubscriptionMissing, t.broken == "webhooks are made again each time":
		err = t.do(ctx, httpx.Call{Op: "subscribe", Method: http.MethodPost, Path: "/hooks", JSON: s})
	case s.State == connector.SubscriptionDisabled:
		err = t.do(ctx, httpx.Call{Op: "subscribe", Method: http.MethodPut, Path: "/hooks/" + s.ID, JSON: s})
	}
	if err != nil {
		return nil, err
	}
	return t.subscriptions(ctx, address)
}

func (t *tallyConn) query(q connector.Query) url.Values {
	out := url.Values{"limit": {strconv.Itoa(min(max(q.Limit, 1), 50))}}
	if q.Limit == 0 {
		out.Set("limit", "50")
	}
	set := func(name string, at time.Time) {
		if !at.IsZero() {
			out.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	set("since", q.Since)
	set("until", q.Until)
	out.Set("after", q.Cursor)
	return out
}

func (t *tallyConn) List(ctx context.Context, q connector.Query) (connector.Page, error) {
	switch t.broken {
	case "everything is listed always":
		q.Since = time.Time{}
	case "the end of the window is not looked at":
		q.Until = time.Time{}
	case "the wanted size of a page is not looked at":
		q.Limit = 50
	case "the place in the list is kept in memory":
		if q.Cursor == "" {
			t.told.Store(1)
		} else if t.told.Load() == 0 {
			return connector.Page{}, nil
		}
	case "the beginning of the window is outside":
		q.Since = q.Since.Add(1)
	}
	begun := t.env.Now()
	path, known := map[commerce.Kind]string{commerce.KindOrder: "/orders", commerce.KindCustomer: "/people"}[q.Kind]
	if !known {
		return connector.Page{}, connector.Errorf(connector.KindInvalid, "list", "the system lists orders and customers alone")
	}
	var got listing
	if err := t.do(ctx, httpx.Call{Op: "list", Path: path, Query: t.query(q), Out: &got}); err != nil {
		return connector.Page{}, err
	}
	page := connector.Page{More: got.More, Watermark: begun}
	for _, l := range got.Records {
		page.Events = append(page.Events, event(q.Kind, l))
		page.Next = l.place()
	}
	if page.More {
		page.Watermark = got.Records[len(got.Records)-1].Source.UpdatedAt
	} else {
		page.Next = ""
	}
	if t.broken == "the first of each page is skipped" && q.Cursor != "" && len(page.Events) > 0 {
		page.Events = page.Events[1:]
	}
	if q.Kind == commerce.KindCustomer {
		return t.flawedPeople(page), nil
	}
	return t.flawedPage(page, got, begun), nil
}

// flawedPeople breaks a page of customers.
func (t *tallyConn) flawedPeople(page connector.Page) connector.Page {
	switch t.broken {
	case "the newest customer is left out":
		if n := len(page.Events); n > 0 && !page.More {
			page.Events = page.Events[:n-1]
		}
	case "customers are listed as orders":
		for i := range page.Events {
			page.Events[i].Ref.Kind = commerce.KindOrder
		}
	case "a listed customer is another one":
		for i, e := range page.Events {
			page.Events[i].Body = []byte(strings.ReplaceAll(string(e.Body), "otto@", "anna@"))
		}
	case "a listed customer cannot be had":
		for i := range page.Events {
			page.Events[i].Body = nil
			page.Events[i].Ref.ID += "0"
		}
	}
	return page
}

// flawedPage breaks a page of orders.
func (t *tallyConn) flawedPage(page connector.Page, got listing, begun time.Time) connector.Page {
	switch t.broken {
	case "the newest order is left out":
		if n := len(page.Events); n > 0 && !page.More {
			page.Events = page.Events[:n-1]
		}
	case "the newest change comes first":
		slices.Reverse(page.Events)
	case "a full page promises another":
		page.More = len(got.Records) > 0
		if page.More {
			page.Next = got.Records[len(got.Records)-1].place()
		}
		if !got.More && page.More {
			page.Next = "" // from the beginning again
		}
	case "the cursor is a time alone":
		if page.More {
			page.Next = page.Events[len(page.Events)-1].UpdatedAt.Format("2006-01-02T15:04:05.000000000Z") + "~"
		}
	case "a page begins with half of the one before":
		if page.More {
			page.Next = got.Records[(len(got.Records)-1)/2].place()
		}
	case "the watermark is ahead of the next page":
		page.Watermark = begun
	case "the watermark is ahead":
		page.Watermark = t.env.Now().Add(time.Hour)
	case "a changed order keeps its place":
		page.Events = slices.DeleteFunc(page.Events, func(e connector.Event) bool { return strings.Contains(string(e.Body), "ring twice") })
	case "cancelled orders are left out":
		page.Events = slices.DeleteFunc(page.Events, func(e connector.Event) bool { return strings.Contains(string(e.Body), `"cancelled"`) })
	case "events of the list are of no kind":
		for i := range page.Events {
			page.Events[i].Ref.Kind = ""
		}
	}
	return page
}

func (t *tallyConn) Count(ctx context.Context, q connector.Query) (int, error) {
	var got listing
	q.Cursor = ""
	err := t.do(ctx, httpx.Call{Op: "count orders", Path: "/orders", Query: t.query(q), Out: &got})
	if t.broken == "the count is that of a page" {
		return min(got.Total, 3), err
	}
	return got.Total, err
}

func (t *tallyConn) Fetch(ctx context.Context, ref connector.Ref) (connector.Raw, error) {
	path := "/orders/"
	if ref.Kind == commerce.KindCustomer {
		path = "/people/"
	}
	resp, err := t.send(ctx, httpx.Call{Op: "fetch", Path: path + ref.ID})
	if err != nil {
		return connector.Raw{}, err
	}
	body := resp.Body
	if t.broken == "a fetched customer is another one" {
		body = []byte(strings.ReplaceAll(string(body), "erika@", "otto@"))
	}
	switch t.broken {
	case "a fetched order is another one":
		body = []byte(strings.ReplaceAll(string(body), `"T-`, `"X-`))
	case "a fetched order goes elsewhere":
		body = []byte(strings.ReplaceAll(string(body), "Invalidenstraße", "Chausseestraße"))
	}
	return connector.Raw{Ref: ref, Body: body}, nil
}

func (t *tallyConn) WriteBack(ctx context.Context, ref connector.Ref, s connector.Status) error {
	var now connector.Status
	path := "/orders/" + ref.ID + "/status"
	if err := t.do(ctx, httpx.Call{Op: "read status", Path: path, Out: &now}); err != nil {
		return err
	}
	if now.Document.ID == s.Document.ID && now.Document.State == s.Document.State && now.Document.Number == s.Document.Number && now.Message == s.Message && t.broken != "feedback is written again each time" {
		return nil
	}
	return t.do(ctx, httpx.Call{Op: "write back", Method: http.MethodPut, Path: path, JSON: s})
}

// tallyDecoder reads tally's form, which is ours.
type tallyDecoder struct {
	broken flaw
}

func (d *tallyDecoder) DecodeOrder(raw connector.Raw) (commerce.Order, error) {
	var o commerce.Order
	if err := json.Unmarshal(raw.Body, &o); err != nil {
		if d.broken == "broken orders are told as bugs" {
			return o, errors.New("odd")
		}
		return o, connector.Invalid("body", "is no order")
	}
	if o.Source.ExternalID == "" && d.broken != "nothing is taken for an order" {
		return o, connector.Invalid("source.external_id", "is missing")
	}
	switch {
	case slices.Contains([]commerce.OrderState{commerce.StateOpen, commerce.StateConfirmed, commerce.StateComplete, commerce.StateCancelled}, o.OrderState):
	case d.broken == "an unknown state is an error":
		return o, connector.Invalid("order_state", "is not known")
	case d.broken == "an unknown state is open":
		o.OrderState = commerce.StateOpen
	default:
		o.OrderState = commerce.StateUnknown
	}
	if _, err := o.Prove(); err != nil && d.broken != "nothing is taken for an order" {
		return o, connector.Invalid("totals", "cannot be proved: %v", err)
	}
	o.OrderDate, o.Source.UpdatedAt = o.OrderDate.UTC(), o.Source.UpdatedAt.UTC()
	switch d.broken {
	case "times are where the reader is":
		o.OrderDate = o.OrderDate.In(time.FixedZone("here", 3600))
	case "a cent is lost in decoding":
		o.Totals.TaxInclusive.Amount = o.Totals.TaxInclusive.Amount.Sub(number("0.01"))
		o.Totals.Payable.Amount = o.Totals.Payable.Amount.Sub(number("0.01"))
	case "the account is lost in decoding":
		o.Buyer.Source = commerce.Source{}
	case "a guest is given an account":
		o.Buyer.Source.ExternalID = cmp.Or(o.Buyer.Source.ExternalID, o.Buyer.Email())
	case "the company is lost in decoding":
		o.Buyer.CompanyName = ""
	case "long texts are cut off in decoding":
		for i, n := range o.Notes {
			o.Notes[i].Text = n.Text[:min(len(n.Text), 255)]
		}
	case "lines are read backwards":
		slices.Reverse(o.Lines)
	case "decoding depends on who decodes":
		o.CustomerReference = fmt.Sprintf("%p", d)
	}
	return o, nil
}

func (d *tallyDecoder) DecodeCustomer(raw connector.Raw) (commerce.Customer, error) {
	var c commerce.Customer
	if err := json.Unmarshal(raw.Body, &c); err != nil || c.Source.ExternalID == "" {
		return c, connector.Invalid("body", "is no customer")
	}
	return c, nil
}

// What a destination has.

func (t *tallyConn) FindItems(ctx context.Context, skus []string) (map[string][]connector.Item, error) {
	out := map[string][]connector.Item{}
	for chunk := range slices.Chunk(skus, 100) {
		var found []CatalogItem
		if t.broken == "only the first hundred articles are looked for" && len(out) == 0 && len(skus) > 100 {
			chunk = skus[:100]
		}
		if err := t.do(ctx, httpx.Call{Op: "find items", Path: "/items", Query: url.Values{"sku": chunk}, Out: &found}); err != nil {
			return nil, err
		}
		for _, i := range found {
			out[i.SKU] = append(out[i.SKU], connector.Item{ID: i.SKU, SKU: i.SKU, Name: i.Name})
		}
		if t.broken == "only the first hundred articles are looked for" {
			break
		}
	}
	if t.broken == "an article is found by the beginning of its SKU" && slices.Contains(skus, "MUG") {
		out["MUG"] = []connector.Item{{ID: "MUG-BLUE", SKU: "MUG-BLUE"}}
	}
	return out, nil
}

func (t *tallyConn) Taxes(ctx context.Context) ([]connector.TaxCode, error) {
	var out []connector.TaxCode
	err := t.do(ctx, httpx.Call{Op: "list taxes", Path: "/taxes", Out: &out})
	if t.broken == "a tax is left out" && len(out) > 1 {
		out = out[:len(out)-1]
	}
	return out, err
}

func (t *tallyConn) Stock(ctx context.Context, skus []string, _ string) ([]connector.StockLevel, error) {
	var found []CatalogItem
	if err := t.do(ctx, httpx.Call{Op: "read stock", Path: "/items", Query: url.Values{"sku": skus}, Out: &found}); err != nil {
		return nil, err
	}
	var out []connector.StockLevel
	for _, i := range found {
		level := number(strconv.FormatInt(i.Stock, 10))
		if t.broken == "the stock is half of what is there" {
			level = number("50")
		}
		out = append(out, connector.StockLevel{SKU: i.SKU, OnHand: level, Available: level})
	}
	return out, nil
}

func (t *tallyConn) FindCustomer(ctx context.Context, q connector.CustomerQuery) ([]connector.Candidate, error) {
	c := q.Customer
	if q.PostalCode != "" {
		c.Addresses = []commerce.Address{{PostalCode: q.PostalCode}}
	}
	names := tallyNames(q.Rule, q.Key, c)
	if len(names) == 0 {
		if t.broken == "nobody is somebody" {
			return []connector.Candidate{{Document: connector.Document{ID: "1"}}}, nil
		}
		return nil, nil
	}
	var found []buyer
	if t.broken == "percent signs match everybody" && strings.HasPrefix(names[0], "%") {
		return []connector.Candidate{{Document: connector.Document{ID: "1"}}}, nil
	}
	if err := t.do(ctx, httpx.Call{Op: "find customer", Path: "/customers", Query: url.Values{"rule": {string(q.Rule)}, "value": names}, Out: &found}); err != nil {
		return nil, err
	}
	var out []connector.Candidate
	for _, b := range found {
		out = append(out, connector.Candidate{Document: t.customer(b), Name: b.Customer.DisplayName, Email: b.Customer.Email()})
	}
	switch {
	case t.broken == "customers are not found by their key" && q.Rule == connector.MatchKey,
		t.broken == "customers are not found by e-mail" && q.Rule == connector.MatchEmail:
		return nil, nil
	case t.broken == "nobody is somebody" && len(out) == 0:
		return []connector.Candidate{{Document: connector.Document{ID: "1"}}}, nil
	}
	return out, nil
}

func (t *tallyConn) customer(b buyer) connector.Document {
	return connector.Document{Type: "customer", ID: b.ID, Key: b.Key}
}

// stated is what of a customer is stated, so that an update leaves the rest.
func (t *tallyConn) stated(c commerce.Customer) map[string]any {
	var out map[string]any
	_ = json.Unmarshal([]byte(mustJSON(c)), &out)
	for name, value := range out {
		if list, ok := value.([]any); value == nil || value == "" || (ok && len(list) == 0) {
			if t.broken != "an update empties what it has not" {
				delete(out, name)
			}
		}
	}
	return out
}

func (t *tallyConn) SaveCustomer(ctx context.Context, d connector.CustomerDraft) (connector.Document, error) {
	call := httpx.Call{Op: "create customer", Method: http.MethodPost, Path: "/customers"}
	body := map[string]any{"Key": d.Key, "Customer": t.stated(d.Customer)}
	if d.Existing != nil && t.broken != "saving a customer again makes another" {
		call = httpx.Call{Op: "update customer", Method: http.MethodPut, Path: "/customers/" + d.Existing.ID}
	}
	var b buyer
	call.JSON, call.Out = body, &b
	if err := t.do(ctx, call); err != nil {
		return connector.Document{}, err
	}
	return t.customer(b), nil
}

func (t *tallyConn) SaveAddress(ctx context.Context, c connector.Document, use commerce.AddressUse, a commerce.Address) (connector.Document, error) {
	var known []commerce.Address
	path := "/customers/" + c.ID + "/addresses"
	if err := t.do(ctx, httpx.Call{Op: "list addresses", Path: path, Out: &known}); err != nil {
		return connector.Document{}, err
	}
	a.Use = use
	for _, k := range known {
		same := k
		same.AddressID = a.AddressID
		if same == a && t.broken != "each address is another record" || t.broken == "one address record is used for all" {
			return connector.Document{Type: "address", ID: k.AddressID}, nil
		}
	}
	if err := t.do(ctx, httpx.Call{Op: "create address", Method: http.MethodPost, Path: path, JSON: a, Out: &a}); err != nil {
		return connector.Document{}, err
	}
	return connector.Document{Type: "address", ID: a.AddressID}, nil
}
