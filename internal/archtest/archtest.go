// Package archtest holds the rules of the layout: which package may know which, and what no file may contain.
//
// It reads source text alone, so that it sees files for every platform and build tag, also those that do not compile.
// Rules about packages that do not exist yet hold. The rules themselves stand in arrows.go (who may know whom) and
// words.go (what a package must have and a file may not contain); a rule that gets in the way is changed there, in a commit that says why.
package archtest

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Violation is one place where the tree breaks a rule.
type Violation struct {
	// Where is "file:line" relative to the module root, or a package's path where no single line is to blame.
	Where string
	// What says which rule is broken, how, and what to do instead.
	What string
}

func (v Violation) String() string { return v.Where + ": " + v.What }

// Check reads the Go files of a module and returns what breaks a rule, ordered by place. fsys is the module's root and
// module its path, as in go.mod. An error means that the tree could not be read.
func Check(fsys fs.FS, module string) ([]Violation, error) {
	tree, err := load(fsys, module)
	if err != nil {
		return nil, err
	}
	violations := slices.Concat(checkArrows(tree), checkPackages(tree), checkFiles(tree))
	slices.SortFunc(violations, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.What, b.What))
	})
	return slices.Compact(violations), nil
}

// tree is a module's packages by their folder relative to the root; "." is the root.
type tree struct {
	fset     *token.FileSet
	packages map[string]*pkg
}

type pkg struct {
	dir   string
	files []*file
}

type file struct {
	name      string // relative to the module root
	syntax    *ast.File
	lines     int
	test      bool
	generated bool
	// imports are the folders of this module that the file imports.
	imports []string
}

// sorted returns the packages ordered by folder.
func (t tree) sorted() []*pkg {
	return slices.SortedFunc(maps.Values(t.packages), func(a, b *pkg) int { return cmp.Compare(a.dir, b.dir) })
}

// imports returns the folders that a package's code, without its tests, imports directly.
func (p *pkg) imports() []string {
	var folders []string
	for _, file := range p.files {
		if !file.test {
			folders = append(folders, file.imports...)
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

func load(fsys fs.FS, module string) (tree, error) {
	t := tree{fset: token.NewFileSet(), packages: map[string]*pkg{}}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skipDir(fsys, name)
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(t.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		read := &file{
			name:      name,
			syntax:    syntax,
			lines:     strings.Count(string(text), "\n"),
			test:      strings.HasSuffix(name, "_test.go"),
			generated: ast.IsGenerated(syntax),
		}
		for _, spec := range syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
			}
			if folder, ok := strings.CutPrefix(imported, module+"/"); ok {
				read.imports = append(read.imports, folder)
			}
		}
		dir := path.Dir(name)
		if t.packages[dir] == nil {
			t.packages[dir] = &pkg{dir: dir}
		}
		t.packages[dir].files = append(t.packages[dir].files, read)
		return nil
	})
	return t, err
}

// skipDir leaves out what the go command leaves out: testdata, names with a dot or underscore, modules inside this one.
func skipDir(fsys fs.FS, name string) error {
	if name == "." {
		return nil
	}
	base := path.Base(name)
	if base == "testdata" || base == "vendor" || base[0] == '.' || base[0] == '_' {
		return fs.SkipDir
	}
	if _, err := fs.Stat(fsys, path.Join(name, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

// within tells whether a folder is one of the given ones or lies below one.
func within(folder string, roots ...string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		return folder == root || strings.HasPrefix(folder, root+"/")
	})
}
