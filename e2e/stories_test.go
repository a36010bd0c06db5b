package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// office is an installation with its dashboard, beside a sandbox.
type office struct {
	*world
	base string // address of the dashboard
}

const (
	adminName     = "anna"
	adminPassword = "a calm long sentence of mine"
)

// newOffice starts Orderly on an empty data folder and gives the address at which the first
// administrator is made.
func newOffice(t testing.TB) (o *office, setup string) {
	t.Helper()
	w := &world{TB: t, dir: t.TempDir(), listen: freeAddress(t)}
	w.sandbox = start(t, nil, "sandbox", "--listen", "127.0.0.1:0", "--longest-wait", "300ms").say(t, "sandbox listens at ")
	w.data = []string{"--data", filepath.Join(w.dir, "data")}
	o = &office{world: w, base: "http://" + w.listen}
	args := append([]string{"serve", "--listen", w.listen, "--public-url", o.base}, w.data...)
	return o, start(t, nil, args...).say(t, "make the administrator at ")
}

// furnished is an office with an administrator and flows between systems of the sandbox, as orderly.yaml
// would make them.
func furnished(t testing.TB, flows ...flowSpec) *office {
	t.Helper()
	w := newWorld(t, "", flows...)
	o := &office{world: w, base: "http://" + w.listen}
	w.serve()
	o.user(adminName, "admin")
	return o
}

// user adds a user with the test's password.
func (o *office) user(name, role string) {
	o.Helper()
	args := append([]string{"users", "add", name, "--role", role, "--password-stdin"}, o.data...)
	if _, stderr, code := runProgram(o, o.env, adminPassword+"\n", args...); code != 0 {
		o.Fatalf("users add %s ended with %d: %s", name, code, stderr)
	}
}

// signIn signs a user in.
func (o *office) signIn(b *browser, name string) {
	o.Helper()
	b.open("/sign-in")
	b.fill("#name", name)
	b.fill("#password", adminPassword)
	b.press("Sign in")
	b.at("/")
	b.sees("Welcome, " + name)
}

// settings are the sandbox's settings for a system.
func (o *office) settings(system string) map[string]string {
	o.Helper()
	var settings map[string]string
	o.get("/_sandbox/"+system+"/settings", &settings)
	return settings
}

// connect makes a connection from its form.
func (o *office) connect(b *browser, system, title string) {
	o.Helper()
	b.open("/connections/new")
	b.press(title)
	b.fill("#name", system)
	for name, value := range o.settings(system) {
		b.enter("set."+name, value)
	}
	b.press("Test")
	b.sees("signed in")
	b.accessible("the form of a connection to " + title)
	b.press("Save")
	b.at("/connections/" + system)
}

var shopifyToOdoo = flowSpec{from: "shopify", to: "odoo", more: "    triggers: {webhook: true, schedule: 2s}\n"}

func TestStoryOfTheFirstDay(t *testing.T) {
	o, setup := newOffice(t)
	b := newBrowser(t, o.base, 1360, 900)

	b.open("/")
	b.at("/setup") // nobody can sign in yet
	b.open(setup)
	b.accessible("the first start")
	b.fill("#name", adminName)
	b.fill("#password", adminPassword)
	b.fill("#again", "another sentence than before")
	b.press("Make the administrator")
	b.sees("The two passwords differ")
	b.fill("#password", adminPassword)
	b.fill("#again", adminPassword)
	b.press("Make the administrator")
	b.at("/")
	b.sees("Nothing flows yet")
	b.accessible("Now, before there is a flow")

	o.connect(b, "shopify", "Shopify")
	o.connect(b, "odoo", "Odoo")
	b.open("/flows/new")
	b.fill("#name", "shop-to-erp")
	b.choose("#from", "shopify")
	b.choose("#to", "odoo")
	b.accessible("the form of a flow")
	b.press("Save")
	b.at("/flows/shop-to-erp")

	// Orders arrive on the open page by themselves.
	b.open("/orders")
	o.make("shopify", 3, "")
	b.until("see three orders arrive", `document.querySelectorAll("#main [data-row]").length === 3`)

	// They are held: nothing says yet which article carries the shipping. One cause, fixed once, for all.
	b.open("/causes")
	b.until("see the causes", `document.querySelectorAll("#main [data-row]").length > 0`)
	o.fixAll(b)
	b.open("/orders")
	b.until("see all orders in the ERP", `document.querySelectorAll("#main [data-row] .badge.synced").length === 3`)
	held := o.holdings("odoo")
	if len(held.Documents) != 3 {
		t.Errorf("the ERP has %d orders, want 3", len(held.Documents))
	}
}

// fixAll fixes one cause after another until none is open: the code that is asked for, with a preview
// first, one order for a trial, then the rest.
func (o *office) fixAll(b *browser) {
	o.Helper()
	codes := []struct{ word, code string }{{"shipping", "SHIPPING"}, {"discount", "DISCOUNT"}, {"charge", "FEE"}, {"rounding", "ROUNDING"}, {"gift", "GIFTCARD"}}
	for n := range 8 {
		b.open("/causes")
		if !b.has("#main [data-row] a") {
			return
		}
		b.click("#main [data-row] a")
		b.until("see the cause", `document.querySelector("#fix-0-value") !== null`)
		if n == 0 {
			b.accessible("a cause")
		}
		what := strings.ToLower(evaluate[string](b, `document.querySelector("#main").innerText`))
		for _, c := range codes {
			if strings.Contains(what, c.word) {
				b.fill("#fix-0-value", c.code)
				break
			}
		}
		if b.has("#fix-0-key") {
			b.fill("#fix-0-key", "*")
		}
		b.press("Preview")
		b.sees("Nothing was written")
		b.press("Save and try one order")
		b.until("see what became of the one", `document.querySelector("#tried .badge:is(.synced, .held, .failed)") !== null`)
		if b.has("#tried .badge.synced") && b.has("#tried button.primary") {
			b.click("#tried button.primary")
			b.until("see the bulk action end", `location.pathname.startsWith("/bulk/") && document.querySelector("#main").innerText.includes("changed.")`)
			b.accessible("a bulk action that ended")
			b.press("Back to the cause")
			b.until("see the cause close", `document.querySelector("#main").innerText.includes("closed")`)
		}
	}
	o.Fatal("after eight fixes there are still open causes")
}

func TestStoryOfARunByHand(t *testing.T) {
	o := furnished(t, shopifyToOdoo)
	o.faults("shopify", `{"kind":"webhook_lost"}`)
	o.make("shopify", 40, "")
	b := newBrowser(t, o.base, 1360, 900)
	o.signIn(b, adminName)

	// Two clicks from anywhere: the button at the top, then what is to be brought.
	b.press("Run now")
	b.at("/sync")
	b.accessible("Run now")
	b.click(`input[name=what][value=all]`)
	b.press("Go on")
	b.sees("40")
	b.click(`button[name=do][value=start]`)
	b.until("come to the run", `/^\/sync\/\d+$/.test(location.pathname)`)
	b.accessible("a run")
	b.until("see the run end", `document.querySelector("#main").innerText.includes("done")`)
	eventually(t, 30*time.Second, "all 40 orders are settled", func() bool { return o.settled(shopifyToOdoo.name()) })
}

func TestStoryOfAMappingChange(t *testing.T) {
	o := furnished(t, shopifyToOdoo)
	o.make("shopify", 5, "")
	eventually(t, 30*time.Second, "the orders are settled", func() bool { return len(o.tasks(o.flow())) == 5 && o.settled(o.flow()) })
	b := newBrowser(t, o.base, 1360, 900)
	o.signIn(b, adminName)
	b.open("/mapping?flow=" + o.flow())
	b.sees("A dry run: nothing is written")

	// What a rule does to a real order is seen while it is typed, its mistakes as well.
	b.enter("order_name", "note")
	b.enter("order_expression", `"Web " + order.order_numbr`)
	b.until("see the mistake", `document.querySelector("#mapping-editor").innerText.includes("order_numbr")`)
	b.enter("order_expression", `"Web " + order.order_number`)
	b.until("see the rule at work", `document.querySelector("#mapping-document").innerText.includes("Web #")`)
	b.accessible("a mapping that is tried")

	b.press("What would change")
	b.until("see all compared", `location.pathname === "/mapping/compare" && document.readyState === "complete" && document.querySelector("#main").innerText.includes("Web #")`)
	b.accessible("what a mapping would change")
	if n := len(o.holdings("odoo").Documents); n != 5 {
		t.Errorf("there are %d documents after a dry run of five orders, want 5", n)
	}
	b.press("Review and save")
	b.until("see the plan", `document.querySelector("input[name=why]") !== null`)
	b.fill("input[name=why]", "the warehouse asks for it")
	b.press("Save")
	b.at("/mapping")
	b.open("/audit?subject=flow/")
	b.sees("the warehouse asks for it")
}

func TestStoryOfAViewer(t *testing.T) {
	o := furnished(t, shopifyToOdoo)
	o.user("vera", "viewer")
	o.make("shopify", 2, "")
	b := newBrowser(t, o.base, 1360, 900)
	o.signIn(b, "vera")
	if b.has(".run-now") {
		t.Error("a viewer is offered to run something")
	}
	for _, path := range []string{"/sync", "/connections/new", "/flows/new", "/settings/webhooks", "/settings/sign-in"} {
		b.open(path)
		b.sees("Not with your role")
	}
	for _, path := range []string{
		"/orders/1/act", "/orders/1/resync", "/connections/shopify/pause", "/flows/shopify-to-odoo/pause", "/maps", "/people", "/sync", "/settings/alerts",
	} {
		status := evaluate[int](b, fmt.Sprintf(`fetch(%q, {method: "POST", body: new URLSearchParams({})}).then((r) => r.status)`, path))
		if status != 403 {
			t.Errorf("a viewer who posts to %s is answered %d, want 403", path, status)
		}
	}
}

func TestStoryOfPausing(t *testing.T) {
	o := furnished(t, shopifyToOdoo)
	b := newBrowser(t, o.base, 1360, 900)
	o.signIn(b, adminName)
	b.open("/flows/shopify-to-odoo")
	b.press("Pause")
	b.fill("#pause-why", "stock taking")
	b.click("#pause-dialog button[value=pause]")
	b.sees("stock taking")
	o.make("shopify", 2, "")
	b.open("/orders?state=waiting")
	b.until("see the orders wait", `document.querySelectorAll("#main [data-row]").length === 2`)
	b.open("/flows/shopify-to-odoo")
	b.press("Resume")
	b.gone("stock taking")
	eventually(t, 30*time.Second, "the orders are settled", func() bool { return o.settled(shopifyToOdoo.name()) })
	b.open("/audit")
	b.sees("stock taking")
	b.sees(adminName)
}

func TestStoryByKeyboardAlone(t *testing.T) {
	o := furnished(t, shopifyToOdoo)
	o.make("shopify", 3, "")
	eventually(t, 30*time.Second, "the orders are settled", func() bool { return o.settled(shopifyToOdoo.name()) })
	b := newBrowser(t, o.base, 1360, 900)
	b.open("/sign-in")
	b.keys(adminName, keyTab) // the name has the focus
	b.keys(adminPassword, keyEnter)
	b.at("/")
	b.keys("g", "o")
	b.at("/orders")
	b.until("see the orders", `document.querySelectorAll("#main [data-row]").length === 3`)
	b.keys("j", "j", "x")
	b.until("see one selected", `document.querySelectorAll("input[data-select]:checked").length === 1`)
	b.keys(keyEscape)
	b.until("see none selected", `document.querySelectorAll("input[data-select]:checked").length === 0`)
	b.keys(keyEnter)
	b.until("open the order", `/^\/orders\/\d+$/.test(location.pathname)`)
	here := evaluate[string](b, `location.pathname`)
	b.keys("]")
	b.until("come to the next order", fmt.Sprintf(`/^\/orders\/\d+$/.test(location.pathname) && location.pathname !== %q`, here))
	b.keys("?")
	b.until("see the keys", `document.querySelector("#keys").open`)
	b.keys(keyEscape)
	b.until("leave the keys", `!document.querySelector("#keys").open`)
	b.do("press Ctrl-K", chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.until("see the palette", `document.querySelector("#palette").open`)
	b.keys("aud")
	b.until("find the audit", `document.querySelector("#palette-results a")?.textContent.includes("Audit")`)
	b.keys(keyEnter)
	b.at("/audit")
	b.keys("t", "t")
	b.until("see times in the shop's way", `document.documentElement.dataset.clock === "local"`)
}

// screens are all screens that a person can come to without acting.
func screens(o *office) []string {
	return []string{
		"/", "/orders", "/orders?state=held", "/orders/1", "/causes", "/causes?state=closed", "/review", "/flows", "/flows/" + o.flow(), "/flows/" + o.flow() + "/edit",
		"/flows/new", "/connections", "/connections/shopify", "/connections/shopify/edit", "/connections/new", "/maps", "/maps/history", "/maps/import", "/mapping", "/sync",
		"/audit", "/people", "/account", "/settings", "/settings/webhooks", "/settings/sign-in", "/code", "/api", "/nothing",
	}
}

func (o *office) flow() string { return shopifyToOdoo.name() }

func TestEveryScreenIsAccessibleInLightAndDark(t *testing.T) {
	o := furnished(t, shopifyToOdoo)
	o.make("shopify", 6, "&unknown=400")
	eventually(t, 30*time.Second, "the orders are settled", func() bool { return o.settled(shopifyToOdoo.name()) })
	b := newBrowser(t, o.base, 1360, 900)
	o.signIn(b, adminName)
	for _, theme := range []string{"light", "dark"} {
		b.theme(theme)
		for _, path := range screens(o) {
			b.open(path)
			b.accessible(path + ", " + theme)
			if evaluate[string](b, `document.title`) == "Something failed · Orderly" {
				t.Errorf("%s fails", path)
			}
		}
	}
}

func TestTheColoursAreThoseThatAPersonChoseOrElseTheSystems(t *testing.T) {
	o := furnished(t, shopifyToOdoo)
	b := newBrowser(t, o.base, 1360, 900)
	o.signIn(b, adminName)
	const light, dark = "rgb(246, 247, 248)", "rgb(18, 22, 26)"
	for _, c := range []struct{ chosen, system, want string }{
		{"", "light", light}, {"", "dark", dark}, {"light", "dark", light}, {"dark", "light", dark},
	} {
		b.prefers(c.system)
		b.theme(c.chosen)
		b.open("/")
		if got := evaluate[string](b, `getComputedStyle(document.body).backgroundColor`); got != c.want {
			t.Errorf("chosen %q on a %s system the ground is %s, want %s", c.chosen, c.system, got, c.want)
		}
	}
}

func TestTheFirstScreensFitAPhone(t *testing.T) {
	o := furnished(t, shopifyToOdoo)
	o.make("shopify", 4, "")
	eventually(t, 30*time.Second, "the orders are settled", func() bool { return o.settled(shopifyToOdoo.name()) })
	b := newBrowser(t, o.base, 390, 844)
	o.signIn(b, adminName)
	for _, path := range []string{"/", "/orders", "/orders/1", "/causes"} {
		b.open(path)
		if path == "/orders/1" {
			b.sees("every line is equal")
		}
		wide := evaluate[int](b, `document.documentElement.scrollWidth`)
		if wide > 390 {
			t.Errorf("%s is %d pixels wide on a phone of 390", path, wide)
		}
		b.accessible(path + " on a phone")
	}
	b.click(".menu-button")
	b.until("see the menu", `getComputedStyle(document.querySelector("#nav")).display !== "none"`)
	b.click(`#nav a[href="/orders"]`)
	b.at("/orders")
}

// prefers makes the system light or dark.
func (b *browser) prefers(scheme string) {
	b.t.Helper()
	b.do("prefer "+scheme, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	}))
}

// theme has the pages shown in a theme.
func (b *browser) theme(theme string) {
	b.t.Helper()
	evaluate[string](b, fmt.Sprintf(`document.cookie = "orderly_theme=%s; path=/"`, theme))
}
