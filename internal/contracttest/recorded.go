package contracttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// Exchange is one recorded HTTP exchange of a real server, or one delivery as the receiver of a webhook saw it.
type Exchange struct {
	// File is the path relative to the system's folder, with slashes: "recorded/17.0/jsonrpc-01-version.json".
	File string
	// Title says what the exchange shows, Note what is odd about it, Product which server in which version spoke.
	Title, Product, Note string
	// Secret is the one that a delivery was signed with; empty for an exchange and for unsigned deliveries.
	Secret  string
	Request Request
	// Response is the zero value for a delivery: what the receiver answered was not recorded.
	Response Response
}

// Delivery tells whether this is a webhook delivery: a request with its exact bytes and no response.
func (e Exchange) Delivery() bool { return e.Response.Status == 0 }

// Request is what the client, or the sender of a webhook, sent.
type Request struct {
	Method string
	// Path is the request target with its query: "/wp-json/wc/v3/orders?per_page=1".
	Path   string
	Header http.Header
	// Body is nil when there was none. Of a delivery and of text that is not JSON these are the bytes that were sent.
	// Bodies that are JSON were parsed by the recorder: they are the same value, with the order of its fields and the
	// spelling that its numbers had in the recording, written without white space.
	Body []byte
}

// Response is what the server answered.
type Response struct {
	Status int
	// Reason is the text after the status code in the status line.
	Reason string
	Header http.Header
	// Body is as [Request.Body].
	Body []byte
}

// Recorded returns all recorded exchanges of a system, ordered by file name: every .json file under recorded/ in
// its folder. A file that is not of the recorder's form, or has a field unknown to it, fails the test.
func Recorded(t testing.TB, system string) []Exchange {
	t.Helper()
	exchanges, err := recorded(Dir(t, system))
	if err != nil {
		t.Fatal(err)
	}
	return exchanges
}

func recorded(dir string) ([]Exchange, error) {
	var exchanges []Exchange
	err := filepath.WalkDir(filepath.Join(dir, "recorded"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		exchange, err := decodeExchange(data)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		exchange.File = filepath.ToSlash(name)
		exchanges = append(exchanges, exchange)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(exchanges) == 0 {
		return nil, fmt.Errorf("no recorded exchange in %s", filepath.Join(dir, "recorded"))
	}
	return exchanges, nil
}

// recording is the form of the recorder's files.
type recording struct {
	Title    string            `json:"title"`
	Product  string            `json:"product"`
	Note     string            `json:"note"`
	Secret   string            `json:"secret"`
	Request  recordedRequest   `json:"request"`
	Response *recordedResponse `json:"response"`
}

type recordedRequest struct {
	Method  string          `json:"method"`
	Path    string          `json:"path"`
	Headers header          `json:"headers"`
	Body    json.RawMessage `json:"body"`
	BodyRaw *string         `json:"body_raw"`
}

type recordedResponse struct {
	Status  int             `json:"status"`
	Reason  string          `json:"reason"`
	Headers header          `json:"headers"`
	Body    json.RawMessage `json:"body"`
}

// header is written as an object where the recorder was the client, and as a list of pairs where it saw the wire.
type header http.Header

func (h *header) UnmarshalJSON(data []byte) error {
	result := http.Header{}
	if bytes.HasPrefix(data, []byte("[")) {
		var pairs [][]string
		if err := json.Unmarshal(data, &pairs); err != nil {
			return err
		}
		for _, pair := range pairs {
			if len(pair) != 2 {
				return fmt.Errorf("header %q is no pair of name and value", pair)
			}
			result.Add(pair[0], pair[1])
		}
	} else {
		var values map[string]string
		if err := json.Unmarshal(data, &values); err != nil {
			return err
		}
		for name, value := range values {
			result.Set(name, value)
		}
	}
	*h = header(result)
	return nil
}

func decodeExchange(data []byte) (Exchange, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var file recording
	if err := decoder.Decode(&file); err != nil {
		return Exchange{}, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Exchange{}, errors.New("more after the exchange")
	}
	if file.Title == "" || file.Product == "" || file.Request.Method == "" || file.Request.Path == "" {
		return Exchange{}, errors.New("title, product, request.method or request.path is missing")
	}
	if (file.Response == nil) != (file.Request.BodyRaw != nil) {
		return Exchange{}, errors.New("neither a delivery (request.body_raw, no response) nor an exchange (request.body, response)")
	}

	exchange := Exchange{
		Title: file.Title, Product: file.Product, Note: file.Note, Secret: file.Secret,
		Request: Request{Method: file.Request.Method, Path: file.Request.Path, Header: http.Header(file.Request.Headers)},
	}
	if file.Request.BodyRaw != nil {
		exchange.Request.Body = []byte(*file.Request.BodyRaw)
		return exchange, nil
	}
	var err error
	if exchange.Request.Body, err = body(file.Request.Body); err != nil {
		return Exchange{}, fmt.Errorf("request.body: %w", err)
	}
	if file.Response.Status == 0 {
		return Exchange{}, errors.New("response.status is missing")
	}
	exchange.Response = Response{
		Status: file.Response.Status, Reason: file.Response.Reason, Header: http.Header(file.Response.Headers),
	}
	if exchange.Response.Body, err = body(file.Response.Body); err != nil {
		return Exchange{}, fmt.Errorf("response.body: %w", err)
	}
	// The recorder writes null for no body and for the JSON value null; only the length tells them apart.
	if exchange.Response.Body == nil && exchange.Response.Header.Get("Content-Length") == "4" {
		exchange.Response.Body = []byte("null")
	}
	return exchange, nil
}

// body turns a recorded body into bytes: null is no body, a string is text as it was, anything else is JSON.
func body(recorded json.RawMessage) ([]byte, error) {
	switch {
	case len(recorded) == 0 || string(recorded) == "null":
		return nil, nil
	case recorded[0] == '"':
		var text string
		err := json.Unmarshal(recorded, &text)
		return []byte(text), err
	default:
		var compact bytes.Buffer
		err := json.Compact(&compact, recorded)
		return compact.Bytes(), err
	}
}
