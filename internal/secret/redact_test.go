package secret

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestKnownValuesAreMaskedInEveryForm(t *testing.T) {
	t.Parallel()
	const value = `p&ss "wörd"/+`
	r := NewRedactor(value, "long", "longer-one", "abc")
	for name, text := range map[string]string{
		"plain":  "it is " + value + " here",
		"query":  "?q=" + url.QueryEscape(value),
		"path":   "/x/" + url.PathEscape(value),
		"json":   `{"a":"p&ss \"wörd\"/+"}`,
		"base64": "cCZzcyAid8O2cmQiLys=",
		"nested": "longer-one",
	} {
		got := r.Text(text)
		if !strings.Contains(got, Mask) || strings.Contains(got, "wörd") || strings.Contains(got, "-one") {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := r.Text("abc"); got != "abc" {
		t.Errorf("a value too short to look for was masked: %q", got)
	}
	var none *Redactor
	if got := none.Body(`{"password":"x","a":"b"}`); got != `{"password":"***","a":"b"}` {
		t.Errorf("nil redactor: %q", got)
	}
}

func TestSecretNamesAreMaskedInBodies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"json", `{"UserName":"bob","Password":"a\"b"}`, `{"UserName":"bob","Password":"***"}`},
		{"json with spaces", "{\n  \"access_token\" : \"x\",\n \"n\": 1}", "{\n  \"access_token\" : \"***\",\n \"n\": 1}"},
		{"number", `{"token":12345,"n":1}`, `{"token":***,"n":1}`},
		{"null and booleans stay", `{"token":null,"has_password":true}`, `{"token":null,"has_password":true}`},
		{"list", `{"tokens":["a","]b"],"n":1}`, `{"tokens":***,"n":1}`},
		{"object", `{"credentials":{"user":"u","secret":"s"}}`, `{"credentials":{"user":"u","secret":"***"}}`},
		{"cut off", `{"client_secret":"abcde`, `{"client_secret":"***`},
		{"json in json", `{"body":"{\"password\":\"x\",\"a\":1}"}`, `{"body":"{\"password\":\"***\",\"a\":1}"}`},
		{"form", "grant_type=x&client_secret=abc&code=1&a=b", "grant_type=x&client_secret=***&code=***&a=b"},
		{"xml", "<a><Password>x</Password><ns:token t='1'>y</ns:token><b/></a>", "<a><Password>***</Password><ns:token t='1'>***</ns:token><b/></a>"},
		{"cdata", "<pwd><![CDATA[a<b]]></pwd>", "<pwd>***</pwd>"},
		{"empty element", "<token/>", "<token/>"},
		{"link in json", `{"status_url":"https://x/authenticate?key=abc&a=1"}`, `{"status_url":"https://x/authenticate?key=***&a=1"}`},
		{"business fields stay", `{"key":"color","sku":"A-1","signed":"no","code":"X"}`, `{"key":"color","sku":"A-1","signed":"no","code":"X"}`},
		{"empty value", `{"token":""}`, `{"token":""}`},
		{"prose", "the token was refused", "the token was refused"},
	} {
		if got := NewRedactor().Body(c.text); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestHeaderAndURL(t *testing.T) {
	t.Parallel()
	r := NewRedactor("s3cr3t")
	h := r.Header(http.Header{
		"Authorization": {"Bearer x"}, "X-Shopify-Access-Token": {"y"}, "Set-Cookie": {"B1SESSION=z"},
		"X-Odd": {"has s3cr3t inside"}, "Content-Type": {"text/plain"},
	})
	for name, want := range map[string]string{
		"Authorization": Mask, "X-Shopify-Access-Token": Mask, "Set-Cookie": Mask,
		"X-Odd": "has *** inside", "Content-Type": "text/plain",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	u, err := url.Parse("https://user:pass@shop.example/a/s3cr3t?consumer_secret=a&key=b&page=2&x=s3cr3t#frag")
	if err != nil {
		t.Fatal(err)
	}
	const want = "https://shop.example/a/***?consumer_secret=***&key=***&page=2&x=***"
	if got := r.URL(u); got != want {
		t.Errorf("URL = %s, want %s", got, want)
	}
}

func TestNoSecretSurvivesWhereverTheTextIsCut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[a-zA-Z0-9]{12,20}`).Draw(t, "secret")
		name := rapid.SampledFrom([]string{"password", "access_token", "client_secret", "X-Api-Key", "apiKey"}).Draw(t, "name")
		before := rapid.SampledFrom([]string{"", `{"a":1,`, "x=1&", "<a>", `{"b":{"c":[1,2,{"d":"e`}).Draw(t, "before")
		form := rapid.SampledFrom([]string{`"%n": "%s"`, `%n=%s&z=1`, `<%n>%s</%n>`, `{\"%n\":\"%s\"}`}).Draw(t, "form")
		text := before + strings.NewReplacer("%n", name, "%s", secret).Replace(form)
		cut := rapid.IntRange(0, len(text)).Draw(t, "cut")
		got := NewRedactor().Body(text[:cut])
		if i := strings.Index(text, secret); cut > i+4 && strings.Contains(got, secret[:4]) {
			t.Fatalf("%q of %q is left in %q", secret[:4], text[:cut], got)
		}
	})
}

func FuzzBody(f *testing.F) {
	f.Add(`{"password":"x"}`)
	f.Add(`<token`)
	f.Add(`token="`)
	f.Add(`\"token\":\`)
	f.Fuzz(func(t *testing.T, text string) {
		masked := NewRedactor().Body(text)
		if again := NewRedactor().Body(masked); !strings.Contains(masked, Mask) && again != masked {
			t.Errorf("masking twice changes %q to %q", masked, again)
		}
	})
}
