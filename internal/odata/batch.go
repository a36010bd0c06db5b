package odata

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// Bounds of an answer to a batch.
const (
	maxParts    = 1000
	maxPartBody = 16 << 20
)

// Operation is one request inside a batch.
type Operation struct {
	Method string
	// Path is relative to the service's root or begins with "/"; it is written as it stands.
	Path   string
	Header http.Header
	Body   []byte // JSON; nil has none
}

// Batch is a $batch request. Each change set is done as a whole or not at all, and apart from the others.
type Batch struct {
	ChangeSets [][]Operation
}

// Encode gives the body and its Content-Type. Operations are numbered from 1 through the whole batch in
// Content-ID. Lines end in CRLF and an empty line precedes each inner request, which servers insist on.
func (b Batch) Encode() (body []byte, contentType string) {
	const boundary = "batch_orderly"
	var out bytes.Buffer
	id := 0
	for i, set := range b.ChangeSets {
		inner := "changeset_orderly_" + strconv.Itoa(i+1)
		fmt.Fprintf(&out, "--%s\r\nContent-Type: multipart/mixed;boundary=%s\r\n\r\n", boundary, inner)
		for _, op := range set {
			id++
			fmt.Fprintf(&out, "--%s\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: %d\r\n\r\n", inner, id)
			fmt.Fprintf(&out, "%s %s HTTP/1.1\r\n", op.Method, op.Path)
			header := op.Header.Clone()
			if header == nil {
				header = http.Header{}
			}
			if op.Body != nil && header.Get("Content-Type") == "" {
				header.Set("Content-Type", "application/json")
			}
			_ = header.Write(&out) // a buffer takes everything
			out.WriteString("\r\n")
			out.Write(op.Body)
			out.WriteString("\r\n")
		}
		fmt.Fprintf(&out, "--%s--\r\n", inner)
	}
	fmt.Fprintf(&out, "--%s--\r\n", boundary)
	return out.Bytes(), "multipart/mixed;boundary=" + boundary
}

// Result is the answer to one operation, or the one answer to a change set that failed as a whole.
type Result struct {
	// ContentID is that of the operation; version 3 writes it into the inner headers, version 4 into the part's. "" where there is none.
	ContentID string
	Status    int
	Header    http.Header
	Body      []byte
}

// DecodeBatch reads the answer to a batch: one list for each change set, in their order. A part that is no
// change set (the answer to a query, or the failure of a whole set) is a list of one.
func DecodeBatch(contentType string, body []byte) ([][]Result, error) {
	boundary, err := boundaryOf(contentType)
	if err != nil {
		return nil, err
	}
	var out [][]Result
	total := 0
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, fmt.Errorf("odata: the answer to the batch ends early: %w", err)
		}
		results, err := decodePart(part.Header, part, &total)
		if err != nil {
			return out, err
		}
		out = append(out, results)
	}
}

func boundaryOf(contentType string) (string, error) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != "multipart/mixed" || params["boundary"] == "" {
		return "", errors.New("odata: the answer to the batch is not multipart/mixed")
	}
	return params["boundary"], nil
}

func decodePart(header textproto.MIMEHeader, body io.Reader, total *int) ([]Result, error) {
	if !strings.HasPrefix(header.Get("Content-Type"), "multipart/mixed") {
		if *total++; *total > maxParts {
			return nil, fmt.Errorf("odata: the answer to the batch has more than %d parts", maxParts)
		}
		result, err := decodeResponse(header, body)
		return []Result{result}, err
	}
	boundary, err := boundaryOf(header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	var out []Result
	reader := multipart.NewReader(body, boundary)
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, fmt.Errorf("odata: a change set's answer ends early: %w", err)
		}
		if *total++; *total > maxParts {
			return out, fmt.Errorf("odata: the answer to the batch has more than %d parts", maxParts)
		}
		result, err := decodeResponse(part.Header, part)
		if err != nil {
			return out, err
		}
		out = append(out, result)
	}
}

// decodeResponse reads an HTTP answer that is the body of a part. Its Content-Length is not believed: in published samples it is that
// of another body. The part's end is the body's.
func decodeResponse(header textproto.MIMEHeader, body io.Reader) (Result, error) {
	reader := bufio.NewReader(io.LimitReader(body, maxPartBody))
	lines := textproto.NewReader(reader)
	status, err := lines.ReadLine()
	if err != nil {
		return Result{}, errors.New("odata: a part of the batch's answer is empty")
	}
	version, rest, found := strings.Cut(status, " ")
	code, _, _ := strings.Cut(rest, " ")
	number, err := strconv.Atoi(code)
	if !found || err != nil || !strings.HasPrefix(version, "HTTP/") || number < 100 || number > 599 {
		return Result{}, errors.New("odata: a part of the batch's answer has no status line")
	}
	inner, err := lines.ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return Result{}, errors.New("odata: a part of the batch's answer has broken headers")
	}
	content, err := io.ReadAll(reader)
	if err != nil {
		return Result{}, fmt.Errorf("odata: a part of the batch's answer ends early: %w", err)
	}
	id := header.Get("Content-ID")
	if id == "" {
		id = inner.Get("Content-ID")
	}
	return Result{ContentID: id, Status: number, Header: http.Header(inner), Body: bytes.TrimSpace(content)}, nil
}
