package config

import (
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
)

// checkLoops finds flows that would carry a record round in a circle, and flows that do the same.
func (p *fileParser) checkLoops(n *node) {
	flows := p.file.Flows
	for i, f := range flows {
		path, at := join(keyFlows, f.Name), n.get(f.Name)
		for _, other := range flows[:i] {
			if f.From != "" && f.From == other.From && f.To == other.To && f.Config.Filter == other.Config.Filter && overlap(f.Config.Records, other.Config.Records) {
				p.report.fail(at, path, "remove one of them, or give them filters that let different orders through", "carries the same from %s to %s as the flow %s", f.From, f.To, other.Name)
			}
		}
	}
	for _, kind := range []commerce.Kind{commerce.KindOrder, commerce.KindCustomer} {
		circle := circleOf(flows, kind)
		if circle == nil {
			continue
		}
		last := circle[len(circle)-1]
		path, at := join(keyFlows, last), n.get(last)
		way := strings.Join(circle, ", ")
		if kind == commerce.KindOrder {
			p.report.fail(at, path, "remove one of them, or take order out of its records", "the flows %s carry orders round in a circle, each making new ones", way)
		} else {
			p.report.warn(at, path, "leave it so only if one of the systems is meant to follow the other's changes", "the flows %s carry customers round in a circle", way)
		}
	}
}

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
			if f.From == "" || f.To == "" || f.From == f.To || f.From != connection || !slices.Contains(f.Config.Records, kind) {
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
