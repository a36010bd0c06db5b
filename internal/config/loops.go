package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
)

// loop is flows that would carry a record round in a circle, or that do the same.
type loop struct {
	flow         string // that completes it
	message, fix string
	warning      bool // it may be meant
}

// checkLoops tells the loops of a file.
func (p *fileParser) checkLoops(n *node) {
	for _, l := range loopsOf(p.file.Flows) {
		tell := p.report.fail
		if l.warning {
			tell = p.report.warn
		}
		tell(n.get(l.flow), join(keyFlows, l.flow), l.fix, "%s", l.message)
	}
}

// loopsOf finds the loops among flows, which are in the order of their names.
func loopsOf(flows []Flow) []loop {
	var loops []loop
	for i, f := range flows {
		for _, other := range flows[:i] {
			if f.From == "" || f.From != other.From || f.To != other.To || !overlap(f.Config.Records, other.Config.Records) {
				continue
			}
			switch {
			case f.Config.Filter == other.Config.Filter:
				loops = append(loops, loop{
					flow: f.Name, fix: "remove one of them, or give them filters that let different orders through",
					message: fmt.Sprintf("the flows %s and %s carry the same from %s to %s", other.Name, f.Name, f.From, f.To),
				})
			case (f.Config.Filter == "" || other.Config.Filter == "") && carries(f, commerce.KindOrder) && carries(other, commerce.KindOrder):
				all, some := f, other
				if all.Config.Filter != "" {
					all, some = other, f
				}
				loops = append(loops, loop{
					flow: all.Name, warning: true, fix: "give it a filter that leaves those orders out",
					message: fmt.Sprintf("the flow %s has no filter, so it carries the orders of the flow %s as well; the first of them that makes an order's document keeps it", all.Name, some.Name),
				})
			}
		}
	}
	for _, kind := range []commerce.Kind{commerce.KindOrder, commerce.KindCustomer} {
		circle := circleOf(flows, kind)
		if circle == nil {
			continue
		}
		way := strings.Join(circle, ", ")
		l := loop{flow: circle[len(circle)-1]}
		if kind == commerce.KindOrder {
			l.message, l.fix = "the flows "+way+" carry orders round in a circle, each making new ones", "remove one of them, or take order out of its records"
		} else {
			l.message, l.warning = "the flows "+way+" carry customers round in a circle", true
			l.fix = "leave it so only if one of the systems is meant to follow the other's changes"
		}
		loops = append(loops, l)
	}
	return loops
}

func carries(f Flow, kind commerce.Kind) bool { return slices.Contains(f.Config.Records, kind) }

func overlap(a, b []commerce.Kind) bool {
	return slices.ContainsFunc(a, func(k commerce.Kind) bool { return slices.Contains(b, k) })
}

// circleOf gives the names of flows that lead from a connection back to it, or nil.
func circleOf(flows []Flow, kind commerce.Kind) []string {
	done := map[string]bool{}
	var way []Flow
	var visit func(connection string) []string
	visit = func(connection string) []string {
		if i := slices.IndexFunc(way, func(f Flow) bool { return f.From == connection }); i >= 0 {
			var names []string
			for _, f := range way[i:] {
				names = append(names, f.Name)
			}
			return names
		}
		if done[connection] {
			return nil
		}
		for _, f := range flows {
			if f.From == "" || f.To == "" || f.From == f.To || f.From != connection || !carries(f, kind) {
				continue
			}
			way = append(way, f)
			if circle := visit(f.To); circle != nil {
				return circle
			}
			way = way[:len(way)-1]
		}
		done[connection] = true
		return nil
	}
	for _, f := range flows {
		if circle := visit(f.From); circle != nil {
			return circle
		}
	}
	return nil
}
