// Package api is the Service Layer of SAP Business One as it is spoken: sessions, the two versions of OData, records,
// actions and batches.
//
// It knows nothing of orders in Orderly's sense, only the vendor's own words and exact decimals.
package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
	"github.com/orderlyhq/orderly/internal/odata"
)

// Version is the version of the Service Layer's addresses: V1 is OData 3 (deprecated as of 10.0 FP 2405), V2 is OData 4.
type Version string

// Versions.
const (
	V1 Version = "v1"
	V2 Version = "v2"
)

// Account is what a client is made with.
type Account struct {
	Base     string // scheme, host and port
	Version  Version
	Company  string // the name of the company's database
	User     string
	Password connector.Secret
	Language string // of messages; "" is the user's own
	OAuth    *OAuth // in the place of user and password
	HTTP     *http.Client
	State    connector.State
	Now      func() time.Time
}

// Client calls the Service Layer for one company.
type Client struct {
	account Account
	root    string // of the service, without a trailing slash
	http    *httpx.Client

	mu      sync.Mutex
	session session // the one in use
	own     string  // the id of the session that this client opened itself
}

// NewClient makes a client; it makes no call.
func NewClient(a Account) *Client {
	c := &Client{account: a, root: strings.TrimRight(a.Base, "/") + "/b1s/" + string(a.Version)}
	c.http = &httpx.Client{Base: c.root, HTTP: a.HTTP, Authorize: c.authorize, Renew: c.renew, Explain: explain}
	return c
}

// Fields is a record, or a part of one, as it is sent: only what is in it is written.
type Fields map[string]any

// pageSize is how many records of a small table are asked for at once; without asking there are 20 on a page.
const pageSize = 500

// maxPages bounds how many pages of one query are read.
const maxPages = 200

func (c *Client) do(ctx context.Context, call httpx.Call) (*httpx.Response, error) {
	return c.http.Do(context.WithValue(ctx, usedKey{}, &used{}), call)
}

// Get reads one record or the answer of a function.
func (c *Client) Get(ctx context.Context, op, path string, out any) (*httpx.Response, error) {
	return c.do(ctx, httpx.Call{Op: op, Path: "/" + path, Out: out})
}

// Ask is a query for records of a set.
type Ask struct {
	Op      string
	Set     string
	Select  []string
	Filter  string
	OrderBy string
	// Size is the wanted size of a page; 0 is as many as fit.
	Size int
	// AnyCase compares texts without regard to case, which HANA does not by itself.
	AnyCase bool
}

func (a Ask) call() httpx.Call {
	size := a.Size
	if size <= 0 {
		size = pageSize
	}
	header := http.Header{"Prefer": {"odata.maxpagesize=" + strconv.Itoa(size)}}
	if a.AnyCase {
		header.Set("B1S-CaseInsensitive", "true")
	}
	return httpx.Call{
		Op: a.Op, Header: header,
		Path: "/" + a.Set + odata.Query("$select", strings.Join(a.Select, ","), "$filter", a.Filter, "$orderby", a.OrderBy),
	}
}

// Page reads one page.
func (c *Client) Page(ctx context.Context, a Ask) (odata.Page, error) {
	var page odata.Page
	call := a.call()
	call.Out = &page
	_, err := c.do(ctx, call)
	return page, err
}

// List reads all records of a query, page by page, and hands each to a function.
func (c *Client) List(ctx context.Context, a Ask, each func(json.RawMessage) error) error {
	call := a.call()
	for range maxPages {
		var page odata.Page
		call.Out = &page
		if _, err := c.do(ctx, call); err != nil {
			return err
		}
		for _, item := range page.Items {
			if err := each(item); err != nil {
				return connector.Errorf(connector.KindUnavailable, a.Op, "a record is not in the form that was expected: %w", err)
			}
		}
		if page.Next == "" {
			return nil
		}
		next, err := odata.Resolve(c.root, c.below(page.Next))
		if err != nil {
			return connector.Errorf(connector.KindBug, a.Op, "%w", err)
		}
		call.Path = next
	}
	return connector.Errorf(connector.KindBug, a.Op, "the answer has more than %d pages", maxPages)
}

// below makes a link from the root of the host one from the root of the service: behind a proxy the service may lie deeper than it knows.
func (c *Client) below(link string) string {
	return strings.TrimPrefix(link, "/b1s/"+string(c.account.Version)+"/")
}

// Count counts the records of a set that a filter lets through.
func (c *Client) Count(ctx context.Context, op, set, filter string) (int, error) {
	resp, err := c.do(ctx, httpx.Call{Op: op, Path: "/" + set + "/$count" + odata.Query("$filter", filter), Header: http.Header{"Accept": {"*/*"}}})
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(string(resp.Body), "\ufeff")))
	if err != nil {
		return 0, connector.Errorf(connector.KindUnavailable, op, "the answer is no number")
	}
	return n, nil
}

// Create makes a record and decodes it as it came to be.
func (c *Client) Create(ctx context.Context, op, set string, fields Fields, out any) error {
	_, err := c.do(ctx, httpx.Call{Op: op, Method: http.MethodPost, Path: "/" + set, JSON: fields, Out: out})
	return err
}

// Update changes the fields that are given. Collections are merged: a line with a LineNum, or an address with a name, is changed, others are added.
func (c *Client) Update(ctx context.Context, op, path string, fields Fields) error {
	_, err := c.do(ctx, httpx.Call{Op: op, Method: http.MethodPatch, Path: "/" + path, JSON: fields})
	return err
}

// Replace changes the fields that are given; a collection becomes what is given, and what is not in it goes. With a tag it does so only while the
// record is the one that was read.
func (c *Client) Replace(ctx context.Context, op, path, tag string, fields Fields) error {
	header := http.Header{}
	header.Set("B1S-ReplaceCollectionsOnPatch", "true")
	if tag != "" {
		header.Set("If-Match", tag)
	}
	_, err := c.do(ctx, httpx.Call{Op: op, Method: http.MethodPatch, Path: "/" + path, Header: header, JSON: fields})
	return err
}

// Act calls an action such as "Orders(91)/Cancel".
func (c *Client) Act(ctx context.Context, op, path string, fields Fields) error {
	call := httpx.Call{Op: op, Method: http.MethodPost, Path: "/" + path}
	if fields != nil {
		call.JSON = fields
	}
	_, err := c.do(ctx, call)
	return err
}

// Query calls an action that only reads.
func (c *Client) Query(ctx context.Context, op, action string, out any) error {
	_, err := c.do(ctx, httpx.Call{Op: op, Method: http.MethodPost, Path: "/" + action, JSON: Fields{}, Out: out, Safe: true})
	return err
}

// Made is what became of one part of a batch of creations.
type Made struct {
	Body json.RawMessage
	Err  error
}

// CreateMany makes several records of a set in one call. Each stands in a change set of its own, so one that is refused leaves the others alone.
func (c *Client) CreateMany(ctx context.Context, op, set string, records []Fields) ([]Made, error) {
	var batch odata.Batch
	for _, fields := range records {
		body, err := json.Marshal(fields)
		if err != nil {
			return nil, connector.Errorf(connector.KindBug, op, "encode the request: %w", err)
		}
		batch.ChangeSets = append(batch.ChangeSets, []odata.Operation{{Method: http.MethodPost, Path: "/b1s/" + string(c.account.Version) + "/" + set, Body: body}})
	}
	body, contentType := batch.Encode()
	resp, err := c.do(ctx, httpx.Call{
		Op: op, Method: http.MethodPost, Path: "/$batch", Raw: body,
		Header: http.Header{"Content-Type": {contentType}, "Accept": {"multipart/mixed"}, "Prefer": {"odata.continue-on-error"}},
	})
	if err != nil {
		return nil, err
	}
	results, err := odata.DecodeBatch(resp.Header.Get("Content-Type"), resp.Body)
	out := make([]Made, len(records))
	for i := range out {
		switch {
		case i < len(results) && len(results[i]) == 1:
			out[i] = made(op, results[i][0])
		default:
			out[i].Err = connector.Errorf(connector.KindMaybeApplied, op, "the answer to the batch does not say what became of this part")
			if err != nil {
				out[i].Err = connector.Errorf(connector.KindMaybeApplied, op, "%w", err)
			}
		}
	}
	return out, nil
}

func made(op string, r odata.Result) Made {
	if r.Status < 300 {
		return Made{Body: r.Body}
	}
	e := &connector.Error{Kind: connector.KindInvalid}
	if r.Status >= 500 {
		e.Kind = connector.KindMaybeApplied
	}
	e = explain(&httpx.Response{Status: r.Status, Header: r.Header, Body: r.Body}, e)
	e.Op = op
	return Made{Err: e}
}

// V2 is the same account under the addresses of OData 4, where alone there are webhooks.
func (c *Client) V2() *Client {
	if c.account.Version == V2 {
		return c
	}
	a := c.account
	a.Version = V2
	return NewClient(a)
}

// Delete removes a record.
func (c *Client) Delete(ctx context.Context, op, path string) error {
	_, err := c.do(ctx, httpx.Call{Op: op, Method: http.MethodDelete, Path: "/" + path})
	return err
}
