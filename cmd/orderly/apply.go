package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderlyhq/orderly/connectors/all"
	"github.com/orderlyhq/orderly/internal/config"
	"github.com/orderlyhq/orderly/internal/secret"
)

func applyCommand() *cobra.Command {
	var data dataFlags
	var file string
	var planOnly, yes, asJSON bool
	c := &cobra.Command{
		Use:   "apply --config FILE",
		Short: "Bring the store to what orderly.yaml says, after showing the plan",
		Long: `Apply compares the file with what the store holds, shows the plan, asks, and makes the changes in one
transaction. Secrets are read from the environment and from files now, and are encrypted in the store. A
running server takes the new configuration over within seconds. What was removed from the file but has a
history is paused and kept.`,
		Example: "  orderly apply --config orderly.yaml --plan\n  orderly apply --config orderly.yaml --yes",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			parsed, err := readConfig(file)
			if err != nil {
				return err
			}
			i, err := data.openOrMake(cmd)
			if err != nil {
				return err
			}
			defer i.close()
			want, err := resolve(parsed)
			if err != nil {
				return err
			}
			have, err := config.Load(cmd.Context(), i.store)
			if err != nil {
				return err
			}
			plan, err := config.Diff(all.Definitions(), have, want)
			if err != nil {
				return usageError("%w", err)
			}
			if asJSON {
				if err := printJSON(cmd.OutOrStdout(), plan); err != nil {
					return err
				}
			} else {
				for _, w := range parsed.Warnings {
					_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "warning: "+w.Text(file))
				}
				_, _ = fmt.Fprint(cmd.OutOrStdout(), plan.Text())
			}
			if planOnly || plan.Empty() {
				return nil
			}
			if !yes {
				ok, err := confirm(cmd, "apply?")
				if err != nil || !ok {
					return err
				}
			}
			return config.Apply(cmd.Context(), i.store, plan, operator(), time.Now())
		},
	}
	data.add(c, "warn")
	c.Flags().StringVar(&file, "config", "", "file to apply, orderly.yaml")
	c.Flags().BoolVar(&planOnly, "plan", false, "show the plan and change nothing")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	jsonFlag(c, &asJSON)
	_ = c.MarkFlagRequired("config")
	_ = c.MarkFlagFilename("config", "yaml", "yml")
	return c
}

// maxConfig bounds a configuration file, in bytes.
const maxConfig = 4 << 20

func readConfig(path string) (*config.File, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usageError("there is no file %s", path)
	}
	if err != nil {
		return nil, usageError("%w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return nil, usageError("%w", err)
	}
	if len(text) > maxConfig {
		return nil, usageError("%s is longer than the %d bytes that are accepted", path, maxConfig)
	}
	parsed, err := config.Parse(path, text, all.Definitions())
	if err != nil {
		return nil, usageError("%w", err)
	}
	return parsed, nil
}

// resolve looks references up; relative paths start at the file's folder.
func resolve(f *config.File) (config.State, error) {
	state, err := f.Resolve(secret.NewResolver(filepath.Dir(f.Name)))
	if err != nil {
		return state, usageError("%w", err)
	}
	return state, nil
}

// applyFile applies a file without asking, as serve does at its start.
func (i *installation) applyFile(ctx context.Context, path string, screen io.Writer) error {
	parsed, err := readConfig(path)
	if err != nil {
		return err
	}
	for _, w := range parsed.Warnings {
		_, _ = fmt.Fprintln(screen, "warning: "+w.Text(path))
	}
	want, err := resolve(parsed)
	if err != nil {
		return err
	}
	_, err = config.Ensure(ctx, i.store, all.Definitions(), want, "serve --config", time.Now())
	return err
}

func exportCommand() *cobra.Command {
	var data dataFlags
	var file string
	c := &cobra.Command{
		Use:   "export [--config FILE]",
		Short: "Write what the store holds as orderly.yaml",
		Long: `Export writes the configuration that the store holds in the form that apply reads. Secrets are not
exported: in their place stand references to environment variables, which the first lines of the file name.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			i, err := data.open(cmd)
			if err != nil {
				return err
			}
			defer i.close()
			state, err := config.Load(cmd.Context(), i.store)
			if err != nil {
				return err
			}
			text, err := config.Export(state, all.Definitions())
			if err != nil {
				return err
			}
			if file == "" {
				_, err = cmd.OutOrStdout().Write(text)
				return err
			}
			return os.WriteFile(file, text, 0o600)
		},
	}
	data.add(c, "warn")
	c.Flags().StringVar(&file, "config", "", "file to write; standard output when empty")
	return c
}
