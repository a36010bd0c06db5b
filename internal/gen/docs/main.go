// Command docs writes what is generated below docs: the JSON Schema of orderly.yaml and the reference
// of its settings.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/orderlyhq/orderly/connectors/all"
	"github.com/orderlyhq/orderly/internal/config"
	"github.com/orderlyhq/orderly/internal/gen"
)

//go:generate go run .

// It is run by go generate in its own folder.
func main() {
	if err := run(filepath.Join("..", "..", "..", "docs")); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1) //nolint:forbidigo // this is a program
	}
}

func run(dir string) error {
	schema, err := config.Schema(all.Definitions())
	if err != nil {
		return err
	}
	if err := gen.WriteFile(filepath.Join(dir, "orderly.schema.json"), schema); err != nil {
		return err
	}
	return gen.WriteFile(filepath.Join(dir, "settings.md"), config.Reference(all.Definitions()))
}
