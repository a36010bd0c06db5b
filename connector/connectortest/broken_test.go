package connectortest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// broken is a way of breaking the contract and the checks that must notice it.
type broken struct {
	how     flaw
	noticed []string
}

// brokenVariants has, for every check, at least one connector that it must fail.
func brokenVariants() []broken {
	return []broken{
		{"a setting has no help", []string{"settings/every setting is described"}},
		{"the system belongs to no group", []string{"settings/every setting is described"}},
		{"a required setting has a default", []string{"settings/a missing required setting is named"}},
		{"a setting that nobody described is taken", []string{"settings/an unknown setting is refused with a suggestion"}},
		{"an example is not among the allowed values", []string{"settings/examples and defaults are accepted"}},
		{"a secret is in a field that prints itself", []string{"settings/a secret prints as nothing"}},
		{"the error about a setting repeats its value", []string{"settings/no error holds a secret"}},

		{"the account has no name", []string{"check/good account"}},
		{"checking writes", []string{"check/checking changes nothing"}},
		{"opening signs in", []string{"check/opening makes no call"}},
		{"wrong credentials are told as a missing right", []string{"check/wrong credentials are not accepted"}},
		{"a missing right is overlooked", []string{"check/a missing right is forbidden"}},
		{"a system that is down is told as a bug", []string{
			"check/a system that is down is unavailable", "pressure/a failing system is unavailable", "pressure/nobody listens",
		}},
		{"a page of HTML is an answer", []string{
			"check/a proxy's page is neither the account nor its fault", "pressure/a page of HTML is no answer",
		}},
		{"the renewed session is not kept", []string{"check/an ended session is renewed once"}},
		{"a renewal is refused while another runs", []string{"check/callers at once share the renewal"}},
		{"sessions are not renewed", []string{"pressure/an ended session is renewed", "polling/a session that ends between two pages is renewed"}},

		{"events have no topic", []string{"webhooks/a new order is told"}},
		{"only new orders are told", []string{"webhooks/a changed order is told"}},
		{"a delivery is numbered by ourselves", []string{"webhooks/the same delivery is the same again"}},
		{"only the node that subscribed takes webhooks", []string{"webhooks/another connection takes it as well"}},
		{"trailing spaces are not signed", []string{"webhooks/an altered body is refused"}},
		{"only the length of a body is signed", []string{"webhooks/an altered body is refused"}},
		{"a delivery without a signature is taken", []string{"webhooks/a delivery without its proof is refused"}},
		{"any secret is right", []string{"webhooks/another secret is refused"}},
		{"no secret takes everything", []string{"webhooks/no secret takes nothing"}},
		{"an empty secret proves as well", []string{"webhooks/a proof made with an empty secret is refused"}},
		{"a missing secret is an empty one", []string{"webhooks/a proof made with an empty secret is refused"}},
		{"the age is not looked at", []string{"webhooks/an old delivery is refused"}},
		{"a forged delivery is told as a bug", []string{"webhooks/garbage is survived"}},
		{"a huge body is used", []string{"webhooks/a huge body is survived"}},
		{"webhooks of others count", []string{"webhooks/missing subscriptions are made"}},
		{"webhooks are made again each time", []string{"webhooks/looking changes nothing"}},
		{"what is disabled is told as active", []string{"webhooks/disabled subscriptions are enabled"}},

		{"events of the list are of no kind", []string{"polling/a new order is listed"}},
		{"the newest order is left out", []string{"polling/a new order is listed"}},
		{"everything is listed always", []string{"polling/nothing new is an empty page"}},
		{"the newest change comes first", []string{"polling/pages have every order, the oldest change first"}},
		{"the wanted size of a page is not looked at", []string{"polling/pages have every order, the oldest change first"}},
		{"a full page promises another", []string{"polling/a full last page ends"}},
		{"the cursor is a time alone", []string{"polling/orders of the same second are all listed"}},
		{"the first of each page is skipped", []string{"polling/a change while pages are read loses nothing", "polling/a deleted order takes no other with it"}},
		{"the place in the list is kept in memory", []string{"polling/another connection goes on from the cursor"}},
		{"a changed order keeps its place", []string{"polling/a changed order is listed again"}},
		{"cancelled orders are left out", []string{"polling/a cancelled order is listed"}},
		{"the watermark is ahead", []string{"polling/the watermark is sound", "polling/going on from the watermark loses nothing"}},
		{"the newest customer is left out", []string{"polling/customers are listed"}},
		{"the count is that of a page", []string{"polling/the count agrees"}},
		{"the end of the window is not looked at", []string{"polling/the end of the window is respected"}},
		{"the beginning of the window is outside", []string{"polling/the beginning of the window belongs to it"}},
		{"a fetched order is another one", []string{"fetch/what is listed can be fetched"}},
		{"a fetched customer is another one", []string{"fetch/a customer is fetched and decoded"}},
		{"what is not there is told as refused", []string{"fetch/what is not there is not found", "feedback/an order that is not there"}},

		{"decoding depends on who decodes", []string{"decoding/the same bytes give the same record"}},
		{"times are where the reader is", []string{"decoding/times are in UTC"}},
		{"the account is lost in decoding", []string{"decoding/a buyer with an account is told from a guest"}},
		{"an unknown state is an error", []string{"decoding/unknown values become unknown states"}},
		{"an unknown state is open", []string{"decoding/unknown values become unknown states"}},
		{"broken orders are told as bugs", []string{"decoding/broken bodies name what is wrong"}},
		{"nothing is taken for an order", []string{"decoding/broken bodies name what is wrong"}},
		{"a cent is lost in decoding", sampled("decoding/")},
		{"feedback is written again each time", []string{"feedback/telling twice changes nothing more"}},

		{"customers are not found by their key", []string{"customers/one that was made is found by its key", "customers/an answer lost after one was made"}},
		{"customers are not found by e-mail", []string{"customers/one is found by what the rules go by"}},
		{"nobody is somebody", []string{"customers/nobody is no error"}},
		{"percent signs match everybody", []string{"customers/special characters match nobody else"}},
		{"saving a customer again makes another", []string{"customers/saving again makes no second one"}},
		{"an update empties what it has not", []string{"customers/an update empties nothing"}},
		{"one address record is used for all", []string{"addresses/the same content is the same record"}},
		{"each address is another record", []string{"addresses/the same content is the same record"}},
		{"an article is found by the beginning of its SKU", []string{"items/an article is found by exactly its SKU"}},
		{"only the first hundred articles are looked for", []string{"items/many at once"}},
		{"a tax is left out", []string{"taxes/the rates of the catalogue are there"}},
		{"the stock is half of what is there", []string{"stock/what is there is told"}},

		{"a key finds those that begin with it", []string{"orders/one that was made is found by its key"}},
		{"documents have no key", []string{"orders/one that was made is found by its key"}},
		{"a document has no id", []string{"orders/one that was made is found by its key"}},
		{"only the first fifty keys are looked up", []string{"orders/many keys are looked up at once"}},
		{"a changed order becomes another document", []string{"orders/saving again changes nothing", "orders/a changed order is the same document"}},
		{"an order is made twice to be sure", []string{"orders/saving again changes nothing"}},
		{"roundings are left out", []string{"orders/a rounding moves the total by just that much"}},
		{"discounts on the whole order are left out", []string{"orders/a discount on the whole order"}},
		{"charges are left out", []string{"orders/a charge"}},
		{"a whole unit is lost in writing", sampled("orders/")},
		{"the field at fault is not named", []string{
			"orders/an article that is not there", "orders/a currency that is not there", "orders/a customer that is not there",
		}},
		{"a currency that is not there becomes euros", []string{"orders/a currency that is not there"}},
		{"cancelled documents are not found", []string{"orders/cancelling twice is fine, and it is found as cancelled"}},
		{"what is done already is an error", []string{
			"orders/confirming twice is fine", "orders/an answer lost when one is confirmed", "orders/an answer lost when one is cancelled",
		}},
		{"a lost answer is told as not done", []string{
			"orders/an answer lost after the system acted", "orders/a connection cut before the system acted",
			"orders/an answer lost when one is confirmed", "orders/an answer lost when one is invoiced", "pressure/a failing system may have written",
		}},
		{"a lost answer is tried again at once", []string{"orders/an answer lost after the system acted"}},
		{"calls at once are refused", []string{"orders/eight at once all arrive", "hygiene/calls at once do not disturb each other"}},
		{"an invoice is not found", []string{"orders/an invoice is made once", "orders/an answer lost when one is invoiced"}},
		{"one bad part spoils a batch", []string{"orders/a batch has an outcome for each part"}},

		{"the wait is forgotten", []string{"pressure/too many requests are told with the wait"}},
		{"requests have no caller", []string{
			"pressure/no answer ends with the context", "pressure/an ended context sends nothing", "hygiene/every request is made for its caller",
		}},
		{"requests have no end", []string{"hygiene/every request is made for its caller"}},
		{"writes say that they only read", []string{"dry run/what reads works and nothing is written"}},
		{"errors are plain", []string{"hygiene/errors say what was being done"}},
		{"errors hold the key", []string{"hygiene/errors hold neither secrets nor people's data"}},
		{"errors hold people's data", []string{"hygiene/errors hold neither secrets nor people's data"}},
		{"the key is in the address", []string{"hygiene/no address holds a secret"}},
		{"closing takes its time", []string{"hygiene/closing ends although the system is gone"}},

		{"documents have no key", []string{"orders/a document is read back as it was written"}},
		{"a document has no lines", []string{"orders/a document is read back line by line"}},
		{"a changed order becomes another document", []string{"orders/a changed address is the same document"}},
		{"a whole unit is lost in writing", []string{"orders/three rates"}},
		{"the wait is forgotten", []string{"pressure/too many writes are told with the wait"}},
		{"a system that is down is told as a bug", []string{
			"pressure/a refused connection has written nothing", "pressure/a fetch in trouble says which",
		}},
		{"a lost answer is told as not done", []string{"pressure/a write without an answer may be done"}},
		{"checking writes", []string{"dry run/the account can be checked"}},

		// What every check looks for at its end.
		{"the key is in the log", []string{"check/good account"}},
		{"a goroutine is left", []string{"check/good account"}},
		{"a path that is not there is asked for", []string{"check/good account"}},
	}
}

// brokenRule is a way of breaking one rule of a check that has several, and words of what the check
// says then: without them, another of its rules might be the one that notices.
type brokenRule struct {
	how   flaw
	check string
	says  string
}

func brokenRules() []brokenRule {
	return []brokenRule{
		{"a delivery is numbered by ourselves", "webhooks/another connection takes it as well", "another node makes"},
		{"a missing secret is told as a bug", "webhooks/no secret takes nothing", "want KindAuth"},
		{"an empty secret proves as well", "webhooks/a proof made with an empty secret is refused", "signed with an empty secret brings 1 events"},
		{"a missing secret is an empty one", "webhooks/a proof made with an empty secret is refused", "with an empty secret, what is signed with one brings 1 events"},
		{"a missing secret is an empty one", "webhooks/a proof made with an empty secret is refused", "without a secret, what is signed with an empty one brings 1 events"},
		{"every topic is that of orders", "webhooks/garbage is survived", "a topic that nobody knows brings 1 events"},
		{"what is ignored has no reason", "webhooks/garbage is survived", "ignored without a reason"},
		{"an odd time is told as a bug", "webhooks/garbage is survived", "a broken X-Tally-Time is told as a bug"},

		{"a page begins with half of the one before", "polling/pages have every order, the oldest change first", "are listed 19 times although nothing changes"},
		{"the watermark is ahead of the next page", "polling/the watermark is sound", "is listed after the watermark was"},
		{"the watermark is ahead", "polling/the watermark is sound", "is in the future"},
		{"a full page promises another", "polling/the watermark is sound", "the list does not end"},
		{"customers are listed as orders", "polling/customers are listed", "a list of customers has"},
		{"a listed customer is another one", "polling/customers are listed", "with another e-mail address"},
		{"a listed customer cannot be had", "polling/customers are listed", "is not listed"},

		{"a fetched order is another one", "fetch/what is listed can be fetched", "order_number is"},
		{"a fetched order goes elsewhere", "fetch/what is listed can be fetched", "ship_to is"},

		{"the account is lost in decoding", "decoding/a buyer with an account is told from a guest", "the buyer with an account is"},
		{"a guest is given an account", "decoding/a buyer with an account is told from a guest", "the buyer with a guest is"},
		{"the company is lost in decoding", "decoding/a company", "the vendor states otherwise: buyer is"},
		{"long texts are cut off in decoding", "decoding/long texts", "the vendor states otherwise: notes[0] is"},
		{"the lines of a document are in another order", "orders/a document is read back line by line", "want 2 of MUG-BLUE"},
		{"every line has a quantity of one", "orders/a document is read back line by line", "want 5 of MUG-BLUE"},
		{"lines tell the price of one", "orders/a document is read back line by line", "line 0 is of 12.50 EUR; the vendor holds 25.00 EUR"},
		{"lines have no tax", "orders/a document is read back line by line", "has a tax of 0.00 EUR; the vendor holds"},
		{"lines have no article", "orders/a document is read back line by line", `(article "")`},
		{"confirming forgets half of the lines", "orders/a document is read back line by line", "an order in force, as it was answered: 1 lines"},
		{"lines are read backwards", "decoding/a hundred and twenty lines", "lines[0] is"},
	}
}

func TestBrokenRulesAreNoticed(t *testing.T) {
	for _, b := range brokenRules() {
		t.Run(string(b.how)+" "+b.says, func(t *testing.T) {
			found := failures(t, b.how, b.check)
			if !slices.ContainsFunc(found, func(text string) bool { return strings.Contains(text, b.says) }) {
				t.Errorf("%s says not %q but %q", b.check, b.says, found)
			}
		})
	}
}

// sampled are the checks of an area that are made for each sample order.
func sampled(area string) []string {
	var names []string
	for _, s := range samples() {
		names = append(names, area+s.name)
	}
	return names
}

// failures makes one check with the reference connector, broken or not, and gives what it finds.
func failures(t *testing.T, how flaw, name string) (found []string) {
	t.Helper()
	h := referenceHarness(how)
	checks := h.checks()
	i := slices.IndexFunc(checks, func(c check) bool { return c.name == name })
	if i < 0 {
		t.Fatalf("there is no check %q; nearest is %s", name, nearest(name, checks))
	}
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{TB: t}
		r.do(func() { h.perform(r, checks[i]) })
		found = r.failures
		time.Sleep(2 * time.Hour) // virtual: what was left behind ends
	})
	return found
}

func TestBrokenConnectorsAreNoticed(t *testing.T) {
	for _, b := range brokenVariants() {
		t.Run(string(b.how), func(t *testing.T) {
			for _, name := range b.noticed {
				if found := failures(t, "", name); len(found) > 0 {
					t.Fatalf("%s blames a connector that is in order: %s", name, found)
				}
				if found := failures(t, b.how, name); len(found) == 0 {
					t.Errorf("%s does not notice it", name)
				} else {
					t.Logf("%s: %s", name, strings.SplitN(found[0], "\n", 2)[0])
				}
			}
		})
	}
}

// A check that no connector can fail says nothing.
func TestEveryCheckCanFail(t *testing.T) {
	noticed := map[string]bool{}
	for _, b := range brokenVariants() {
		for _, name := range b.noticed {
			noticed[name] = true
		}
	}
	for _, c := range referenceHarness("").checks() {
		if !noticed[c.name] {
			t.Errorf("no broken connector fails %q: add one to brokenVariants", c.name)
		}
	}
}

func TestNamesOfChecksAreTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range referenceHarness("").checks() {
		if area, rule, ok := strings.Cut(c.name, "/"); !ok || area == "" || rule == "" || strings.Contains(rule, "/") {
			t.Errorf("the name %q is not an area and a rule", c.name)
		}
		if seen[c.name] {
			t.Errorf("two checks are named %q", c.name)
		}
		seen[c.name] = true
	}
}

func TestNearestCheckIsSuggested(t *testing.T) {
	checks := referenceHarness("").checks()
	if got := nearest("check/god account", checks); got != "check/good account" {
		t.Errorf("nearest to a slip of the finger is %q", got)
	}
	if got := nearest("stock/all else", checks); got != "stock/what is there is told" {
		t.Errorf("of an area that is known, %q is suggested", got)
	}
}

// The suggestion is made by connector.Bind for every connector, so that none can be broken in it.
func TestErrorsAboutUnknownSettingsMustHelp(t *testing.T) {
	for name, c := range map[string]struct{ err, want string }{
		"named and suggested": {"connection suite: companyx: is no setting here; did you mean company?", ""},
		"not named":           {"connection suite: a setting is not known; did you mean company?", "want an error that names it"},
		"not suggested":       {"connection suite: companyx: is no setting here", "does not suggest company"},
		"another suggested":   {"connection suite: companyx: is no setting here; did you mean mode?", "does not suggest company"},
	} {
		got := unhelpful(errors.New(c.err), "companyx", "company")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q; want %q", name, got, c.want)
		}
	}
	if unhelpful(nil, "companyx", "company") == "" {
		t.Error("no error is taken for a helpful one")
	}
}
