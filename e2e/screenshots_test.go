package e2e

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var screenshotsTo = flag.String("screenshots", "", "folder to write pictures of every screen into")

// TestScreenshots takes pictures of every screen with realistic data: make screenshots.
func TestScreenshots(t *testing.T) {
	if *screenshotsTo == "" {
		t.Skip("pictures are taken by make screenshots")
	}
	if err := os.MkdirAll(*screenshotsTo, 0o755); err != nil {
		t.Fatal(err)
	}
	woo := flowSpec{from: "woocommerce", to: "sapb1", more: "    triggers: {webhook: true, schedule: 2s}\n"}
	o := furnished(t, shopifyToOdoo, woo)
	o.user("vera", "viewer")
	o.user("omar", "operator")
	// Some minutes of business, so that charts have something to show.
	for _, orders := range []int{4, 11, 7, 18, 9, 26, 14, 21, 8, 13} {
		o.make("shopify", orders, "&unknown=60")
		o.make("woocommerce", (orders+2)/3, "&unknown=30")
		pause(t, 20*time.Second)
	}
	for _, f := range []flowSpec{shopifyToOdoo, woo} {
		eventually(t, time.Minute, "the orders are settled", func() bool { return len(o.tasks(f.name())) >= 40 && o.settled(f.name()) })
	}
	b := newBrowser(t, o.base, 1360, 860)
	o.signIn(b, adminName)
	b.press("Run now")
	b.click(`input[name=what][value=all]`)
	b.press("Go on")
	b.click(`button[name=do][value=start]`)
	b.sees("done")
	run := evaluate[string](b, `location.pathname`)
	for _, screen := range []struct{ name, path string }{
		{"now", "/"}, {"orders", "/orders"}, {"order", "/orders/1"}, {"causes", "/causes"}, {"cause", "/causes/1"}, {"review", "/review"},
		{"maps", "/maps"}, {"mapping", "/mapping"}, {"connections", "/connections"}, {"connection", "/connections/shopify"}, {"connection-new", "/connections/new"},
		{"flows", "/flows"}, {"flow", "/flows/" + o.flow()}, {"run-now", "/sync"}, {"run", run}, {"audit", "/audit"}, {"people", "/people"},
		{"settings", "/settings"}, {"api", "/api"},
	} {
		for _, theme := range []string{"light", "dark"} {
			b.theme(theme)
			b.open(screen.path)
			b.until("the page is drawn", `document.readyState === "complete"`)
			b.screenshot(filepath.Join(*screenshotsTo, screen.name+"-"+theme+".png"))
		}
	}
}
