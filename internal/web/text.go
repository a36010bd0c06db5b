package web

import (
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/money"
)

// liveAddress is where a page that stays up to date listens; "" for others.
func liveAddress(p page) string {
	if p.Live {
		return livePath
	}
	return ""
}

// chosenLook gives the present value of a choice of the menu.
func chosenLook(v *visit, name string) string {
	switch name {
	case "theme":
		return v.theme
	case "keys":
		return v.keys
	}
	return v.clock
}

// clockText is a time as text, for readers without a script; the script keeps it current.
func clockText(v *visit, at time.Time, zone string) string {
	switch v.clock {
	case "local":
		if location, err := time.LoadLocation(zone); err == nil && zone != "" {
			return at.In(location).Format("2 Jan 2006, 15:04:05")
		}
		return at.UTC().Format("2006-01-02 15:04:05") + " UTC"
	case "utc":
		return at.UTC().Format("2006-01-02 15:04:05") + " UTC"
	}
	return ago(v.now.Sub(at))
}

// ago says how long something was before now, or will be after.
func ago(d time.Duration) string {
	switch {
	case d < -5*time.Second:
		return "in " + span(-d)
	case d < 5*time.Second:
		return "now"
	}
	return span(d) + " ago"
}

// span is a length of time in its largest unit, as a person says it.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d.Round(time.Second)/time.Second)) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	case d < 48*time.Hour:
		hours, minutes := int(d/time.Hour), int(d%time.Hour/time.Minute)
		if hours < 10 && minutes > 0 {
			return strconv.Itoa(hours) + "h " + strconv.Itoa(minutes) + "m"
		}
		return strconv.Itoa(hours) + "h"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + "d"
}

// brief is a short length of time with its fractions: of a lag or a request.
func brief(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	return span(d)
}

// whole writes a number with its thousands apart.
func whole[N int | int64](n N) string { return group(strconv.FormatInt(int64(n), 10)) }

// grouped writes a decimal with its thousands apart and at least two places.
func grouped(value string) string {
	units, places, _ := strings.Cut(value, ".")
	for len(places) < 2 {
		places += "0"
	}
	return group(units) + "." + places
}

// amountText writes an amount with its thousands apart and the decimals of its currency, or more where
// it has more.
func amountText(value, currency string) string {
	units, places, _ := strings.Cut(value, ".")
	for len(places) < int(money.Currency(currency).Exponent()) {
		places += "0"
	}
	if places == "" {
		return group(units)
	}
	return group(units) + "." + places
}

func group(digits string) string {
	sign := ""
	if rest, found := strings.CutPrefix(digits, "-"); found {
		sign, digits = "−", rest
	}
	var out strings.Builder
	for i, r := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out.WriteRune('\u2009') // a thin space: no reader takes it for a decimal point
		}
		out.WriteRune(r)
	}
	return sign + out.String()
}

// plural puts a noun in its number.
func plural[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return whole(n) + " " + many
}

// short cuts a text for a cell.
func short(text string, limit int) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}

// toneWord says a tone in a word, for who does not see its colour.
func toneWord(t desk.Tone) string {
	switch t {
	case desk.Good:
		return "fine"
	case desk.Warn:
		return "look"
	case desk.Bad:
		return "down"
	}
	return "unknown"
}

// hooksText says how a connection's webhook subscriptions stand.
func hooksText(h desk.ConnectionHealth) string {
	if h.Report == nil || len(h.Report.Webhooks) == 0 {
		return "–"
	}
	active := 0
	for _, s := range h.Report.Webhooks {
		if s.State == connector.SubscriptionActive {
			active++
		}
	}
	return whole(active) + " of " + whole(len(h.Report.Webhooks)) + " active"
}

// agentName says which browser a session is of, as far as its own words tell.
func agentName(agent string) string {
	system := "unknown system"
	for _, s := range []struct{ mark, name string }{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
	} {
		if strings.Contains(agent, s.mark) {
			system = s.name
			break
		}
	}
	for _, b := range []struct{ mark, name string }{{"Edg/", "Edge"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}} {
		if strings.Contains(agent, b.mark) {
			return b.name + " on " + system
		}
	}
	return short(agent, 40)
}
