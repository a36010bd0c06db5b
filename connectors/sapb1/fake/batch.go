package fake

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// batchPart is one request of a batch.
type batchPart struct {
	id  string
	req request
}

// batch does change sets one after another, each as a whole or not at all.
func (v *Vendor) batch(req request) answer {
	bad := func(f *fault) answer {
		v.surprise("a batch: %s", f.message)
		return failure(f, req.version)
	}
	if bytes.Contains(bytes.ReplaceAll(req.body, []byte("\r\n"), nil), []byte("--\n")) {
		return bad(refuse(-1000, "Lines of a batch end in CRLF"))
	}
	sets, err := v.changeSets(req)
	if err != nil {
		return bad(err)
	}
	seen := map[string]bool{}
	var out bytes.Buffer
	const boundary = "batchresponse_0a1b2c3d-0000-4000-8000-00000000b1b1"
	for i, set := range sets {
		fmt.Fprintf(&out, "--%s\r\n", boundary)
		v.changeSet(&out, set, req.version, seen, i)
	}
	fmt.Fprintf(&out, "--%s--\r\n", boundary)
	return answer{status: http.StatusAccepted, header: http.Header{"Content-Type": {"multipart/mixed;boundary=" + boundary}}, body: out.String()}
}

// changeSet writes the answer to one change set. A batch has one record each here, so there is nothing to roll back beyond it.
func (v *Vendor) changeSet(out *bytes.Buffer, set []batchPart, version string, seen map[string]bool, n int) {
	single := func(a answer) {
		out.WriteString("Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n")
		writeInner(out, a, "", version)
	}
	if len(set) != 1 {
		v.surprise("a change set of %d requests", len(set))
		single(failure(refuse(-1, "This company takes one request in a change set"), version))
		return
	}
	part := set[0]
	switch {
	case part.id == "" && version == "v2":
		v.surprise("a request of a batch without Content-ID")
		single(failure(refuse(244, "Content ID should be specified in each change set request."), version))
		return
	case part.id != "" && seen[part.id]:
		v.surprise("a Content-ID that repeats")
		single(failure(refuse(-1116, "Could not commit transaction: Error -1 detected during transaction"), version))
		return
	}
	seen[part.id] = true
	part.req.version = version
	a, err := v.dispatch(part.req)
	if err != nil {
		single(failure(err, version))
		return
	}
	inner := fmt.Sprintf("changesetresponse_0a1b2c3d-0000-4000-8000-%012d", n)
	fmt.Fprintf(out, "Content-Type: multipart/mixed; boundary=%s\r\n\r\n--%s\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n", inner, inner)
	id := part.id
	if version == "v2" {
		fmt.Fprintf(out, "Content-ID: %s\r\n", id)
		id = ""
	}
	out.WriteString("\r\n")
	writeInner(out, a, id, version)
	fmt.Fprintf(out, "--%s--\r\n", inner)
}

// writeInner writes an answer inside a part; version 1 has the Content-ID here.
func writeInner(out *bytes.Buffer, a answer, id, version string) {
	fmt.Fprintf(out, "HTTP/1.1 %d %s\r\n", a.status, http.StatusText(a.status))
	if id != "" {
		fmt.Fprintf(out, "Content-ID: %s\r\n", id)
	}
	for name, values := range a.header {
		fmt.Fprintf(out, "%s: %s\r\n", name, values[0])
	}
	if a.body == nil {
		out.WriteString("\r\n\r\n")
		return
	}
	encoded, err := json.Marshal(a.body)
	if err != nil {
		panic(err) // of our own making
	}
	form := "application/json;odata.metadata=minimal;charset=utf-8"
	if version == "v1" {
		form = "application/json;odata=minimalmetadata;charset=utf-8"
	}
	fmt.Fprintf(out, "Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s\n\r\n", form, len(encoded), encoded)
}

func (v *Vendor) changeSets(req request) ([][]batchPart, *fault) {
	reader, err := parts(req.header.Get("Content-Type"), bytes.NewReader(req.body))
	if err != nil {
		return nil, refuse(-1000, "The batch is not multipart/mixed")
	}
	var out [][]batchPart
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, refuse(-1000, "The batch ends early")
		}
		inner, err := parts(part.Header.Get("Content-Type"), part)
		if err != nil {
			return nil, refuse(-1000, "A part of the batch is no change set")
		}
		var set []batchPart
		for {
			p, err := inner.NextRawPart()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, refuse(-1000, "A change set ends early")
			}
			one, f := readPart(p)
			if f != nil {
				return nil, f
			}
			set = append(set, one)
		}
		out = append(out, set)
	}
}

func parts(contentType string, body io.Reader) (*multipart.Reader, error) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != "multipart/mixed" || params["boundary"] == "" {
		return nil, errors.New("not multipart/mixed")
	}
	return multipart.NewReader(body, params["boundary"]), nil
}

func readPart(p *multipart.Part) (batchPart, *fault) {
	bad := refuse(-1000, "A part of the batch is no request")
	if p.Header.Get("Content-Type") != "application/http" || p.Header.Get("Content-Transfer-Encoding") != "binary" {
		return batchPart{}, bad
	}
	buffered := bufio.NewReader(p)
	lines := textproto.NewReader(buffered)
	line, err := lines.ReadLine()
	words := strings.Fields(line)
	if err != nil || len(words) != 3 || words[2] != "HTTP/1.1" {
		return batchPart{}, bad
	}
	header, err := lines.ReadMIMEHeader()
	if err != nil {
		return batchPart{}, bad
	}
	body, err := io.ReadAll(buffered)
	if err != nil {
		return batchPart{}, bad
	}
	u, err := url.Parse(words[1])
	if err != nil {
		return batchPart{}, bad
	}
	path := strings.TrimPrefix(u.Path, "/")
	if _, below, found := strings.Cut(strings.TrimPrefix(path, "b1s/"), "/"); found && strings.HasPrefix(path, "b1s/") {
		path = below
	}
	return batchPart{
		id: p.Header.Get("Content-ID"), req: request{method: words[0], path: path, query: u.Query(), header: http.Header(header), body: bytes.TrimSpace(body)},
	}, nil
}
