package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// longest is the number of lines up to which a file that people write reads as one room.
const longest = 900

// emptyNames say nothing of what a package gives.
var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "misc", "shared", "stuff"}

var (
	// unfinished is what people write where work is missing.
	unfinished = regexp.MustCompile(`(?i)^\W*(todo|fixme|xxx|stub|unimplemented|not (yet )?implemented)\b`)
	// reminder is the same in a comment, where such words count only as a mark: in capitals.
	reminder = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)
)

// checkPackages holds what each package must have: a name with a meaning, and a comment that gives it.
func checkPackages(t tree) []Violation {
	var violations []Violation
	for _, pkg := range t.sorted() {
		if name := path.Base(pkg.dir); slices.Contains(emptyNames, name) {
			violations = append(violations, Violation{pkg.dir, fmt.Sprintf("the name %s does not say what the package gives", name)})
		}
		if !documented(pkg) {
			violations = append(violations, Violation{pkg.dir,
				`no package comment: begin one file with "// Package ` + path.Base(pkg.dir) + ` …" that says what it is for and what it must not know`})
		}
	}
	return violations
}

// documented tells whether a file has a package comment in the usual form. It belongs into the code; a package that is
// only tests has it there.
func documented(p *pkg) bool {
	onlyTests := !slices.ContainsFunc(p.files, func(f *file) bool { return !f.test })
	return slices.ContainsFunc(p.files, func(f *file) bool {
		comment := f.syntax.Doc.Text()
		return f.test == onlyTests && (strings.HasPrefix(comment, "Package ") || strings.HasPrefix(comment, "Command "))
	})
}

// checkFiles holds what no file may contain. Generated files are as their generators make them.
func checkFiles(t tree) []Violation {
	var violations []Violation
	for _, pkg := range t.sorted() {
		for _, file := range pkg.files {
			if file.generated {
				continue
			}
			report := func(pos token.Pos, format string, args ...any) {
				where := fmt.Sprintf("%s:%d", file.name, t.fset.Position(pos).Line)
				violations = append(violations, Violation{where, fmt.Sprintf(format, args...)})
			}
			if !file.test && file.lines > longest {
				report(file.syntax.Package, "the file has %d lines, more than %d: two rooms would be clearer", file.lines, longest)
			}
			checkUnfinished(file, report)
			checkInit(file, report)
			if !file.test && within(pkg.dir, "money", "commerce") {
				checkFloats(file, report)
			}
			if file.test {
				checkSleeps(file, report)
			}
		}
	}
	return violations
}

type reporter func(pos token.Pos, format string, args ...any)

func checkUnfinished(f *file, report reporter) {
	for _, group := range f.syntax.Comments {
		for _, comment := range group.List {
			if mark := reminder.FindString(comment.Text); mark != "" {
				report(comment.Pos(), "a comment says %s: do it, or say what is not done where users look", mark)
			}
		}
	}
	ast.Inspect(f.syntax, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		if called, ok := call.Fun.(*ast.Ident); !ok || called.Name != "panic" {
			return true
		}
		if literal, ok := call.Args[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil && unfinished.MatchString(text) {
				report(call.Pos(), "panic(%q) stands where code is missing", text)
			}
		}
		return true
	})
}

func checkInit(f *file, report reporter) {
	for _, declaration := range f.syntax.Decls {
		if function, ok := declaration.(*ast.FuncDecl); ok && function.Recv == nil && function.Name.Name == "init" {
			report(function.Pos(), "func init hides work and order: call it from where it is needed, or let a generator write the list")
		}
	}
}

// checkFloats finds the types themselves and the functions of other packages that take or give floats, such as
// decimal.NewFromFloat, Decimal.InexactFloat64 and strconv.ParseFloat.
func checkFloats(f *file, report reporter) {
	ast.Inspect(f.syntax, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.Ident:
			if node.Name == "float32" || node.Name == "float64" {
				report(node.Pos(), "%s where money lives: use exact decimals", node.Name)
			}
		case *ast.SelectorExpr:
			if strings.Contains(node.Sel.Name, "Float") {
				report(node.Pos(), "%s where money lives: use exact decimals", node.Sel.Name)
			}
		}
		return true
	})
}

// checkSleeps finds time.Sleep in tests, but for code written into a call of synctest.Test, where it costs no time and
// is exact.
func checkSleeps(f *file, report reporter) {
	clock, bubble := importName(f.syntax, "time"), importName(f.syntax, "testing/synctest")
	ast.Inspect(f.syntax, func(node ast.Node) bool {
		if call, ok := node.(*ast.CallExpr); ok && isSelector(call.Fun, bubble, "Test") {
			return false
		}
		if selector, ok := node.(ast.Expr); ok && isSelector(selector, clock, "Sleep") {
			report(selector.Pos(), "time.Sleep in a test is slow and still a guess: wait for a channel or a condition, or use testing/synctest")
		}
		return true
	})
}

// importName is the name that a file has for a package; empty when it does not import it.
func importName(f *ast.File, imported string) string {
	for _, spec := range f.Imports {
		if value, err := strconv.Unquote(spec.Path.Value); err != nil || value != imported {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return imported[strings.LastIndex(imported, "/")+1:]
	}
	return ""
}

func isSelector(expression ast.Expr, pkg, name string) bool {
	selector, ok := expression.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != name {
		return false
	}
	of, ok := selector.X.(*ast.Ident)
	return ok && pkg != "" && of.Name == pkg
}
