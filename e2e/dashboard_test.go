package e2e

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tab opens another tab of the browser, which is then the one that is seen.
func (b *browser) tab() *browser {
	b.t.Helper()
	other := &browser{t: b.t, base: b.base}
	ctx, closeTab := chromedp.NewContext(b.ctx, chromedp.WithListener(other.hear), chromedp.WithNewWindow(false))
	b.t.Cleanup(closeTab)
	if err := chromedp.Do(ctx); err != nil { // opens the tab, for as long as ctx
		b.t.Fatal(err)
	}
	other.ctx = ctx
	return other
}

// front has a tab seen in place of the others.
func (b *browser) front() {
	b.t.Helper()
	b.do("bring the tab to the front", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, page.BringToFront, cdp.Empty{})
		return err
	}))
	b.until("be seen", `document.visibilityState === "visible"`)
}

// openPalette opens the search and commands.
func (b *browser) openPalette() {
	b.t.Helper()
	b.until("hear keys", `document.documentElement.dataset.script === "on"`)
	b.do("press Ctrl-K", chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.until("see the palette", `document.querySelector("#palette").open`)
}

// countForms has the page count the forms that it would send, and send none.
func (b *browser) countForms() {
	b.t.Helper()
	b.do("count forms", script(`window.formsSent = 0, document.addEventListener("submit", (event) => { window.formsSent++; event.preventDefault(); }, true)`))
}

func (b *browser) formsSent() int {
	b.t.Helper()
	return evaluate[int](b, `window.formsSent`)
}

func TestManyOpenPagesStayUpToDate(t *testing.T) {
	o := furnished(t, shopifyToOdoo)
	first := newBrowser(t, o.base, 1360, 900)
	o.signIn(first, adminName)
	first.open("/orders")
	first.until("listen", `document.querySelector("#live-state").dataset.state === "live"`)
	tabs := []*browser{first}
	for range 7 {
		b := first.tab()
		b.open("/orders")
		b.sees("Orders")
		tabs = append(tabs, b)
	}
	first.until("be out of sight", `document.hidden`)
	o.make("shopify", 3, "")
	arrived := `document.querySelectorAll("#main [data-row]").length === 3`
	tabs[7].until("see three orders arrive", arrived)
	tabs[3].front()
	tabs[3].until("catch up when it is seen again", arrived)
	first.front()
	first.until("catch up when it is seen again", arrived)
	o.make("shopify", 1, "")
	first.until("see one more arrive", `document.querySelectorAll("#main [data-row]").length === 4`)

	// A page that the browser kept and shows again listens again.
	first.open("/audit")
	o.make("shopify", 1, "")
	eventually(t, 30*time.Second, "there are five orders", func() bool { return len(o.tasks(o.flow())) == 5 })
	first.do("go back", chromedp.NavigateBack())
	first.at("/orders")
	first.until("see what came meanwhile", `document.querySelectorAll("#main [data-row]").length === 5`)
	o.make("shopify", 1, "")
	first.until("see the next one arrive", `document.querySelectorAll("#main [data-row]").length === 6`)
}

func TestKeysOfARowNeedARow(t *testing.T) {
	o := furnished(t, shopifyToOdoo)
	o.make("shopify", 4, "&unknown=1000")
	eventually(t, 30*time.Second, "the orders are held", func() bool { return len(held(o.tasks(o.flow()))) == 4 })
	b := newBrowser(t, o.base, 1360, 900)
	o.signIn(b, adminName)
	b.open("/causes")
	b.until("see the causes", `document.querySelectorAll("#main [data-row] [data-key=s]").length > 0`)
	b.countForms()
	b.keys("s", "a")
	if n := b.formsSent(); n != 0 {
		t.Errorf("with no row chosen, two keys send %d forms", n)
	}
	b.keys("j", "s")
	if n := b.formsSent(); n != 1 {
		t.Errorf("with a row chosen, its key sends %d forms, want 1", n)
	}
	if n := evaluate[int](b, `document.querySelectorAll("#main [data-row][aria-current=true]").length`); n != 1 {
		t.Errorf("%d rows are the present one", n)
	}
	b.accessible("the causes with a present row")

	// The choice in the person's menu is saved by its button alone, and switches the keys off.
	b.click("details.person > summary")
	b.do("go to the choice", chromedp.Focus(chromedp.CSS(`input[name=keys]:checked`)))
	b.keys(kb.ArrowRight)
	if n := b.formsSent(); n != 1 {
		t.Error("an arrow key sends the choice of the look")
	}
	b.open("/causes")
	b.click("details.person > summary")
	b.accessible("the person's menu")
	b.do("switch the keys off", script(`document.querySelector("input[name=keys][value=off]").checked = true`))
	b.click(`form[action="/settings/look"] button`)
	b.until("come back", `location.pathname === "/causes" && document.documentElement.dataset.keys === "off"`)
	b.countForms()
	b.keys("j", "s", "u", "/")
	if b.formsSent() != 0 || b.has("[data-row][aria-current]") || b.has("dialog[open]") {
		t.Error("keys that are switched off are heard")
	}
	b.openPalette() // with Ctrl, a key is heard
}

func TestEnterInAReasonDecidesNothing(t *testing.T) {
	o := furnished(t, flowSpec{from: "shopify", to: "odoo", more: "    triggers: {webhook: true, schedule: 2s}\n    orders: {edits: hold}\n"})
	o.make("shopify", 1, "")
	eventually(t, 30*time.Second, "the order is settled", func() bool { return len(o.tasks(o.flow())) == 1 && o.settled(o.flow()) })
	order := o.tasks(o.flow())[0]
	o.request(http.MethodPost, fmt.Sprintf("/_sandbox/shopify/orders/%s/change", order.SourceID), nil)
	eventually(t, 30*time.Second, "its change is held", func() bool { return len(held(o.tasks(o.flow()))) == 1 })
	b := newBrowser(t, o.base, 1360, 900)
	o.signIn(b, adminName)
	b.open("/review")
	b.until("see the decision", `document.querySelector("button[name=decision][value=leave]") !== null`)
	b.accessible("a decision")
	b.countForms()
	b.fill("input[name=why]", "the customer has it already")
	b.do("go to the reason", chromedp.Focus(chromedp.CSS("input[name=why]")))
	b.keys(keyEnter)
	if n := b.formsSent(); n != 0 {
		t.Errorf("Enter after the reason sends %d forms", n)
	}
	b.open("/review")
	b.fill("input[name=why]", "the customer has it already")
	b.click("button[name=decision][value=leave]")
	b.sees("It is left out, with your reason")
}

func TestThePaletteSaysWhatIsChosen(t *testing.T) {
	o := furnished(t, shopifyToOdoo)
	o.make("shopify", 2, "")
	eventually(t, 30*time.Second, "the orders are settled", func() bool { return len(o.tasks(o.flow())) == 2 && o.settled(o.flow()) })
	b := newBrowser(t, o.base, 1360, 900)
	o.signIn(b, adminName)
	chosen := func(n int) string {
		return fmt.Sprintf(`(() => {
			const input = document.activeElement;
			const option = document.getElementById(input.getAttribute("aria-activedescendant"));
			return input.id === "palette-input" && input.getAttribute("aria-expanded") === "true" && option !== null &&
				option === document.querySelectorAll("#palette-list [role=option]")[%d] && document.querySelectorAll("#palette-list [aria-selected=true]").length === 1;
		})()`, n)
	}
	b.openPalette()
	b.until("have the first screen chosen", chosen(0))
	b.accessible("the palette with screens")
	b.keys(kb.ArrowDown, kb.ArrowDown)
	b.until("have the third chosen", chosen(2))
	number := o.tasks(o.flow())[0].Number
	b.keys(number)
	b.until("find the orders", `document.querySelector("#palette-list")?.textContent.includes("All orders that match")`)
	b.accessible("the palette with orders")
	b.keys("xyzzy")
	b.until("find nothing", `document.querySelector("#palette-results")?.textContent.includes("Nothing matches")`)
	b.until("say so", `document.querySelector("#palette-input").getAttribute("aria-expanded") === "false" && !document.querySelector("#palette-input").hasAttribute("aria-activedescendant")`)
	b.accessible("the palette with nothing")
	b.keys(keyEnter)
	b.at("/orders")
	b.until("have the list look for it", fmt.Sprintf(`new URLSearchParams(location.search).get("q") === %q`, number+"xyzzy"))
}

func TestALostAnswerIsToldAsOne(t *testing.T) {
	o := furnished(t, shopifyToOdoo)
	b := newBrowser(t, o.base, 1360, 900)
	o.signIn(b, adminName)
	lose := func() {
		b.do("lose every answer", script(`window.fetch = () => Promise.reject(new TypeError("lost"))`))
	}
	b.open("/connections/shopify/edit")
	lose()
	b.press("Save")
	b.until("be told", `document.querySelector("#toast")?.textContent === "No answer from Orderly: look whether it was saved"`)
	b.open("/flows/" + o.flow() + "/edit")
	lose()
	b.enter("triggers.schedule", "5m")
	b.until("be told", `document.querySelector("#toast")?.textContent.includes("this is not what you typed last")`)
	b.until("see the preview at rest", `!document.querySelector("#flow-preview").hasAttribute("aria-busy")`)
}
