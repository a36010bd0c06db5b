package api

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
)

// Fault is how Odoo describes an exception: as error.data of a JSON-RPC answer and as the body of a
// failed JSON-2 answer. Both also have "debug", a traceback with paths and data, which is never read.
type Fault struct {
	Name    string `json:"name"` // the Python class: odoo.exceptions.ValidationError
	Message string `json:"message"`
}

// sessionExpired is the code of a JSON-RPC error that asks for a new sign-in. All other codes mean
// nothing: they are 200 up to Odoo 18 and 0 from 19 on, whatever happened.
const sessionExpired = 100

var (
	// A field that Odoo names in its own, English, words.
	faultyField = regexp.MustCompile(`(?:Invalid field '|Field: [^(\n]*\(|the field '[^'\n]*' \()([a-z0-9_]+)`)
	wrongValue  = regexp.MustCompile(`^Wrong value for [a-z0-9_.]*\.([a-z0-9_]+): '?([^'\n]*)'?`)
	// What stands in square brackets is data of the record: a VAT number, a name.
	bracketed     = regexp.MustCompile(`\[[^\]]*\]`)
	missingRecord = regexp.MustCompile(`Record: ([a-z0-9_.]+)\((\d+)`)
	modelName     = regexp.MustCompile(`\(([a-z]+(?:[._][a-z0-9]+)+)\)`)
)

// maxMessage bounds what is kept of a text of Odoo's, in bytes.
const maxMessage = 400

// Explain gives the error that an exception of Odoo's stands for. A transaction that ends in an
// exception is rolled back, so each of them says that nothing was done.
func (f Fault) Explain() *connector.Error {
	class := f.Name[strings.LastIndex(f.Name, ".")+1:]
	e := &connector.Error{Code: class, Message: tidy(f.Message)}
	switch class {
	case "AccessDenied", "Unauthorized", "SessionExpiredException":
		e.Kind = connector.KindAuth
		e.Message = "Odoo does not accept the credentials"
		e.Fix = "check database, login and api_key; API keys of Odoo end after at most three months"
	case "AccessError":
		e.Kind = connector.KindForbidden
		e.Message = "the Odoo user may not do this"
		if model := modelName.FindStringSubmatch(f.Message); model != nil {
			e.Message = "the Odoo user has no access to " + model[1]
		}
		e.Fix = "give the user of this connection the rights Sales: Administrator, Invoicing and Inventory: User"
	case "MissingError":
		e.Kind = connector.KindNotFound
		e.Message = "the record does not exist or has been deleted"
		if model := missingRecord.FindStringSubmatch(f.Message); model != nil {
			e.Field, e.Value = model[1], model[2]
		}
	case "NotFound": // JSON-2: a model or method that is not there, never a record
		e.Kind = connector.KindInvalid
		e.Fix = "install the Odoo app that brings it"
	case "OperationalError", "SerializationFailure", "DeadlockDetected", "LockNotAvailable", "InterfaceError", "PoolError", "QueryCanceled", "TransactionRollbackError":
		e.Kind = connector.KindUnavailable
		e.Message = "Odoo's database is busy or not reachable"
		if strings.Contains(f.Message, "does not exist") {
			e.Kind, e.Field, e.Message = connector.KindAuth, "database", "Odoo has no database of this name"
			e.Fix = "check the setting database"
		}
	case "AttributeError", "TypeError", "KeyError", "IndexError", "UnprocessableEntity", "NameError":
		// Odoo could not make sense of the call itself.
		e.Kind = connector.KindBug
	default: // UserError, ValidationError, RedirectWarning, ValueError and whatever a module raises
		e.Kind = connector.KindInvalid
	}
	if match := wrongValue.FindStringSubmatch(f.Message); match != nil {
		e.Field, e.Value = match[1], match[2]
		e.Message = "Odoo does not know this value"
	} else if match := faultyField.FindStringSubmatch(f.Message); match != nil {
		e.Field = match[1]
	}
	return e
}

// tidy makes one bounded line of a text of Odoo's, without the values that it quotes from a record.
func tidy(text string) string {
	text = bracketed.ReplaceAllString(text, "[…]")
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}

// envelope is a JSON-RPC answer. A method that returns None gives one without a result.
type envelope struct {
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code int   `json:"code"`
		Data Fault `json:"data"`
	} `json:"error"`
}

// explainRPC finds the error in a JSON-RPC answer, whose status is 200 even then.
func explainRPC(resp *httpx.Response, e *connector.Error) *connector.Error {
	if e != nil {
		return absent(e)
	}
	var answer envelope
	_ = json.Unmarshal(resp.Body, &answer) // what is no JSON is refused where it is decoded
	if answer.Error == nil {
		return nil
	}
	if answer.Error.Code == sessionExpired {
		answer.Error.Data.Name = "SessionExpiredException"
	}
	return answer.Error.Data.Explain()
}

// explainJSON2 reads the exception in the body of a JSON-2 answer that failed. Without one the status
// stands: the answer then came from something before Odoo's model layer.
func explainJSON2(resp *httpx.Response, e *connector.Error) *connector.Error {
	if e == nil {
		return nil
	}
	var fault Fault
	if json.Unmarshal(resp.Body, &fault) != nil || fault.Name == "" {
		return absent(e)
	}
	explained := fault.Explain()
	explained.RetryAfter = e.RetryAfter
	if explained.Kind == connector.KindAuth {
		explained.Fix = "make an API key in Odoo (Preferences, Account Security, New API Key) and enter it as api_key; a password is none"
	}
	return explained
}

// absent is the error of an address that is not found, which must not be taken for a missing record.
func absent(e *connector.Error) *connector.Error {
	if e.Kind == connector.KindNotFound {
		e.Kind, e.Message, e.Fix = connector.KindInvalid, "there is no Odoo, or no database, at this address", "check base_url and the setting database"
	}
	return e
}
