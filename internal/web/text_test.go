package web

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTextsOfNumbersAndTimes(t *testing.T) {
	for _, c := range []struct{ name, have, want string }{
		{"a small number", whole(7), "7"},
		{"thousands apart", whole(1234567), "1\u2009234\u2009567"},
		{"below zero", whole(-1234), "−1\u2009234"},
		{"an amount with two decimals", amountText("12.5", "EUR"), "12.50"},
		{"an amount without decimals", amountText("53333", "JPY"), "53\u2009333"},
		{"an amount with three decimals", amountText("28.635", "KWD"), "28.635"},
		{"an amount with more than its currency has", amountText("0.125", "EUR"), "0.125"},
		{"an amount in no currency", amountText("3", ""), "3.00"},
		{"a moment ago", ago(2 * time.Second), "now"},
		{"minutes ago", ago(150 * time.Second), "2m ago"},
		{"in an hour", ago(-90 * time.Minute), "in 1h 30m"},
		{"days", span(72 * time.Hour), "3d"},
		{"a short while", brief(35 * time.Millisecond), "35 ms"},
		{"a longer while", brief(2500 * time.Millisecond), "2.5 s"},
		{"one of something", plural(1, "order", "orders"), "1 order"},
		{"several of something", plural(1200, "order", "orders"), "1\u2009200 orders"},
		{"what a timeline leaves out", olderText(30), "30 older events and deliveries are not shown."},
		{"a long text", short("a  b\nc d", 5), "a b …"},
	} {
		if c.have != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.have, c.want)
		}
	}
}

func TestAChartStaysInItsBox(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(0, 1_000_000), 1, 90).Draw(t, "values")
		c := chart{lines: []line{{values: values}}, labels: make([]string, len(values))}
		for i, v := range values {
			x, y := c.x(i), c.y(v)
			if x < 0 || x > chartWidth || y < 0 || y > chartHeight {
				t.Fatalf("value %d at step %d is drawn at %f, %f", v, i, x, y)
			}
		}
	})
}

func TestSharesFillTheBar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var parts []part
		var sum int64
		for _, v := range rapid.SliceOfN(rapid.Int64Range(0, 1_000_000_000), 1, 6).Draw(t, "values") {
			parts = append(parts, part{value: v})
			sum += v
		}
		if sum == 0 {
			return
		}
		end := 0.0
		for _, p := range place(parts) {
			if p.from < end-0.001 || p.width <= 0 {
				t.Fatalf("share %+v after %f", p, end)
			}
			end = p.from + p.width
		}
		if end < 999.9 || end > 1000.1 {
			t.Fatalf("the bar ends at %f", end)
		}
	})
}

func TestWhatIsTypedIsText(t *testing.T) {
	for have, want := range map[string]string{"  a b ": "a b", "a\x00b": "ab", "a\xffb": "a\uFFFDb", "\u200bé": "\u200bé"} {
		if got := clean(have); got != want {
			t.Errorf("%q becomes %q, want %q", have, got, want)
		}
	}
}
