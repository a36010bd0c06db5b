package web

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/sandbox"
)

// untied gives the ids of mistakes that no input names, and of texts that inputs name but the page has not.
func untied(page string) []string {
	var out []string
	named := map[string]bool{}
	for _, tag := range regexp.MustCompile(`<[a-z]+[^>]* aria-describedby="([^"]*)"[^>]*>`).FindAllStringSubmatch(page, -1) {
		for id := range strings.FieldsSeq(tag[1]) {
			named[id] = true
			if !strings.Contains(page, ` id="`+id+`"`) {
				out = append(out, id+", which is not there")
			}
			if strings.HasSuffix(id, "-error") && id != "door-error" && !strings.HasPrefix(tag[0], "<fieldset") && !strings.Contains(tag[0], `aria-invalid="true"`) {
				out = append(out, id+", whose input is not marked")
			}
		}
	}
	for _, id := range regexp.MustCompile(` id="([^"]*-error)"`).FindAllStringSubmatch(page, -1) {
		if !named[id[1]] {
			out = append(out, id[1])
		}
	}
	return out
}

func TestEveryMistakeIsTiedToItsInput(t *testing.T) {
	s := newSite(t, "shopify", "odoo")
	s.Connect("shopify")
	s.Connect("odoo")
	if a := s.post(people.Admin, "/flows", flowFormValues()); a.status != http.StatusSeeOther {
		t.Fatalf("making the flow gives %d", a.status)
	}
	bad := flowFormValues()
	bad.Set("orders.attempts", "1000")
	bad.Set("create", "yes")
	bad.Set("name", "NO")
	for _, c := range []struct {
		name, path string
		form       url.Values
	}{
		{"a name that is taken", "/people", url.Values{"name": {"viewer"}, "role": {"viewer"}}},
		{"two passwords", "/account/password", url.Values{"password": {"a calm long sentence"}, "again": {"another"}}},
		{"a token without a name", "/account/tokens", url.Values{"role": {"viewer"}, "lifetime": {"30"}}},
		{"a token of a strange role", "/account/tokens", url.Values{"name": {"ci"}, "role": {"king"}, "lifetime": {"30"}}},
		{"a token for long", "/account/tokens", url.Values{"name": {"ci"}, "role": {"viewer"}, "lifetime": {"99999"}}},
		{"alerts without limits", "/settings/alerts", url.Values{"email.host": {"smtp.example.com"}, "email.port": {"x"}}},
		{"channels that cannot be", "/settings/alerts", url.Values{
			"rules.oldest_order.minutes": {"30"}, "rules.connection_down.minutes": {"5"}, "rules.subscription_lost.minutes": {"40"}, "rules.cause_growing.tasks": {"10"},
			"rules.paused.minutes": {"60"}, "remind_minutes": {"240"}, "email.host": {"smtp.example.com"}, "email.security": {"much"}, "email.from": {"nobody"},
			"email.to": {"nobody"}, "slack.id": {""}, "slack.name": {"#orders"}, "slack.url": {"nowhere"},
		}},
		{"an endpoint of nothing", "/settings/webhooks", url.Values{"url": {"http://example.com"}}},
		{"a provider without an address", "/settings/sign-in", url.Values{"issuer": {"nowhere"}}},
		{"a flow", "/flows", bad},
		{"a connection", "/connections", url.Values{"system": {"shopify"}, "name": {"NO"}}},
		{"a run of nothing", "/sync", url.Values{"flow": {"shop-to-erp"}, "kind": {"order"}, "what": {"range"}}},
	} {
		a := s.post(people.Admin, c.path, c.form)
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.text, `aria-invalid="true"`) && !strings.Contains(a.text, "events-error") {
			t.Errorf("%s: %d, and no input is marked\n%s", c.name, a.status, mainOf(a.text))
		}
		if strings.Contains(a.text, `class="error">`) {
			t.Errorf("%s: a mistake has no id", c.name)
		}
		if list := untied(a.text); len(list) > 0 {
			t.Errorf("%s: tied to no input: %s", c.name, strings.Join(list, "; "))
		}
	}
	audit := s.get(people.Admin, "/audit?since=yesterday")
	audit.has(t, "the audit since a day that is none", http.StatusUnprocessableEntity, "must be written like", `aria-invalid="true"`, "Nothing was looked up")
	audit.hasNot(t, "the audit since a day that is none", `id="audit-1"`)
	if list := untied(audit.text); len(list) > 0 {
		t.Errorf("the audit: tied to no input: %s", strings.Join(list, "; "))
	}
	for _, path := range []string{"/people", "/account", "/settings", "/settings/webhooks", "/settings/sign-in", "/audit", "/sync"} {
		if list := untied(s.get(people.Admin, path).text); len(list) > 0 {
			t.Errorf("%s: tied to no input: %s", path, strings.Join(list, "; "))
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/sign-in", strings.NewReader("name=viewer&password=wrong"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized || strings.Count(w.Body.String(), `aria-describedby="door-error"`) != 2 || !strings.Contains(w.Body.String(), `id="door-error"`) {
		t.Errorf("signing in with a wrong password: %d %s", w.Code, w.Body)
	}
}

func TestTheMenuComesBackToAScreen(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct{ what, path, back string }{
		{"a token that was made", "/account/tokens", "/account"},
		{"a link that was made", "/people/1/link", "/people"},
		{"an endpoint that is wrong", "/settings/webhooks", "/settings/webhooks"},
		{"a failure", "/causes/1/ignore", "/causes/1"},
		{"a failure of nothing known", "/nothing/there", "/"},
	} {
		a := s.post(people.Admin, c.path, url.Values{"name": {"ci"}, "role": {"viewer"}, "lifetime": {"30"}})
		if n := strings.Count(a.text, `name="back" value="`+c.back+`"`); n != 2 {
			t.Errorf("%s: %d, %d of the two forms in the menu come back to %s", c.what, a.status, n, c.back)
		}
	}
	s.get(people.Admin, "/orders?state=held").has(t, "a list", http.StatusOK, `name="back" value="/orders?state=held"`)
}

func TestSingleKeysCanBeSwitchedOff(t *testing.T) {
	s := newSite(t)
	r := httptest.NewRequest(http.MethodPost, "/settings/look", strings.NewReader("keys=off&back=/orders"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(s.cookies[people.Viewer])
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	made := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/orders" || len(made) != 1 {
		t.Fatalf("%d to %q with %v", w.Code, w.Header().Get("Location"), made)
	}
	r = httptest.NewRequest(http.MethodGet, "/orders", nil)
	r.AddCookie(s.cookies[people.Viewer])
	r.AddCookie(made[0])
	w = httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), `data-keys="off"`) || !strings.Contains(w.Body.String(), "Only Ctrl K, Enter and Esc are heard") {
		t.Error("the page does not know it")
	}
}

func TestOnlyWhatWasCountedIsStarted(t *testing.T) {
	s := newFlowSite(t, "SHIPPING")
	if _, err := s.Sandbox.Make("shopify", sandbox.MakeOptions{N: 2}); err != nil {
		t.Fatal(err)
	}
	counted := regexp.MustCompile(`name="counted" value="([^"]*)"`)
	today := time.Now().UTC().Format(time.DateOnly)
	form := url.Values{"flow": {"shop-to-erp"}, "kind": {"order"}, "what": {"range"}, "since": {"2001-01-01"}, "until": {"2001-01-02"}, "do": {"count"}}
	page := s.post(people.Operator, "/sync", form)
	page.has(t, "the count of a range", http.StatusOK, "Bring 0 orders")
	found := counted.FindStringSubmatch(page.text)
	if found == nil {
		t.Fatal("the page does not say what was counted")
	}
	form.Set("counted", strings.ReplaceAll(found[1], "&amp;", "&"))
	form.Set("total", "0")
	form.Set("do", "start")
	for name, change := range map[string]url.Values{"everything": {"what": {"all"}}, "another day": {"until": {today}}, "other records": {"kind": {"customer"}}} {
		other := maps.Clone(form)
		maps.Copy(other, change)
		if a := s.post(people.Operator, "/sync", other); a.status == http.StatusSeeOther {
			t.Errorf("%s is started, although only two days were counted", name)
		}
	}
	form.Set("what", "all")
	again := s.post(people.Operator, "/sync", form)
	again.has(t, "everything after a range was counted", http.StatusOK, "counted again", "Bring 2 orders")
	form.Set("counted", strings.ReplaceAll(counted.FindStringSubmatch(again.text)[1], "&amp;", "&"))
	form.Set("total", "2")
	if a := s.post(people.Operator, "/sync", form); a.status != http.StatusSeeOther || a.location != "/sync/1" {
		t.Errorf("what was counted now is answered %+v", a)
	}
}
