package e2e

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/orderlyhq/orderly/internal/pgtest"
)

// brokenForms is how many forms the test sends on each database, and as many broken addresses; ORDERLY_BROKEN_FORMS sets it.
const brokenForms = 600

// TestNoInputBreaksAPage goes to every page that links lead to, sends its forms with fields missing, doubled and full of
// nonsense, and asks for addresses that nobody made. The server must refuse or do it, and never fail.
func TestNoInputBreaksAPage(t *testing.T) {
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			address := ""
			if database == "postgres" {
				address = pgtest.URL(t)
			}
			w := newWorld(t, address, shopifyToOdoo)
			server := w.serve()
			o := &office{world: w, base: "http://" + w.listen}
			o.user(adminName, "admin")
			o.make("shopify", 12, "&unknown=300")
			eventually(t, 30*time.Second, "the orders are settled", func() bool { return len(o.tasks(o.flow())) == 12 && o.settled(o.flow()) })

			v := &vandal{caller: o.caller(adminName), random: rand.New(rand.NewPCG(1, 1)), kinds: map[string]int{}, forms: map[string]form{}}
			v.explore()
			if len(v.pages) < 60 || len(v.forms) < 60 {
				t.Fatalf("only %d pages and %d forms were found", len(v.pages), len(v.forms))
			}
			forms := fromEnv(t, "ORDERLY_BROKEN_FORMS", brokenForms)
			for range forms {
				v.sendForm()
				v.askNonsense()
			}
			if v.refused < forms/4 {
				t.Errorf("only %d of %d requests were refused", v.refused, 2*forms)
			}
			if status, _ := v.call(http.MethodGet, "/account", ""); status != http.StatusOK {
				t.Errorf("the session is lost: %d", status)
			}
			if log := server.output.String(); strings.Contains(log, "panic") || strings.Contains(log, "level=ERROR") {
				t.Errorf("the server says:\n%s", tail(log, 3000))
			}
		})
	}
}

// form is a form of a page.
type form struct {
	page, action string
	get          bool
	fields       []field
	buttons      []field
}

// field is a field with the values that it offers.
type field struct {
	name   string
	hidden bool
	values []string
}

// vandal is somebody with all rights and no sense.
type vandal struct {
	*caller
	random  *rand.Rand
	pages   []string
	kinds   map[string]int // how many pages there were of a kind
	forms   map[string]form
	refused int
}

// nonsense is what nobody should type.
var nonsense = []string{
	"", "0", "-1", "-0", strings.Repeat("9", 30), "1e400", "NaN", "1,5", "١٢٣", "\x00", "a\x00b", "\xff\xfe", "%00", "'; DROP TABLE tasks; --", "\"", "\\", "%", "_",
	"<script>alert(1)</script>", "javascript:alert(1)", "\u202e\ufeff", strings.Repeat("😀", 50), strings.Repeat("x", 70_000), "../../etc/passwd", "..", "/", "\r\nX-Y: z",
	"2026-13-45", "9999-12-31", "0000-00-00", "0001-01-01T00:00", "true", `{"a":`, "[]", "${env:HOME}", "http://169.254.169.254/",
}

// spared are the addresses that end the session or change who the vandal is.
var spared = regexp.MustCompile(`/sign-out|/account|/people|/settings/sign-in|/live|/hooks/`)

// samples is how many pages of one kind are looked at.
const samples = 3

var number = regexp.MustCompile(`\d+`)

// explore follows links.
func (v *vandal) explore() {
	queue := []string{"/"}
	seen := map[string]bool{"/": true}
	for len(queue) > 0 {
		page := queue[0]
		queue = queue[1:]
		kind := number.ReplaceAllString(page, "0")
		if v.kinds[kind]++; v.kinds[kind] > samples || spared.MatchString(page) {
			continue
		}
		v.pages = append(v.pages, page)
		text := v.send(http.MethodGet, page, nil)
		links, forms := v.read(page, text)
		for _, l := range links {
			if !seen[l] {
				seen[l] = true
				queue = append(queue, l)
			}
		}
		for _, f := range forms {
			if !spared.MatchString(f.action) {
				v.forms[number.ReplaceAllString(f.action, "0")+" "+kind] = f
			}
		}
	}
}

// read finds what a page leads to.
func (v *vandal) read(page, text string) (links []string, forms []form) {
	v.t.Helper()
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		v.t.Fatalf("%s: %v", page, err)
	}
	for n := range root.Descendants() {
		switch {
		case n.Type == html.ElementNode && n.Data == "a":
			if address, ok := v.inside(page, attribute(n, "href")); ok {
				links = append(links, address)
			}
		case n.Type == html.ElementNode && n.Data == "form":
			if f, ok := v.form(page, n); ok {
				forms = append(forms, f)
			}
		}
	}
	return links, forms
}

// inside gives an address of this server as a path.
func (v *vandal) inside(page, address string) (string, bool) {
	u, err := url.Parse(page)
	if err != nil {
		return "", false
	}
	to, err := u.Parse(address)
	if err != nil || to.Host != "" || !strings.HasPrefix(to.Path, "/") {
		return "", false
	}
	to.Fragment = ""
	return to.String(), true
}

func (v *vandal) form(page string, n *html.Node) (f form, ok bool) {
	f = form{page: page, get: !strings.EqualFold(attribute(n, "method"), "post")}
	if f.action, ok = v.inside(page, attribute(n, "action")); !ok {
		return f, false
	}
	for e := range n.Descendants() {
		name := attribute(e, "name")
		if e.Type != html.ElementNode || name == "" {
			continue
		}
		switch e.Data {
		case "input", "textarea":
			f.fields = append(f.fields, field{name: name, hidden: attribute(e, "type") == "hidden", values: []string{attribute(e, "value")}})
		case "select":
			one := field{name: name}
			for option := range e.Descendants() {
				if option.Data == "option" {
					one.values = append(one.values, attribute(option, "value"))
				}
			}
			f.fields = append(f.fields, one)
		case "button":
			f.buttons = append(f.buttons, field{name: name, values: []string{attribute(e, "value")}})
		}
	}
	return f, true
}

func attribute(n *html.Node, name string) string {
	i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
	if i < 0 {
		return ""
	}
	return n.Attr[i].Val
}

// sendForm fills in a form badly.
func (v *vandal) sendForm() {
	names := make([]string, 0, len(v.forms))
	for name := range v.forms {
		names = append(names, name)
	}
	slices.Sort(names)
	f := v.forms[one(v.random, names)]
	values := url.Values{}
	for _, field := range f.fields {
		switch dice := v.random.IntN(20); {
		case dice < 9 || field.hidden && dice < 14:
			if len(field.values) > 0 {
				values.Add(field.name, one(v.random, field.values))
			}
		case dice < 18:
			values.Add(field.name, one(v.random, nonsense))
		case dice < 19:
			values.Add(field.name, one(v.random, nonsense))
			values.Add(field.name, one(v.random, nonsense))
		}
	}
	if len(f.buttons) > 0 {
		b := one(v.random, f.buttons)
		values.Set(b.name, one(v.random, b.values))
	}
	if f.get {
		v.send(http.MethodGet, strings.SplitN(f.action, "?", 2)[0]+"?"+values.Encode(), nil)
		return
	}
	v.send(http.MethodPost, f.action, values)
}

// askNonsense asks for a page with a nonsensical query or place.
func (v *vandal) askNonsense() {
	address, err := url.Parse(one(v.random, v.pages))
	if err != nil {
		v.t.Fatal(err)
	}
	query := address.Query()
	query.Set(one(v.random, []string{"q", "state", "flow", "after", "before", "cursor", "limit", "since", "until", "cause", "id", "connection", "sort"}), one(v.random, nonsense))
	for name := range query {
		if v.random.IntN(2) == 0 {
			query.Set(name, one(v.random, nonsense))
		}
	}
	if v.random.IntN(2) == 0 {
		address = address.JoinPath("..", url.PathEscape(one(v.random, nonsense)))
	}
	if spared.MatchString(address.Path) {
		return
	}
	address.RawQuery = query.Encode()
	v.send(http.MethodGet, address.String(), nil)
}

func one[T any](random *rand.Rand, list []T) T { return list[random.IntN(len(list))] }

// send sends a request as a form of a page does, and follows where it leads.
func (v *vandal) send(method, path string, values url.Values) string {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.base+path, strings.NewReader(values.Encode()))
	if err != nil {
		return "" // no browser could ask for it
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", v.base)
	}
	resp, err := v.client.Do(req)
	if err != nil {
		v.t.Fatalf("%s %s: %v", method, tail(path, 300), err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if resp.StatusCode >= 500 {
		v.t.Errorf("%s %s with %q is answered %d:\n%s", method, tail(path, 300), tail(values.Encode(), 1000), resp.StatusCode, tail(string(text), 1500))
	}
	if resp.StatusCode >= 400 {
		v.refused++
	}
	return string(text)
}
