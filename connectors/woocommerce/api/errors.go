package api

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
)

// failure is the body of an error of WordPress's REST API.
type failure struct {
	Code    string          `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"` // an object, a bare status or null
}

const (
	fixAddress = "check base_url and, in WordPress, that Settings > Permalinks is not Plain; else set plain_permalinks"
	fixKey     = "make a key with permission Read/Write under WooCommerce > Settings > Advanced > REST API and enter both its parts"
)

// explain says what an answer means. Bodies that are not JSON come from the web server, a firewall or
// a plug-in and not from the API: they say nothing of a record.
func explain(resp *httpx.Response, e *connector.Error) *connector.Error {
	resp.Body = withoutNotices(resp.Body)
	if e == nil {
		return nil
	}
	var f failure
	if err := json.Unmarshal(resp.Body, &f); err != nil || f.Code == "" {
		return noAPI(resp, e)
	}
	e.Code = f.Code
	if text := plain(f.Message); text != "" {
		e.Message = fmt.Sprintf("the shop answered %d: %s", resp.Status, text)
	}
	e.Field = firstParameter(f.Data)
	switch {
	case f.Code == "rest_no_route" || f.Code == "rest_disabled" || f.Code == "rest_cannot_access":
		e.Kind, e.Fix = connector.KindForbidden, fixAddress
		if f.Code == "rest_no_route" {
			e.Kind = connector.KindInvalid
		}
	case resp.Status == http.StatusUnauthorized:
		e.Kind, e.Fix = connector.KindAuth, fixKey
		switch {
		case strings.Contains(f.Message, "permissions"):
			e.Kind = connector.KindForbidden
		case strings.Contains(f.Message, "timestamp"):
			e.Fix = "set the clock of this machine or of the shop: they are more than fifteen minutes apart"
		case strings.Contains(f.Message, "signature"):
			e.Fix = "check consumer_secret, and set signed_url when the shop believes to have another address than base_url"
		}
	case resp.Status == http.StatusForbidden:
		e.Kind, e.Fix = connector.KindForbidden, "give the key to a user with the role Shop manager or Administrator"
	case resp.Status == http.StatusNotFound || resp.Status == http.StatusGone || noRecord(f.Code):
		e.Kind = connector.KindNotFound
	case resp.Status == http.StatusInternalServerError && strings.HasPrefix(f.Code, "woocommerce_rest_"):
		// A refusal by a rule of WooCommerce's own, such as a refund that is too high: it did nothing.
		e.Kind = connector.KindInvalid
	}
	return e
}

func noRecord(code string) bool {
	return slices.Contains([]string{"woocommerce_rest_shop_order_invalid_id", "wc_user_invalid_id", "woocommerce_rest_invalid_id"}, code)
}

// noAPI is for answers that are not the API's.
func noAPI(resp *httpx.Response, e *connector.Error) *connector.Error {
	switch {
	case resp.Status < 400:
		e.Message = fmt.Sprintf("the shop redirects (%d) to %s", resp.Status, target(resp.Header.Get("Location")))
		e.Fix = "enter the address that it redirects to as base_url"
	case resp.Status == http.StatusNotFound || resp.Status == http.StatusGone:
		e.Kind, e.Fix = connector.KindUnavailable, fixAddress
		e.Message = fmt.Sprintf("there is no WordPress REST API at this address (%d with a page instead of JSON)", resp.Status)
	case resp.Status == http.StatusForbidden || resp.Status == http.StatusNotAcceptable || resp.Status == http.StatusUnauthorized:
		// In front of WordPress, so nothing was done.
		e.Kind = connector.KindUnavailable
		e.Message = fmt.Sprintf("something in front of the shop refuses our requests (%d with a page instead of JSON)", resp.Status)
		e.Fix = "let the address of this machine pass in the firewall or security plug-in; set auth to query if the web server takes the Authorization header away"
	}
	if e.Kind.Temporary() && e.RetryAfter == 0 {
		e.RetryAfter = httpx.RetryAfter(resp.Header, responseTime(resp))
	}
	return e
}

// target is a redirect's address without its query, which repeats credentials.
func target(location string) string {
	at, err := url.Parse(location)
	if err != nil || location == "" {
		return "another address"
	}
	at.RawQuery, at.Fragment, at.User = "", "", nil
	return at.String()
}

// firstParameter is the first parameter in name order that a rest_invalid_param names.
func firstParameter(data json.RawMessage) string {
	var d struct {
		Params map[string]string `json:"params"`
	}
	if err := json.Unmarshal(data, &d); err != nil || len(d.Params) == 0 {
		return ""
	}
	names := make([]string, 0, len(d.Params))
	for name := range d.Params {
		names = append(names, name)
	}
	slices.Sort(names)
	return names[0]
}

var (
	tags   = regexp.MustCompile(`<[^>]*>`)
	emails = regexp.MustCompile(`\S+@\S+`)
)

// plain is a message as text for people: WordPress escapes it for HTML, and some name an e-mail address.
func plain(message string) string {
	text := tags.ReplaceAllString(message, "")
	text = emails.ReplaceAllString(html.UnescapeString(text), "(e-mail address)")
	if runes := []rune(text); len(runes) > 300 {
		text = string(runes[:300]) + "…"
	}
	return strings.Join(strings.Fields(text), " ")
}

func responseTime(resp *httpx.Response) time.Time {
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		return at
	}
	return time.Time{}
}
