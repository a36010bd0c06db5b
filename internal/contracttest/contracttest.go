// Package contracttest gives tests the vendors' own words: published API descriptions, sample payloads and recorded
// traffic of real servers. They lie beside the project, in ../shared/contracts/<system>/ as seen from the module
// root, and are never copied into it. A test that asks for them is skipped where that folder is absent, and fails
// where the folder is there but holds nothing of what was asked for.
//
// The package only finds and opens; it knows no vendor and judges no payload. It is for tests alone.
package contracttest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Dir returns the absolute path of a system's folder, for example Dir(t, "shopify").
func Dir(t testing.TB, system string) string {
	t.Helper()
	contracts, err := contractsDir()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := systemDir(contracts, system)
	if errors.Is(err, errAbsent) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Files returns the absolute paths, sorted, of a system's files that match a pattern of [filepath.Match] relative to
// its folder, for example Files(t, "odoo", "recorded/*/jsonrpc-*.json"). A pattern without a match fails the test.
func Files(t testing.TB, system, glob string) []string {
	t.Helper()
	files, err := matches(Dir(t, system), glob)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// errAbsent means that nobody put contract data beside this checkout, as opposed to data in which something is missing.
var errAbsent = errors.New("contract data is not beside the project")

// contractsDir is where contract data belongs for the module that holds the working directory, whether it is there or not.
func contractsDir() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(filepath.Dir(dir), "shared", "contracts"), nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod in %s or any folder above it: run the test inside the module", start)
		}
	}
}

func systemDir(contracts, system string) (string, error) {
	if _, err := os.Stat(contracts); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: no folder %s", errAbsent, contracts)
	}
	dir := filepath.Join(contracts, system)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", fmt.Errorf("%s has no folder for system %q", contracts, system)
	}
	return dir, nil
}

func matches(dir, glob string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(glob)))
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", glob, err)
	}
	files = slices.DeleteFunc(files, func(file string) bool {
		info, err := os.Stat(file)
		return err != nil || info.IsDir()
	})
	if len(files) == 0 {
		return nil, fmt.Errorf("no file in %s matches %q", dir, glob)
	}
	return files, nil
}
