// Package config is the file orderly.yaml: connections and flows as code. It reads a file and says
// everything that is wrong with it, with line, column and what to write instead; describes the file
// as a JSON Schema; compares it with what the store holds, applies the difference, and writes what
// the store holds as a file again.
//
// The package knows systems by their definitions alone, and makes no call to any of them.
package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/secret"
)

// File is an orderly.yaml without mistakes.
type File struct {
	Name        string
	PublicURL   string       // as written; "" where there is none
	Connections []Connection // by name
	Flows       []Flow       // by name
	// Warnings are what may well be meant, and may well be a mistake.
	Warnings []Problem

	systems map[string]connector.Definition
	root    *node
}

// Connection is an account of a system as the file has it.
type Connection struct {
	Name     string
	System   string
	Settings map[string]string // references such as ${env:NAME} are not replaced
}

// Flow is a flow as the file has it, with defaults where it says nothing.
type Flow struct {
	Name   string
	From   string
	To     string
	Config flow.Config
}

// Keys of the file that are not settings of a system or fields of a flow.Config.
const (
	keyPublicURL   = "public_url"
	keyConnections = "connections"
	keyFlows       = "flows"
	keySystem      = "system"
	keyFrom        = "from"
	keyTo          = "to"
)

// keyName is the path of what a connection or flow is called, where it is entered.
const keyName = "name"

// Names are short because they stand in addresses, logs and the keys of documents; a connection's
// has no "-", so that such a key can be taken apart.
const (
	connectionPattern = `^[a-z][a-z0-9_]{0,19}$`
	flowPattern       = `^[a-z][a-z0-9-]{0,59}$`
)

var (
	connectionName = regexp.MustCompile(connectionPattern)
	flowName       = regexp.MustCompile(flowPattern)
)

// reservedName is what a page of the dashboard has in place of a name.
const reservedName = "new"

// wrongConnectionName says what a connection should be called instead; "" when the name will do.
func wrongConnectionName(name string) string {
	if connectionName.MatchString(name) && name != reservedName {
		return ""
	}
	return "begin with a letter from a to z and go on with those, digits and _, at most 20 in all, such as shop"
}

// wrongFlowName says what a flow should be called instead; "" when the name will do.
func wrongFlowName(name string) string {
	if flowName.MatchString(name) && name != reservedName {
		return ""
	}
	return "begin with a letter from a to z and go on with those, digits and -, at most 60 in all, such as shop-to-erp"
}

// Parse reads a file and checks it against the systems that there are. The error is an *Error with
// everything that is wrong. References are not looked up: Resolve does.
func Parse(name string, data []byte, registry []connector.Definition) (*File, error) {
	r := &report{}
	p := &fileParser{report: r, file: &File{Name: name, systems: map[string]connector.Definition{}}}
	for _, d := range registry {
		p.file.systems[d.Name] = d
	}
	if root := parseYAML(data, r); root != nil {
		p.parse(root)
	} else if len(r.problems) == 0 {
		r.fail(nil, "", "write connections: and flows:, see docs/settings.md", "the file is empty")
	}
	if err := r.err(name); err != nil {
		return nil, err
	}
	p.file.Warnings = sorted(r.warnings)
	return p.file, nil
}

// fileParser fills a File.
type fileParser struct {
	report *report
	file   *File
}

func (p *fileParser) parse(root *node) {
	p.file.root = root
	if !p.isTable(root, "", "connections: and flows:") {
		return
	}
	known := []string{keyPublicURL, keyConnections, keyFlows}
	for _, e := range root.table {
		switch e.key.text {
		case keyPublicURL:
			p.publicURL(e.value)
		case keyConnections:
			p.connections(e.value)
		case keyFlows:
		default:
			p.report.fail(e.key, e.key.text, meant(e.key.text, known), "is no part of this file")
		}
	}
	// Flows last, whatever the order in the file: they need the connections.
	if flows := root.get(keyFlows); flows != nil {
		p.flows(flows)
	}
}

// isTable says whether a node is a table, and fails otherwise; example is what to write.
func (p *fileParser) isTable(n *node, path, example string) bool {
	if n.form == formTable || n.form == formBroken {
		return n.form == formTable
	}
	p.report.fail(n, path, "write "+example+" indented below it", "must be a table, not %s", n.form)
	return false
}

// scalar gives the text of a value, and fails otherwise.
func (p *fileParser) scalar(n *node, path, example string) (string, bool) {
	if n.form == formText {
		return n.text, true
	}
	switch n.form {
	case formBroken:
	case formNull:
		p.report.fail(n, path, "write one, such as "+example+", or leave the line out", "has no value")
	default:
		p.report.fail(n, path, "write one value, such as "+example, "must be a value, not %s", n.form)
	}
	return "", false
}

const publicURLExample = "https://orderly.example.com"

func (p *fileParser) publicURL(n *node) {
	text, ok := p.scalar(n, keyPublicURL, publicURLExample)
	if !ok {
		return
	}
	if !secret.HasReference(text) {
		clean, err := checkPublicURL(text)
		if err != nil {
			p.report.fail(n, keyPublicURL, "write an address such as "+publicURLExample, "%v", err)
			return
		}
		text = clean
	}
	p.file.PublicURL = text
}

// checkPublicURL gives the address under which vendors reach Orderly, without a slash at its end.
func checkPublicURL(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "":
		return "", fmt.Errorf("is no address that begins with https:// or http:// and a host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("must have no credentials and nothing after a ? or #")
	}
	return strings.TrimRight(text, "/"), nil
}

func (p *fileParser) flows(n *node) {
	if !p.isTable(n, keyFlows, "a name for each flow") {
		return
	}
	for _, e := range n.table {
		path := join(keyFlows, e.key.text)
		if fix := wrongFlowName(e.key.text); fix != "" {
			p.report.fail(e.key, path, fix, "is no name for a flow")
			continue
		}
		if p.isTable(e.value, path, "from: and to:") {
			p.flow(e.key, e.value, path)
		}
	}
	slices.SortFunc(p.file.Flows, func(a, b Flow) int { return strings.Compare(a.Name, b.Name) })
	p.checkLoops(n)
}

func (p *fileParser) flow(name, n *node, path string) {
	f := Flow{Name: name.text, Config: flow.NewConfig()}
	f.From = p.end(name, n, path, keyFrom, connector.Source)
	f.To = p.end(name, n, path, keyTo, connector.Destination)
	if f.From != "" && f.From == f.To {
		p.report.fail(n.get(keyTo), join(path, keyTo), "name another connection", "the flow goes from %s to itself", f.From)
	}
	before := len(p.report.problems)
	d := decoder{report: p.report, beside: []string{keyFrom, keyTo}}
	d.decode(n, path, &f.Config)
	if len(p.report.problems) == before {
		for _, problem := range f.Config.Check() {
			p.report.fail(n.find(problem.Path), join(path, problem.Path), "", "%s", problem.Message)
		}
	}
	p.file.Flows = append(p.file.Flows, f)
}

// end reads the connection at one end of a flow; "" when it is none.
func (p *fileParser) end(name, n *node, path, key string, role connector.Role) string {
	path = join(path, key)
	var names []string
	for _, c := range p.file.Connections {
		names = append(names, c.Name)
	}
	v := n.get(key)
	if v == nil {
		p.report.fail(name, path, "write the name of a connection; "+meant("", names), "is missing")
		return ""
	}
	text, ok := p.scalar(v, path, "shop")
	if !ok {
		return ""
	}
	i := slices.IndexFunc(p.file.Connections, func(c Connection) bool { return c.Name == text })
	if i < 0 {
		// A connection with mistakes of its own is not told twice.
		if p.file.root.get(keyConnections).get(text) == nil {
			p.report.fail(v, path, meant(text, names), "there is no connection %s", shown(text))
		}
		return ""
	}
	system, ok := p.file.systems[p.file.Connections[i].System]
	if ok && system.Roles&role == 0 {
		p.report.fail(v, path, "name a connection of "+p.file.systemsOf(role), "%s is a connection of %s, which can be no %s", text, system.Title, roleName(role))
		return ""
	}
	return text
}

func roleName(role connector.Role) string {
	if role == connector.Source {
		return "source"
	}
	return "destination"
}

// systemsOf names the systems that can have a role.
func (f *File) systemsOf(role connector.Role) string {
	var titles []string
	for _, d := range f.systems {
		if d.Roles&role != 0 {
			titles = append(titles, d.Title)
		}
	}
	if len(titles) == 0 {
		return "another system"
	}
	slices.Sort(titles)
	return strings.Join(titles, ", ")
}
