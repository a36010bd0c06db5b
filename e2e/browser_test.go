package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// browser is a page of a headless Chromium with a profile of its own. Each step fails the test when it
// cannot be done in time, and says which it was.
type browser struct {
	t    testing.TB
	ctx  context.Context //nolint:containedctx // chromedp keeps the page in it
	base string          // address of the server
	// heard counts the requests that were heard of: without any, the check of where they go proves nothing.
	heard atomic.Int64
}

// stepTime bounds a step of a story: what is loaded, found or waited for in it.
const stepTime = 20 * time.Second

// chromium gives the path of the browser, or skips the test: make test installs it on Debian.
func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("Chromium is not installed; scripts/test-setup.sh should have done that")
	}
	t.Skip("LEFT OUT: Chromium is not installed")
	return ""
}

// newBrowser opens a browser of a size, in CSS pixels, that reaches nothing but the server.
func newBrowser(t testing.TB, base string, width, height int64) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(int(width), int(height)),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"), chromedp.Flag("force-color-profile", "srgb"),
	)
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	b := &browser{t: t, base: base}
	ctx, closePage := chromedp.NewContext(allocated, chromedp.WithListener(b.hear))
	t.Cleanup(func() {
		if b.heard.Load() == 0 {
			t.Error("no request of a page was heard of")
		}
		closePage()
		stop()
	})
	b.ctx = ctx
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, height)); err != nil { // starts the browser, for as long as ctx
		t.Fatal(err)
	}
	return b
}

// hear fails the test when a page's script fails, or when a page asks anybody but its own server for
// something.
func (b *browser) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.t.Errorf("the page's script failed: %+v", e.ExceptionDetails)
	case *network.EventRequestWillBeSent:
		b.heard.Add(1)
		address := e.Request.URL
		if !strings.HasPrefix(address, b.base+"/") && !strings.HasPrefix(address, "data:") && !strings.HasPrefix(address, "about:") {
			b.t.Errorf("a page asks for %s, which is not its own server's", address)
		}
	}
}

// do takes one step.
func (b *browser) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTime)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v\n%s", what, err, b.where())
	}
}

// where says what the page shows, for the message of a test that failed.
func (b *browser) where() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText.slice(0, 3000)`))
	if err != nil {
		return "the page does not answer"
	}
	return "at " + text
}

// open goes to a page of the server.
func (b *browser) open(path string) {
	b.t.Helper()
	address := path
	if !strings.HasPrefix(path, "http") {
		address = b.base + path
	}
	b.do("open "+path, chromedp.Navigate(address), chromedp.WaitReady("body"))
}

// click clicks what a selector finds first and is visible.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.do("click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// press clicks the first button, link or label with a text that is visible, as a mouse does.
func (b *browser) press(text string) {
	b.t.Helper()
	b.until("see the button "+text, fmt.Sprintf(`(() => {
		for (const old of document.querySelectorAll("[data-pressed]")) old.removeAttribute("data-pressed");
		const open = document.querySelector("dialog[open]") || document;
		const found = [...open.querySelectorAll("button, a, summary, label")].find((e) => e.checkVisibility() && e.textContent.replace(/\s+/g, " ").includes(%q));
		found?.setAttribute("data-pressed", "");
		return found !== undefined;
	})()`, text))
	b.do("press "+text, chromedp.Click(chromedp.CSS("[data-pressed]"), chromedp.NodeVisible))
}

// fill replaces what stands in a field.
func (b *browser) fill(selector, text string) {
	b.t.Helper()
	b.do("fill "+selector, chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.Focus(chromedp.CSS(selector)),
		script(fmt.Sprintf(`document.querySelector(%q).value = ""`, selector)), chromedp.SendKeys(chromedp.CSS(selector), text),
		chromedp.Blur(chromedp.CSS(selector))) // so that a list of suggestions lies over nothing
}

// choose takes an option of a select by its value.
func (b *browser) choose(selector, value string) {
	b.t.Helper()
	b.do("choose "+value, chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.SetValue(chromedp.CSS(selector), value),
		script(fmt.Sprintf(`document.querySelector(%q).dispatchEvent(new Event("change", {bubbles: true}))`, selector)))
}

// script runs statements in the page.
func script(text string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Evaluate[any]("void ("+text+")")(ctx, t)
		return chromedp.Void{}, err
	}
}

// evaluate gives the value of an expression of the page.
func evaluate[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTime)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("evaluate %.200s: %.1000s\n%s", expression, err, b.where())
	}
	return value
}

// enter puts a value into the field with a name, whatever sort of field it is; a field that is folded away
// is unfolded.
func (b *browser) enter(name, value string) {
	b.t.Helper()
	b.until("find the field "+name, fmt.Sprintf(`(() => {
		const field = document.getElementsByName(%[1]q)[0];
		if (!field) return false;
		for (let box = field.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
		if (field.type === "checkbox") field.checked = %[2]q === "true";
		else field.value = %[2]q;
		field.dispatchEvent(new Event("input", {bubbles: true}));
		field.dispatchEvent(new Event("change", {bubbles: true}));
		return true;
	})()`, name, value))
}

// keys presses keys one after another, wherever the focus is.
func (b *browser) keys(keys ...string) {
	b.t.Helper()
	b.until("hear keys", `document.documentElement.dataset.script === "on"`)
	for _, key := range keys {
		b.do("press the key "+key, chromedp.KeyEvent(key))
	}
}

// Keys by name.
const (
	keyEnter  = kb.Enter
	keyTab    = kb.Tab
	keyEscape = kb.Escape
)

// sees waits until the page shows a text.
func (b *browser) sees(text string) {
	b.t.Helper()
	b.until("see "+text, fmt.Sprintf(`document.body.innerText.toLowerCase().includes(%q)`, strings.ToLower(text)))
}

// until waits until an expression of the page is true, also across pages. It asks from outside, because
// the pages' content policy keeps scripts from making code of text.
func (b *browser) until(what, expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTime)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		// An error is a page on its way to the next one.
		if yes, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression)); err == nil && yes {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.t.Fatalf("%s: it did not happen within %s\n%s", what, stepTime, b.where())
		}
	}
}

// gone waits until the page does not show a text any more.
func (b *browser) gone(text string) {
	b.t.Helper()
	b.until("not see "+text, fmt.Sprintf(`!document.body.innerText.toLowerCase().includes(%q)`, strings.ToLower(text)))
}

// at waits until the address of the page has a path.
func (b *browser) at(path string) {
	b.t.Helper()
	b.until("come to "+path, fmt.Sprintf(`location.pathname === %q`, path))
}

// has says whether the page has what a selector finds.
func (b *browser) has(selector string) bool {
	b.t.Helper()
	return evaluate[bool](b, fmt.Sprintf(`document.querySelector(%q) !== null`, selector))
}

// axePath gives the script of axe-core that the set-up of the tests brought, or "".
func axePath() string {
	found, err := filepath.Glob("../bin/axe-core-*.js")
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}

// accessible checks the present page with axe-core and fails on every serious fault.
func (b *browser) accessible(screen string) {
	b.t.Helper()
	path := axePath()
	if path == "" {
		if os.Getenv("CI") != "" {
			b.t.Fatal("axe-core is missing; scripts/axe.sh should have brought it")
		}
		b.t.Log("LEFT OUT: the accessibility of " + screen + ": axe-core is missing")
		return
	}
	axe, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	// From outside, because the pages' content policy lets no script in.
	answer := evaluate[string](b, string(axe)+`;
		axe.run(document, {resultTypes: ["violations"]}).then((r) => JSON.stringify(r.violations.map(
			(v) => ({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map((n) => n.html + "  " + (n.any[0] || n.all[0] || n.none[0] || {}).message)}))))`)
	var faults []struct {
		ID, Impact, Help string
		Nodes            []string
	}
	if err := json.Unmarshal([]byte(answer), &faults); err != nil {
		b.t.Fatal(err)
	}
	for _, f := range faults {
		text := fmt.Sprintf("%s: %s (%s, %s)\n  %s", screen, f.Help, f.ID, f.Impact, strings.Join(f.Nodes, "\n  "))
		if f.Impact == "serious" || f.Impact == "critical" {
			b.t.Error(text)
		} else {
			b.t.Log(text)
		}
	}
}

// screenshot writes a picture of the page as it is visible.
func (b *browser) screenshot(path string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTime)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
