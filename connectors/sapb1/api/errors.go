package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
)

// Codes of the vendor that decide something.
const (
	CodeSession   = "301"   // the session has ended, or the path is not written as the vendor writes it
	CodeNoRecord  = "-2028" // not found; on a creation also: a missing master record, a missing branch, an approval
	CodeDuplicate = "-2035" // the key exists
	CodeChanged   = "-2039" // the record is not the one that was read
)

// fault is the body of an error: version 1 has numbers and a nested message, version 2 texts.
type fault struct {
	Error struct {
		Code    json.RawMessage `json:"code"`
		Message json.RawMessage `json:"message"`
	} `json:"error"`
}

func (f fault) code() string { return strings.Trim(strings.TrimSpace(string(f.Error.Code)), `"`) }

func (f fault) message() string {
	var text string
	if json.Unmarshal(f.Error.Message, &text) == nil {
		return text
	}
	var nested struct {
		Value string `json:"value"`
	}
	if json.Unmarshal(f.Error.Message, &nested) == nil {
		return nested.Value
	}
	return ""
}

// maxMessage bounds what is kept of a text of the vendor's, in bytes.
const maxMessage = 300

var (
	exchangeRate = regexp.MustCompile(`(?i)exchange rate|currency rate`)
	cardCurrency = regexp.MustCompile(`(?i)currency.*business partner|business partner.*currency`)
	period       = regexp.MustCompile(`(?i)posting period|permissible range|period indicator`)
	permission   = regexp.MustCompile(`(?i)not (permitted|authori[sz]ed)|no authori[sz]ation|no permission`)
	unknownField = regexp.MustCompile(`Property '([A-Za-z0-9_]+)' of '[A-Za-z0-9_.]+' is invalid`)
	branch       = regexp.MustCompile(`(?i)\bbranch\b`)
	licence      = regexp.MustCompile(`(?i)licen[cs]e`)
	// What stands in quotes may be a name or an address of a person; codes and names of fields may stay.
	quoted = regexp.MustCompile(`['"“]([^'"”]{1,200})['"”]`)
	plain  = regexp.MustCompile(`^[A-Za-z0-9_.\-/]{1,50}$`)
)

// explain gives the error that an answer means. A load balancer answers with HTML, of which nothing is kept.
func explain(resp *httpx.Response, e *connector.Error) *connector.Error {
	if e == nil {
		return nil
	}
	var f fault
	if json.Unmarshal(bytes.TrimSpace(resp.Body), &f) != nil || (f.code() == "" && f.message() == "") {
		if resp.Status >= 500 {
			e.Fix = "if this lasts, check that the Service Layer runs"
		}
		return e
	}
	e.Code = f.code()
	text := tidy(f.message())
	if text != "" {
		e.Message = text
	}
	switch {
	case resp.Status >= 500: // what was done is as unclear as without a body
	case resp.Status == http.StatusUnauthorized:
		e.Kind = connector.KindAuth
		if e.Code == CodeSession {
			e.Fix = "if signing in anew does not help, this release of Business One has no such part"
		}
	case resp.Status == http.StatusForbidden || permission.MatchString(text):
		e.Kind = connector.KindForbidden
		e.Fix = "give the user of this connection full authorisation for sales orders, business partners and items, and a licence that covers them"
	case e.Code == CodeNoRecord && resp.Status == http.StatusNotFound:
		e.Kind = connector.KindNotFound
	case e.Code == CodeDuplicate, e.Code == CodeChanged, resp.Status == http.StatusPreconditionFailed:
		e.Kind = connector.KindConflict
	case licence.MatchString(text):
		e.Kind = connector.KindUnavailable
		e.Fix = "all licence seats are taken: assign one to the user of this connection"
	default:
		e.Kind = connector.KindInvalid
		advise(e, text)
	}
	return e
}

// advise says what a person can do about a refusal; the vendor's text alone tells.
func advise(e *connector.Error, text string) {
	switch {
	case exchangeRate.MatchString(text):
		e.Field = "document_currency"
		e.Fix = "enter the exchange rate of the day in Business One (Administration, Exchange Rates and Indexes)"
	case cardCurrency.MatchString(text):
		e.Field = "document_currency"
		e.Fix = "set the currency of the business partner to All Currencies in Business One"
	case period.MatchString(text):
		e.Field = "order_date"
		e.Fix = "open the posting period in Business One, or let orders have today's date (setting posting_date)"
	case branch.MatchString(text):
		e.Field = "branch"
		e.Fix = "the company has several branches: set the setting branch"
	case e.Code == CodeNoRecord:
		e.Fix = "a record that the document refers to is missing (article, warehouse, tax, address), or the setting branch is"
	}
	if match := unknownField.FindStringSubmatch(text); match != nil {
		e.Field = match[1]
		e.Fix = "create the field in Business One, or correct the setting or mapping that names it"
	}
}

func tidy(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	text = quoted.ReplaceAllStringFunc(text, func(q string) string {
		inner := quoted.FindStringSubmatch(q)[1]
		if plain.MatchString(inner) {
			return "'" + inner + "'"
		}
		return "'…'"
	})
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}
