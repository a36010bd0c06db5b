package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	yaml "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a file. A configuration of a hundred connections is far below them, and a small file
// that aliases itself into a huge one is not.
const (
	maxBytes = 1 << 20
	maxNodes = 100_000
	maxDepth = 32
)

// form is what a node is.
type form string

const (
	formNull  form = "nothing"
	formText  form = "a value"
	formList  form = "a list"
	formTable form = "a table"
	// formBroken is what has been told to be wrong already.
	formBroken form = "something broken"
)

// node is a part of a YAML file with its place. Aliases and merges are replaced by what they stand
// for, at the place where they stand.
type node struct {
	form   form
	text   string // of a value, as it is written
	quoted bool   // the value is text for certain: in quotes or a block
	list   []*node
	table  []entry
	index  map[string]int // of keys in table
	line   int
	column int
}

type entry struct {
	key   *node
	value *node
}

// get gives the value under a key, or nil.
func (n *node) get(key string) *node {
	if n != nil {
		if i, ok := n.index[key]; ok {
			return n.table[i].value
		}
	}
	return nil
}

// keyNode gives the node of a key itself, or nil.
func (n *node) keyNode(key string) *node {
	if i, ok := n.index[key]; ok {
		return n.table[i].key
	}
	return nil
}

func (n *node) add(e entry) {
	n.index[e.key.text] = len(n.table)
	n.table = append(n.table, e)
}

// find gives the node at a path such as "mapping.items.A.1" or "records[1]", or the last one on the
// way that is there. Keys may have dots of their own.
func (n *node) find(path string) *node {
	at := n
	for path != "" {
		next, rest := at.step(path)
		if next == nil {
			break
		}
		at, path = next, rest
	}
	return at
}

// step goes one key into the node: the longest that the path begins with.
func (n *node) step(path string) (next *node, rest string) {
	longest := -1
	for _, e := range n.table {
		after, ok := strings.CutPrefix(path, e.key.text)
		if ok && len(e.key.text) > longest && (after == "" || after[0] == '.' || after[0] == '[') {
			longest, next, rest = len(e.key.text), e.value, strings.TrimPrefix(after, ".")
			if e.value.form == formNull {
				next = e.key
			}
		}
	}
	return next, rest
}

// parseYAML reads a file with one document. Its root is nil when the file has nothing in it.
func parseYAML(data []byte, r *report) *node {
	if len(data) > maxBytes {
		r.fail(nil, "", "", "the file has more than %d bytes", maxBytes)
		return nil
	}
	if !utf8.Valid(data) {
		r.fail(nil, "", "save it as UTF-8", "the file is no text in UTF-8")
		return nil
	}
	file := parseSafely(bytes.TrimPrefix(data, []byte("\ufeff")), r)
	if file == nil {
		return nil
	}
	c := &converter{report: r, anchors: map[string]ast.Node{}, open: map[string]bool{}}
	var root *node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		n := c.node(doc.Body, 0)
		if root != nil {
			r.fail(n, "", "put everything into one", "the file has more than one YAML document")
			return root
		}
		root = n
	}
	return root
}

// parseSafely gives nil when the bytes are no YAML. A panic of the parser is no reason to end.
func parseSafely(data []byte, r *report) (file *ast.File) {
	defer func() {
		if p := recover(); p != nil {
			r.fail(nil, "", "write it in simpler YAML", "the file cannot be read as YAML")
			file = nil
		}
	}()
	tokens := lexer.Tokenize(string(data))
	if at := tooDeep(tokens); at != nil {
		r.fail(at, "", "", "the file is nested more than %d deep", maxDepth)
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err == nil {
		return file
	}
	at := (*node)(nil)
	message := "cannot be read"
	if e, ok := errors.AsType[yaml.Error](err); ok {
		at, message = place(e.GetToken()), e.GetMessage()
	}
	r.fail(at, "", syntaxFix(message), "this is no YAML: %s", message)
	return nil
}

// maxIndent is the column where the first word of a line may stand at most.
const maxIndent = 200

// tooDeep finds where a file nests so deep that the parser, which calls itself for each level and
// keeps the path to it, would need memory by the square of the file's length.
func tooDeep(tokens token.Tokens) *node {
	brackets, line, inLine := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, inLine = t.Position.Line, 0
			if t.Position.Column > maxIndent && brackets == 0 && t.Type != token.CommentType {
				return place(t)
			}
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			inLine++
		case token.MappingValueType:
			if brackets == 0 {
				inLine++
			}
		}
		if brackets > maxDepth || inLine > maxDepth {
			return place(t)
		}
	}
	return nil
}

func syntaxFix(message string) string {
	switch {
	case strings.Contains(message, "tab character"):
		return "indent with spaces"
	case strings.Contains(message, "cannot start any token"):
		return "indent with spaces, and put a text that begins with a special character into quotes"
	case strings.Contains(message, "not allowed in this context"):
		return "check the indentation, and put a text that has \": \" in it into quotes"
	case strings.Contains(message, "end"):
		return "close it"
	}
	return ""
}

func place(t *token.Token) *node {
	if t == nil || t.Position == nil {
		return nil
	}
	return &node{line: max(t.Position.Line, 1), column: max(t.Position.Column, 1)}
}

// converter makes nodes of the parser's tree.
type converter struct {
	report  *report
	anchors map[string]ast.Node
	open    map[string]bool // anchors that are being expanded
	made    int
	full    bool
}

func (c *converter) node(from ast.Node, depth int) *node {
	n := &node{form: formBroken, line: 1, column: 1}
	if from == nil {
		n.form = formNull
		return n
	}
	if at := place(from.GetToken()); at != nil {
		n.line, n.column = at.line, at.column
	}
	if c.made++; c.made > maxNodes || depth > maxDepth {
		if !c.full {
			c.full = true
			c.report.fail(n, "", "", "the file has more than %d values or is nested more than %d deep, its aliases counted", maxNodes, maxDepth)
		}
		return n
	}
	switch v := from.(type) {
	case *ast.MappingNode:
		c.fillTable(n, v.Values, depth)
	case *ast.MappingValueNode:
		c.fillTable(n, []*ast.MappingValueNode{v}, depth)
	case *ast.SequenceNode:
		n.form = formList
		for _, item := range v.Values {
			n.list = append(n.list, c.node(item, depth+1))
		}
	case *ast.AnchorNode:
		if name := nameOf(v.Name); name != "" {
			c.anchors[name] = v.Value
		}
		return c.node(v.Value, depth)
	case *ast.AliasNode:
		return c.alias(n, nameOf(v.Value), depth)
	case *ast.LiteralNode:
		n.form, n.quoted = formText, true
		if v.Value != nil {
			n.text = v.Value.Value
		}
	case *ast.StringNode:
		n.form, n.text = formText, v.Value
		n.quoted = v.Token.Type == token.SingleQuoteType || v.Token.Type == token.DoubleQuoteType
	case *ast.NullNode:
		n.form = formNull
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		n.form, n.text = formText, strings.TrimSpace(from.GetToken().Value)
	case *ast.TagNode:
		c.report.fail(n, "", "leave the tag out", "tags such as %s have no meaning here", shown(v.Start.Value))
	default:
		c.report.fail(n, "", "", "%s has no meaning here", shown(from.GetToken().Value))
	}
	return n
}

// alias gives what an alias stands for, at the alias's own place.
func (c *converter) alias(at *node, name string, depth int) *node {
	target, ok := c.anchors[name]
	if !ok || c.open[name] {
		c.report.fail(at, "", fmt.Sprintf("write &%s before the value that is meant, further up", name), "nothing further up is called *%s", name)
		return at
	}
	c.open[name] = true
	defer delete(c.open, name)
	n := *c.node(target, depth+1)
	n.line, n.column = at.line, at.column
	return &n
}

func (c *converter) fillTable(n *node, values []*ast.MappingValueNode, depth int) {
	n.form, n.index = formTable, map[string]int{}
	if len(values) > 0 {
		if at := place(values[0].Key.GetToken()); at != nil {
			n.line, n.column = at.line, at.column
		}
	}
	var merged []entry
	for _, v := range values {
		if _, ok := v.Key.(*ast.MergeKeyNode); ok {
			merged = append(merged, c.merge(v, depth)...)
			continue
		}
		key := c.key(v.Key)
		if key == nil {
			continue
		}
		if first := n.keyNode(key.text); first != nil {
			c.report.fail(key, "", "keep one of the two", "%s stands twice in this table, first in line %d", shown(key.text), first.line)
			continue
		}
		n.add(entry{key, c.node(v.Value, depth+1)})
	}
	// What stands in the table itself wins over what is merged into it.
	for _, e := range merged {
		if n.keyNode(e.key.text) == nil {
			n.add(e)
		}
	}
}

func (c *converter) merge(v *ast.MappingValueNode, depth int) []entry {
	from := c.node(v.Value, depth+1)
	tables := []*node{from}
	if from.form == formList {
		tables = from.list
	}
	var entries []entry
	for _, t := range tables {
		if t.form == formBroken {
			return nil
		}
		if t.form != formTable {
			c.report.fail(from, "", "write <<: *name of a table", "only a table can be merged, not %s", t.form)
			return nil
		}
		entries = append(entries, t.table...)
	}
	return entries
}

// key gives a key as text, or nil for one that is none.
func (c *converter) key(from ast.MapKeyNode) *node {
	switch from.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		n := c.node(from, 0)
		n.form = formText
		if _, ok := from.(*ast.NullNode); ok {
			n.text = strings.TrimSpace(from.GetToken().Value)
		}
		return n
	}
	c.report.fail(place(from.GetToken()), "", "write the key as plain text", "this cannot be a key here")
	return nil
}

func nameOf(n ast.Node) string {
	if n == nil || n.GetToken() == nil {
		return ""
	}
	return n.GetToken().Value
}
