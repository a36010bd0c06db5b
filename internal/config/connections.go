package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
	"github.com/orderlyhq/orderly/internal/secret"
)

func (p *fileParser) connections(n *node) {
	if !p.isTable(n, keyConnections, "a name for each connection") {
		return
	}
	for _, e := range n.table {
		path := join(keyConnections, e.key.text)
		if fix := wrongConnectionName(e.key.text); fix != "" {
			p.report.fail(e.key, path, fix, "is no name for a connection")
			continue
		}
		if p.isTable(e.value, path, "system: and its settings") {
			p.connection(e.key, e.value, path)
		}
	}
	slices.SortFunc(p.file.Connections, func(a, b Connection) int { return strings.Compare(a.Name, b.Name) })
}

func (p *fileParser) connection(name, n *node, path string) {
	c := Connection{Name: name.text, Settings: map[string]string{}}
	systems := slices.Collect(maps.Keys(p.file.systems))
	v := n.get(keySystem)
	if v == nil {
		p.report.fail(name, join(path, keySystem), "write one of "+strings.Join(slices.Sorted(slices.Values(systems)), ", "), "is missing")
		return
	}
	text, ok := p.scalar(v, join(path, keySystem), "shopify")
	if !ok {
		return
	}
	definition, ok := p.file.systems[text]
	if !ok {
		p.report.fail(v, join(path, keySystem), meant(text, systems), "there is no system %s", shown(text))
		return
	}
	c.System = text

	settings := settingsOf(definition)
	before := len(p.report.problems)
	for _, e := range n.table {
		if e.key.text != keySystem {
			p.setting(e, join(path, e.key.text), &c, definition, settings)
		}
	}
	// A setting with a problem already, or one that is only misspelled, is not told to be missing.
	told := map[string]bool{}
	for _, problem := range p.report.problems[before:] {
		key := strings.TrimPrefix(problem.Path, path+".")
		told[key], told[connector.Nearest(key, namesOf(settings))] = true, true
	}
	for _, problem := range checkSettings(definition, c.Settings) {
		at := n.keyNode(problem.Setting)
		if told[problem.Setting] || (at != nil && n.get(problem.Setting).form == formBroken) {
			continue
		}
		if at == nil {
			at = name
		}
		told[problem.Setting] = true
		p.report.fail(at, join(path, problem.Setting), "", "%s", problem.Message)
	}
	for _, s := range settings {
		if !told[s.Name] && hasPassword(c.Settings[s.Name]) {
			p.report.fail(n.keyNode(s.Name), join(path, s.Name), fmt.Sprintf("write ${env:%s} and set that variable of the environment", variable(c.Name, s.Name)),
				"has a password in it, which must not stand in the file itself")
		}
	}
	p.file.Connections = append(p.file.Connections, c)
}

// settingsOf gives all settings of a connection of a system, with their defaults: those that every
// connection has, and the connector's own.
func settingsOf(d connector.Definition) []connector.Setting {
	return append(httpx.NewSettings(d.Traits).Settings(), d.New().Settings()...)
}

// hasPassword says whether a value is an address with credentials in it.
func hasPassword(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.User != nil
}

func namesOf(settings []connector.Setting) []string {
	names := make([]string, len(settings))
	for i, s := range settings {
		names[i] = s.Name
	}
	return names
}

// setting reads one setting of a connection.
func (p *fileParser) setting(e entry, path string, c *Connection, d connector.Definition, settings []connector.Setting) {
	i := slices.IndexFunc(settings, func(s connector.Setting) bool { return s.Name == e.key.text })
	if i < 0 {
		p.report.fail(e.key, path, meant(e.key.text, append(namesOf(settings), keySystem)), "is no setting of %s", d.Title)
		return
	}
	s, n := settings[i], e.value
	text := n.text
	switch {
	case n.form == formList && s.Type == connector.TypeList:
		var items []string
		for j, item := range n.list {
			part, ok := p.scalar(item, fmt.Sprintf("%s[%d]", path, j), exampleOf(s))
			if !ok {
				return
			}
			if strings.Contains(part, ",") {
				p.report.fail(item, fmt.Sprintf("%s[%d]", path, j), "make it two", "%s has a comma in it", shown(part))
				return
			}
			items = append(items, part)
		}
		text = strings.Join(items, ",")
	case n.form != formText:
		p.scalar(n, path, exampleOf(s))
		return
	}
	if s.Secret && text != "" && !secret.OnlyReferences(text) {
		p.report.fail(e.key, path, fmt.Sprintf("write ${env:%s} and set that variable of the environment, or ${file:PATH}", variable(c.Name, s.Name)),
			"is a secret, which must not stand in the file itself")
		return
	}
	if err := checkReferences(text); err != nil {
		p.report.fail(n, path, "", "%v", err)
		return
	}
	c.Settings[s.Name] = text
}

// checkReferences fails on references that are none, without looking anything up.
func checkReferences(text string) error {
	empty := secret.Resolver{LookupEnv: func(string) (string, bool) { return "x", true }}
	if secret.HasReference(text) {
		return nil // all of them could be read
	}
	_, err := empty.Resolve(text)
	return err
}

// variable is the name of an environment variable for a setting: SHOP_ACCESS_TOKEN.
func variable(connection, setting string) string {
	return strings.ToUpper(connection + "_" + setting)
}

func exampleOf(s connector.Setting) string {
	switch {
	case s.Secret:
		return "${env:" + strings.ToUpper(s.Name) + "}"
	case s.Example != "":
		return s.Example
	case len(s.Allowed) > 0:
		return s.Allowed[0]
	case s.Value() != "":
		return s.Value()
	case s.Type == connector.TypeBool:
		return "true"
	}
	return "text"
}

// checkSettings gives what is wrong with a connection's values. Those with references are not
// judged: they have to be replaced first.
func checkSettings(d connector.Definition, values map[string]string) []*connector.SettingError {
	plain, referring := map[string]string{}, map[string]bool{}
	var resolver secret.Resolver
	for name, text := range values {
		if secret.HasReference(text) {
			referring[name] = true
			continue
		}
		if unescaped, err := resolver.Resolve(text); err == nil {
			text = unescaped
		}
		plain[name] = text
	}
	return slices.DeleteFunc(bind(d, plain), func(e *connector.SettingError) bool { return referring[e.Setting] })
}

// bind gives what is wrong with values that have no references any more.
func bind(d connector.Definition, values map[string]string) []*connector.SettingError {
	_, own, problems := httpx.BindSettings(d.Traits, values)
	return append(problems, connector.Bind(d.New().Settings(), own)...)
}
