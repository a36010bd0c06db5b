// Command list writes connectors/all/zz_gen_all.go: every folder of connectors that has a Definition.
// It imports no connector, so that one that is new or gone does not keep it from running.
package main

import (
	"fmt"
	"os"

	"github.com/orderlyhq/orderly/internal/gen"
)

const module = "github.com/orderlyhq/orderly"

// It is run by go generate in the folder connectors/all.
func main() {
	if err := run("..", "zz_gen_all.go"); err != nil {
		fmt.Fprintln(os.Stderr, "list of connectors:", err)
		os.Exit(1) //nolint:forbidigo // this is a program
	}
}

func run(connectors, file string) error {
	systems, err := gen.Systems(os.DirFS(connectors))
	if err != nil {
		return err
	}
	text, err := gen.List(module, systems)
	if err != nil {
		return err
	}
	return gen.WriteFile(file, text)
}
