package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
)

// byStatus is what the status alone says of a call that writes.
func byStatus(status int) *connector.Error {
	e := &connector.Error{Kind: connector.KindInvalid, Message: "the system answered"}
	switch {
	case status == 401:
		e.Kind = connector.KindAuth
	case status == 403:
		e.Kind = connector.KindForbidden
	case status == 404:
		e.Kind = connector.KindNotFound
	case status == 412:
		e.Kind = connector.KindConflict
	case status >= 500:
		e.Kind = connector.KindMaybeApplied
	}
	return e
}

func TestErrorsOfBothVersions(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		code   string
		text   string
		kind   connector.ErrorKind
		field  string
	}{
		{"a record that is not there", 404, "-2028", "No matching records found (ODBC -2028)", connector.KindNotFound, ""},
		{"a record that a document needs", 400, "-2028", "No matching records found (ODBC -2028)", connector.KindInvalid, ""},
		{"a key that exists", 400, "-2035", "This entry already exists in the following tables (ODBC -2035)", connector.KindConflict, ""},
		{"another was faster", 412, "-2039", "Another user modified data", connector.KindConflict, ""},
		{"the session has ended", 401, "301", "Invalid session or session already timeout.", connector.KindAuth, ""},
		{"no rights", 403, "-5002", "You are not permitted to perform this action", connector.KindForbidden, ""},
		{"no rights, told by the text alone", 400, "-10", "User is not authorized", connector.KindForbidden, ""},
		{"no exchange rate", 400, "-10", "Update the exchange rate , 'USD'", connector.KindInvalid, "document_currency"},
		{"a partner of one currency", 400, "-5002", "Document currency differs from the currency of business partner 'C1'", connector.KindInvalid, "document_currency"},
		{"a closed period", 400, "-10", "Date deviates from permissible range", connector.KindInvalid, "order_date"},
		{"no branch", 400, "-5002", "Specify an active branch", connector.KindInvalid, "branch"},
		{"an unknown property", 400, "-1000", "Property 'U_Colour' of 'Document' is invalid", connector.KindInvalid, "U_Colour"},
		{"the reason in the text", 400, "-10", "(1) Item is out of assortment", connector.KindInvalid, ""},
		{"no licence seat", 400, "-1", "No licenses are available", connector.KindUnavailable, ""},
		{"a server that failed while it worked", 500, "-10", "Internal error", connector.KindMaybeApplied, ""},
	} {
		for version, body := range map[string]string{
			"v1": `{"error":{"code":` + c.code + `,"message":{"lang":"en-us","value":"` + c.text + `"}}}`,
			"v2": `{"error":{"code":"` + c.code + `","message":"` + c.text + `","details":[]}}`,
		} {
			e := explain(&httpx.Response{Status: c.status, Header: http.Header{}, Body: []byte(body)}, byStatus(c.status))
			if e.Kind != c.kind || e.Code != c.code || e.Field != c.field || e.Message == "" {
				t.Errorf("%s, %s: %+v", c.name, version, e)
			}
			if (c.field != "" || c.kind == connector.KindForbidden) && e.Fix == "" {
				t.Errorf("%s, %s: nothing says what to do", c.name, version)
			}
		}
	}
}

func TestAnswersThatAreNoErrorsOfTheVendor(t *testing.T) {
	for _, body := range []string{"<html><h1>502 Bad Gateway</h1>manager:secret</html>", "", "null", `{"error":"text"}`, `{"error":{}}`, `[1]`} {
		e := explain(&httpx.Response{Status: 502, Body: []byte(body)}, byStatus(502))
		if e.Kind != connector.KindMaybeApplied || strings.Contains(e.Error(), "secret") || e.Fix == "" {
			t.Errorf("%q: %+v", body, e)
		}
	}
	if e := explain(&httpx.Response{Status: 200, Body: []byte(`{"error":{"code":1}}`)}, nil); e != nil {
		t.Errorf("a success became %v", e)
	}
}

func TestTextsOfTheVendorAreTidied(t *testing.T) {
	for text, want := range map[string]string{
		"Item 'A-1' is inactive":           "Item 'A-1' is inactive",
		"Partner 'Anna O Neill' is locked": "Partner '…' is locked",
		`Value "anna@example.com" is bad`:  "Value '…' is bad",
		" two \n lines ":                   "two lines",
	} {
		if got := tidy(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	if long := tidy(strings.Repeat("ä", 500)); len(long) > maxMessage+len("…") {
		t.Errorf("%d bytes", len(long))
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]string{"1180.0": "1180", `"30"`: "30", "null": "0", `""`: "0", "29.970000000000002": "29.97", "1e2": "100", "-0.5": "-0.5"} {
		var n Number
		if err := n.UnmarshalJSON([]byte(text)); err != nil || n.String() != want {
			t.Errorf("%s: %s, %v", text, n, err)
		}
	}
	var n Number
	for _, text := range []string{"true", "{}", "1e99999", `"x"`} {
		if err := n.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s is a number", text)
		}
	}
}

func FuzzExplain(f *testing.F) {
	f.Add(400, []byte(`{"error":{"code":-2028,"message":{"lang":"en-us","value":"x"}}}`))
	f.Add(404, []byte(`{"error":{"code":"-2028","message":"x"}}`))
	f.Add(502, []byte("<html>"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := explain(&httpx.Response{Status: status, Body: body}, byStatus(status))
		if e == nil || e.Kind == "" {
			t.Fatalf("%+v", e)
		}
		if status >= 500 && e.Kind != connector.KindMaybeApplied {
			t.Errorf("status %d is %s", status, e.Kind)
		}
	})
}
