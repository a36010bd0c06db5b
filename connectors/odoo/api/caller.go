// Package api calls the methods of Odoo's models over any of the ways that a server offers: JSON-RPC
// (Odoo 16 to 21), JSON-2 (19 and later) and the /api/<model> addresses of the community module
// "restful". Whatever is above Caller does not know which of them carries it.
//
// The package knows Odoo's wire forms and its exceptions; what records mean to Orderly it does not know.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
)

// Arg is an argument of a method, by position for JSON-RPC and by name for JSON-2.
type Arg struct {
	Name  string
	Value any
}

// Call is a call of a model's method.
type Call struct {
	Op            string // for errors: "create order"
	Model, Method string
	// IDs are the records of a method that works on records; nil is a method of the model.
	IDs []int64
	// Args are the arguments that the method needs, in its own order.
	Args []Arg
	// Options are the arguments that it can do without, and "context".
	Options map[string]any
	// Safe says that the method only reads.
	Safe bool
}

// Caller executes a method and gives its result; a method that returns nothing gives null. Errors are
// *connector.Error.
type Caller interface {
	Execute(ctx context.Context, call Call) (json.RawMessage, error)
}

// Mode is a way of calling Odoo.
type Mode string

// Modes.
const (
	ModeAuto       Mode = "auto" // JSON-2 from Odoo 19 on, JSON-RPC before
	ModeJSONRPC    Mode = "jsonrpc"
	ModeJSON2      Mode = "json2"
	ModeRESTModule Mode = "rest_module"
)

// firstJSON2 is the first Odoo with the JSON-2 API.
const firstJSON2 = 19

// Account says where an Odoo is and who calls it.
type Account struct {
	Mode     Mode
	Base     string // without a trailing slash
	Database string
	Login    string
	Secret   connector.Secret // an API key, or a password where that is allowed
	HTTP     *http.Client
	// State keeps the token of the community REST module.
	State connector.State
}

// Version is the release of a server.
type Version struct {
	Major int
	Text  string // "18.0", "saas~18.2"
}

// Client calls one database of one Odoo.
type Client struct {
	account Account
	// Context gives what goes as context with every call on a model; a call's own comes on top. Nil is
	// nothing.
	Context func(ctx context.Context, model string) (map[string]any, error)

	lock    lock
	version Version
	caller  Caller
}

// NewClient makes a client; it calls nothing yet.
func NewClient(account Account) *Client { return &Client{account: account, lock: newLock()} }

// lock is a mutex whose waiting ends with a context: what is found out once is found out by a call.
type lock chan struct{}

func newLock() lock { return make(lock, 1) }

func (l lock) take(ctx context.Context) error {
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l lock) free() { <-l }

// Execute carries a call the way that the mode says.
func (c *Client) Execute(ctx context.Context, call Call) (json.RawMessage, error) {
	caller, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	if c.Context != nil {
		base, err := c.Context(ctx, call.Model)
		if err != nil {
			return nil, err
		}
		call.Options = merge(call.Options, base)
	}
	return caller.Execute(ctx, call)
}

func merge(options, base map[string]any) map[string]any {
	if len(base) == 0 {
		return options
	}
	merged := maps.Clone(base)
	if own, ok := options["context"].(map[string]any); ok {
		maps.Copy(merged, own)
	}
	out := maps.Clone(options)
	if out == nil {
		out = map[string]any{}
	}
	out["context"] = merged
	return out
}

// open finds out how to call, once.
func (c *Client) open(ctx context.Context) (Caller, error) {
	if err := c.lock.take(ctx); err != nil {
		return nil, err
	}
	defer c.lock.free()
	if c.caller != nil {
		return c.caller, nil
	}
	mode := c.account.Mode
	if mode == ModeAuto {
		version, err := c.readVersion(ctx)
		if err != nil {
			return nil, err
		}
		mode = ModeJSONRPC
		if version.Major >= firstJSON2 {
			mode = ModeJSON2
		}
	}
	switch mode {
	case ModeJSON2:
		c.caller = newJSON2(c.account)
	case ModeRESTModule:
		c.caller = newRESTModule(c.account)
	default:
		c.caller = newJSONRPC(c.account)
	}
	return c.caller, nil
}

// Version asks the server for its release, once.
func (c *Client) Version(ctx context.Context) (Version, error) {
	if err := c.lock.take(ctx); err != nil {
		return Version{}, err
	}
	defer c.lock.free()
	return c.readVersion(ctx)
}

// readVersion asks /web/version, which is there from Odoo 19 on, and the older common.version where
// that is not found.
func (c *Client) readVersion(ctx context.Context) (Version, error) {
	if c.version.Major > 0 {
		return c.version, nil
	}
	const op = "read the server's version"
	client := &httpx.Client{Base: c.account.Base, HTTP: c.account.HTTP}
	var web struct {
		Version string            `json:"version"`
		Info    []json.RawMessage `json:"version_info"`
	}
	_, err := client.Do(ctx, httpx.Call{Op: op, Path: "/web/version", Out: &web, Anonymous: true})
	text, info := web.Version, web.Info
	if connector.KindOf(err) == connector.KindNotFound {
		var answer struct {
			Result struct {
				Version string            `json:"server_version"`
				Info    []json.RawMessage `json:"server_version_info"`
			} `json:"result"`
		}
		_, err = client.Do(ctx, httpx.Call{
			Op: op, Method: http.MethodPost, Path: "/jsonrpc", Out: &answer, Anonymous: true, Safe: true,
			JSON: rpcRequest("common", "version"),
		})

		text, info = answer.Result.Version, answer.Result.Info
	}
	if e, ok := errors.AsType[*connector.Error](err); ok {
		return Version{}, absent(e)
	}
	major := 0
	if len(info) > 0 {
		major = majorOf(strings.Trim(string(info[0]), `"`))
	}
	if major == 0 {
		major = majorOf(text)
	}
	if major == 0 {
		return Version{}, connector.Errorf(connector.KindInvalid, op, "the address answers, but not as an Odoo does; check base_url")
	}
	c.version = Version{Major: major, Text: text}
	return c.version, nil
}

// majorOf reads 18 from "18.0" and "saas~18.2".
func majorOf(text string) int {
	text = strings.TrimPrefix(strings.TrimPrefix(text, "saas~"), "saas-")
	digits, _, _ := strings.Cut(text, ".")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}
