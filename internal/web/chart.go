package web

import (
	"fmt"
	"strconv"
	"strings"
)

// A chart is drawn by the server, in a box of its own units that the browser stretches.
const (
	chartWidth, chartHeight = 640.0, 180.0
	chartLeft, chartRight   = 34.0, 6.0
	chartTop, chartBottom   = 8.0, 22.0
)

// line is a row of values over equal steps.
type line struct {
	name   string
	class  string // a or b: its colour
	values []int64
}

// chart is one or more lines over the same steps.
type chart struct {
	title  string
	lines  []line
	labels []string // of the steps; "" where none is written
}

func (c chart) steps() int { return len(c.labels) }

// top is the end of the scale: a round number above every value.
func (c chart) top() int64 {
	var most int64 = 1
	for _, l := range c.lines {
		for _, v := range l.values {
			most = max(most, v)
		}
	}
	for scale := int64(1); ; scale *= 10 {
		for _, step := range []int64{1, 2, 4, 5, 10} {
			if step*scale >= most {
				return step * scale
			}
		}
	}
}

func (c chart) x(step int) float64 {
	return chartLeft + (chartWidth-chartLeft-chartRight)*float64(step)/float64(max(c.steps()-1, 1))
}

func (c chart) y(value int64) float64 {
	return chartTop + (chartHeight-chartTop-chartBottom)*(1-float64(value)/float64(c.top()))
}

// path draws a line; closed down to the axis it is the area below it.
func (c chart) path(l line, closed bool) string {
	var b strings.Builder
	for i, v := range l.values {
		letter := "L"
		if i == 0 {
			letter = "M"
		}
		fmt.Fprintf(&b, "%s%.1f %.1f", letter, c.x(i), c.y(v))
	}
	if closed && len(l.values) > 0 {
		fmt.Fprintf(&b, "L%.1f %.1fL%.1f %.1fZ", c.x(len(l.values)-1), c.y(0), c.x(0), c.y(0))
	}
	return b.String()
}

// text is what a chart says, for who does not see it.
func (c chart) text() string {
	var parts []string
	for _, l := range c.lines {
		var sum, most int64
		for _, v := range l.values {
			sum, most = sum+v, max(most, v)
		}
		parts = append(parts, fmt.Sprintf("%s: %s in all, %s at most in one step", l.name, whole(sum), whole(most)))
	}
	return c.title + ". " + strings.Join(parts, "; ") + "."
}

// part is a share of a bar.
type part struct {
	name  string
	class string
	value int64
}

// placed is a share with its place in a bar 1000 wide.
type placed struct {
	part
	from, width float64
}

// place puts shares one after another; the small ones stay visible.
func place(parts []part) []placed {
	var sum float64
	for _, p := range parts {
		sum += float64(p.value)
	}
	var out []placed
	at := 0.0
	for _, p := range parts {
		if p.value == 0 {
			continue
		}
		width := max(float64(p.value)/sum*1000, 4)
		out = append(out, placed{part: p, from: at, width: width})
		at += width
	}
	for i := range out { // what the small ones took is given back by all
		out[i].from, out[i].width = out[i].from*1000/at, out[i].width*1000/at
	}
	return out
}

func coord(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }
