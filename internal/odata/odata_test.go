package odata

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestKeysAndLiterals(t *testing.T) {
	for _, c := range []struct{ name, got, want string }{
		{"an apostrophe", Quote("O'Brien"), "'O''Brien'"},
		{"a number", ByKey("Orders", 91), "Orders(91)"},
		{"a large number", ByKey("Orders", int64(91)), "Orders(91)"},
		{"text with a slash and an apostrophe", ByKey("Items", "a/'b"), "Items(%27a%2F%27%27b%27)"},
		{"a question mark and a space", ByKey("Items", "a? b"), "Items(%27a%3F%20b%27)"},
		{"equal", Eq("ItemCode", "A'1"), "ItemCode eq 'A''1'"},
		{"a query", Query("$filter", "a eq 'x+y & z'", "$top", "", "$skip", "2"), "?$filter=a%20eq%20%27x%2By%20%26%20z%27&$skip=2"},
		{"one condition", And("", "a eq 1"), "a eq 1"},
		{"no condition", Or(), ""},
		{"nested", And(Or("a eq 1", "b eq 2"), "c eq 3"), "((a eq 1 or b eq 2) and c eq 3)"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.name, c.got, c.want)
		}
	}
}

// Whatever the texts are, each condition is in exactly one filter, in order, and a filter of several fits.
func TestFiltersFitAndLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.StringN(0, 30, -1), 0, 40).Draw(t, "texts")
		limit := rapid.IntRange(20, 400).Draw(t, "limit")
		var conditions []string
		for _, text := range texts {
			conditions = append(conditions, Eq("F", text))
		}
		var seen []string
		for _, filter := range AnyOf(limit, conditions) {
			rest := conditions[len(seen):]
			n := 1
			for n < len(rest) && Or(rest[:n]...) != filter {
				n++
			}
			if len(rest) == 0 || Or(rest[:n]...) != filter {
				t.Fatalf("filter %q is no part of what was asked for", filter)
			}
			if size := len(Query("", filter)); n > 1 && size > limit+len("?=%28%29") {
				t.Fatalf("filter of %d conditions has %d bytes of %d", n, size, limit)
			}
			seen = append(seen, rest[:n]...)
		}
		if !slices.Equal(seen, conditions) {
			t.Fatalf("%d of %d conditions are asked for", len(seen), len(conditions))
		}
	})
}

func TestPagesOfEachVersion(t *testing.T) {
	for _, c := range []struct {
		name, body, next string
		items, count     int
	}{
		{"version 4", `{"@odata.context":"x","@odata.count":7,"value":[{"a":1},{"a":2}],"@odata.nextLink":"Orders?$skip=2"}`, "Orders?$skip=2", 2, 7},
		{"version 3", `{"odata.count":"7","value":[{"a":1}],"odata.nextLink":"/b1s/v1/Orders?$skip=1"}`, "/b1s/v1/Orders?$skip=1", 1, 7},
		{"version 2", `{"d":{"results":[{"a":1}],"__next":"https://h/x","__count":"9"}}`, "https://h/x", 1, 9},
		{"version 1", `{"d":[{"a":1}]}`, "", 1, -1},
		{"the last one", `{"value":[]}`, "", 0, -1},
	} {
		var p Page
		if err := json.Unmarshal([]byte(c.body), &p); err != nil || len(p.Items) != c.items || p.Next != c.next || p.Count != c.count {
			t.Errorf("%s: %+v, %v", c.name, p, err)
		}
	}
	for _, body := range []string{`{"odata.count":"many","value":[]}`, `{"d":{"results":5}}`, `{"value":5}`} {
		var p Page
		if err := json.Unmarshal([]byte(body), &p); err == nil {
			t.Errorf("%s is read", body)
		}
	}
}

func TestLinksToTheNextPage(t *testing.T) {
	for link, want := range map[string]string{
		"Orders?$skip=20":               "https://erp:50000/b1s/v2/Orders?$skip=20",
		"/b1s/v2/Orders?$skip=20":       "https://erp:50000/b1s/v2/Orders?$skip=20",
		"https://erp:50000/other?$a=b'": "https://erp:50000/other?$a=b'",
	} {
		for _, root := range []string{"https://erp:50000/b1s/v2", "https://erp:50000/b1s/v2/"} {
			if got, err := Resolve(root, link); err != nil || got != want {
				t.Errorf("%s from %s: %s, %v", link, root, got, err)
			}
		}
	}
	if _, err := Resolve("https://erp", "%zz"); err == nil {
		t.Error("a broken link is resolved")
	}
}

func TestTimes(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"2026-11-23": "2026-11-22T23:00:00Z", "2026-11-23T10:15:00": "2026-11-23T09:15:00Z",
		"2026-11-23T00:00:00Z": "2026-11-23T00:00:00Z", "2026-11-23T00:00:00+02:00": "2026-11-22T22:00:00Z",
		"2026-11-23 10:15:00":   "2026-11-23T09:15:00Z",
		"/Date(1763856000000)/": "2025-11-23T00:00:00Z", "/Date(1763856000000+0060)/": "2025-11-23T00:00:00Z", "/Date(-1000)/": "1969-12-31T23:59:59Z",
	} {
		if got, err := ParseTime(text, berlin); err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s: %v, %v", text, got.UTC(), err)
		}
	}
	if got, err := ParseTime("", berlin); err != nil || !got.IsZero() {
		t.Errorf("nothing: %v, %v", got, err)
	}
	for _, text := range []string{"yesterday", "/Date(1763856000000", "/Date(x)/", "2026-13-01"} {
		if _, err := ParseTime(text, berlin); err == nil {
			t.Errorf("%q is a time", text)
		}
	}
}

func TestBatchIsWrittenAsServersInsist(t *testing.T) {
	body, contentType := Batch{ChangeSets: [][]Operation{
		{{Method: "POST", Path: "Orders", Body: []byte(`{"a":1}`)}},
		{{Method: "PATCH", Path: "Orders(1)", Header: http.Header{"If-Match": {"x"}}, Body: []byte(`{}`)}, {Method: "POST", Path: "Orders(1)/Close"}},
	}}.Encode()
	if contentType != "multipart/mixed;boundary=batch_orderly" {
		t.Error(contentType)
	}
	text := string(body)
	if strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\n") {
		t.Error("a line does not end in CRLF")
	}
	for _, part := range []string{
		"Content-ID: 1\r\n\r\nPOST Orders HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{\"a\":1}\r\n--changeset_orderly_1--\r\n",
		"Content-ID: 2\r\n\r\nPATCH Orders(1) HTTP/1.1\r\nContent-Type: application/json\r\nIf-Match: x\r\n\r\n{}\r\n",
		"Content-ID: 3\r\n\r\nPOST Orders(1)/Close HTTP/1.1\r\n\r\n\r\n--changeset_orderly_2--\r\n--batch_orderly--\r\n",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
}

const answer = "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n" +
	"--c\r\nContent-Type: application/http\r\nContent-ID: 1\r\n\r\nHTTP/1.1 201 Created\r\nLocation: https://h/Orders(1)\r\nContent-Length: 999\r\n\r\n{\"DocEntry\":1}\n\r\n--c--\r\n" +
	"--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 400 Bad Request\r\nContent-ID: 2\r\n\r\n{\"error\":{}}\r\n" +
	"--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n\r\n--b--\r\n"

func TestBatchAnswerIsRead(t *testing.T) {
	got, err := DecodeBatch("multipart/mixed;boundary=b", []byte(answer))
	if err != nil {
		t.Fatal(err)
	}
	type short struct {
		ID, Body string
		Status   int
	}
	var list [][]short
	for _, set := range got {
		var out []short
		for _, r := range set {
			out = append(out, short{r.ContentID, string(r.Body), r.Status})
		}
		list = append(list, out)
	}
	want := [][]short{{{"1", `{"DocEntry":1}`, 201}}, {{"2", `{"error":{}}`, 400}}, {{"", "", 204}}}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got[0][0].Header.Get("Location") == "" {
		t.Error("the inner headers are lost")
	}
}

// What is cut short gives an error and what was read before it.
func TestBatchAnswerThatIsCut(t *testing.T) {
	cut := answer[:strings.LastIndex(answer, "HTTP/1.1 204")]
	got, err := DecodeBatch("multipart/mixed;boundary=b", []byte(cut))
	if err == nil || len(got) != 2 {
		t.Errorf("%d parts, %v", len(got), err)
	}
	for _, contentType := range []string{"application/json", "multipart/mixed", "", "text/html;boundary=b"} {
		if _, err := DecodeBatch(contentType, []byte(answer)); err == nil {
			t.Errorf("%q is read as a batch", contentType)
		}
	}
	if _, err := DecodeBatch("multipart/mixed;boundary=b", []byte("--b\r\nContent-Type: application/http\r\n\r\nnonsense\r\n--b--\r\n")); err == nil {
		t.Error("a part without a status line is read")
	}
}

func FuzzDecodeBatch(f *testing.F) {
	f.Add("multipart/mixed;boundary=b", []byte(answer))
	f.Add("multipart/mixed;boundary=b", []byte("--b\r\n\r\nHTTP/1.1 200\r\n\r\n--b--"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		sets, err := DecodeBatch(contentType, body)
		for _, set := range sets {
			for _, r := range set {
				if err == nil && (r.Status < 100 || r.Status > 599) {
					t.Errorf("status %d", r.Status)
				}
			}
		}
	})
}

func FuzzPage(f *testing.F) {
	f.Add([]byte(`{"value":[{"a":1}],"@odata.count":1}`))
	f.Add([]byte(`{"d":{"results":[],"__count":"3"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var p Page
		if err := json.Unmarshal(body, &p); err == nil && p.Count < -1 {
			t.Errorf("count %d", p.Count)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	f.Add("2026-11-23")
	f.Add("/Date(1763856000000+0060)/")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := ParseTime(text, time.UTC); err != nil && !got.IsZero() {
			t.Error("a time beside an error")
		}
	})
}
