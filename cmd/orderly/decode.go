package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/all"
)

// maxPayload bounds a file that is decoded, in bytes.
const maxPayload = 64 << 20

func decodeCommand() *cobra.Command {
	var system, kind, form string
	var set []string
	c := &cobra.Command{
		Use:   "decode --system SYSTEM [--kind order|customer] FILE",
		Short: "Print the canonical record of a vendor's payload",
		Long: `Decode prints the canonical record of a payload as a vendor sends it (a webhook's body, a record of
its API) as JSON. FILE - is standard input. A payload that is no such record ends with exit code 2 and an
error that names the field.`,
		Example: "  orderly decode --system shopify order.json\n  curl -s … | orderly decode --system woocommerce --kind customer -",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkKind(kind); err != nil {
				return err
			}
			decoder, err := decoderOf(system, set)
			if err != nil {
				return err
			}
			body, err := readInput(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			raw := connector.Raw{Ref: connector.Ref{Kind: commerce.Kind(kind)}, Form: form, Body: body}
			var record any
			if raw.Ref.Kind == commerce.KindCustomer {
				record, err = decoder.DecodeCustomer(raw)
			} else {
				record, err = decoder.DecodeOrder(raw)
			}
			if err != nil {
				return usageError("%s is no %s of %s: %w", inputName(args[0]), kind, system, err)
			}
			return printJSON(cmd.OutOrStdout(), record)
		},
	}
	flags := c.Flags()
	flags.StringVar(&system, "system", "", "the system that the payload is from, for example shopify")
	flags.StringVar(&kind, "kind", string(commerce.KindOrder), "order or customer")
	flags.StringVar(&form, "form", "", "the form of the payload where a system has several; found out by itself when empty")
	flags.StringArrayVar(&set, "set", nil, "a setting that decoding depends on, as name=value")
	_ = c.MarkFlagRequired("system")
	_ = c.RegisterFlagCompletionFunc("system", cobra.FixedCompletions(systems(connector.Source), cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions([]string{"order", "customer"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// checkKind refuses a --kind that is none.
func checkKind(kind string) error {
	if kind != string(commerce.KindOrder) && kind != string(commerce.KindCustomer) {
		return usageError("--kind %q is neither order nor customer", kind)
	}
	return nil
}

// systems are the names of the systems that can be something in a flow.
func systems(role connector.Role) []string {
	var names []string
	for _, d := range all.Definitions() {
		if d.Roles&role != 0 {
			names = append(names, d.Name)
		}
	}
	slices.Sort(names)
	return names
}

func definitionOf(system string) (connector.Definition, error) {
	var names []string
	for _, d := range all.Definitions() {
		if d.Name == system {
			return d, nil
		}
		names = append(names, d.Name)
	}
	if nearest := connector.Nearest(system, names); nearest != "" {
		return connector.Definition{}, usageError("there is no system %q; did you mean %s?", system, nearest)
	}
	return connector.Definition{}, usageError("there is no system %q; known are %s", system, strings.Join(names, ", "))
}

func decoderOf(system string, set []string) (connector.Decoder, error) {
	definition, err := definitionOf(system)
	if err != nil {
		return nil, err
	}
	config, ok := definition.New().(connector.SourceConfig)
	if !ok {
		return nil, usageError("%s is no source: there is nothing to decode", definition.Title)
	}
	settings := config.Settings()
	for _, text := range set {
		name, value, _ := strings.Cut(text, "=")
		i := slices.IndexFunc(settings, func(s connector.Setting) bool { return s.Name == name })
		if i < 0 {
			return nil, usageError("--set %s: %s has no setting of this name", name, definition.Title)
		}
		for _, problem := range connector.Bind(settings[i:i+1], map[string]string{name: value}) {
			return nil, usageError("--set %w", problem)
		}
	}
	return config.Decoder(), nil
}

func inputName(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}

// readInput reads a file, or standard input for "-".
func readInput(stdin io.Reader, path string) ([]byte, error) {
	reader := stdin
	if path != "-" {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, usageError("there is no file %s", path)
		}
		if err != nil {
			return nil, usageError("%w", err)
		}
		defer f.Close()
		reader = f
	}
	body, err := io.ReadAll(io.LimitReader(reader, maxPayload+1))
	if err != nil {
		return nil, usageError("%w", err)
	}
	if len(body) > maxPayload {
		return nil, usageError("%s is longer than the %d bytes that are accepted", inputName(path), maxPayload)
	}
	return body, nil
}
