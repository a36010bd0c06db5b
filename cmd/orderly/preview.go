package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
)

func previewCommand() *cobra.Command {
	var data dataFlags
	var asJSON bool
	var kind, file string
	c := &cobra.Command{
		Use:   "preview FLOW [ID]",
		Short: "Show what delivering an order would do, without doing it",
		Long: `Preview goes the whole way of an order, up to the first request that would change the ERP, and shows what
would be written. It reads the order with this id from the source, or a payload from --file. Nothing is
written: neither in Orderly nor in the ERP, whose client refuses every request that could.

It ends with exit code 3 when the order would be held or would fail, so that a script notices.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 2) == (file != "") {
				return usageError("give the id of an order in the source, or a payload with --file")
			}
			if err := checkKind(kind); err != nil {
				return err
			}
			if len(args) == 2 && args[1] == "" {
				return usageError("the id is empty: give the id of an order in the source")
			}
			ref := connector.Ref{Kind: commerce.Kind(kind)}
			var raw *connector.Raw
			if file != "" {
				body, err := readInput(cmd.InOrStdin(), file)
				if err != nil {
					return err
				}
				ref.ID = "preview"
				raw = &connector.Raw{Ref: ref, Body: body}
			} else {
				ref.ID = args[1]
			}
			i, err := data.open(cmd)
			if err != nil {
				return err
			}
			defer i.close()
			view, err := i.look(cmd.Context())
			if err != nil {
				return err
			}
			defer view.Close(context.WithoutCancel(cmd.Context()))
			if _, err := view.StoredFlow(args[0]); err != nil {
				return usageError("%w", err)
			}
			p, err := view.Preview(cmd.Context(), args[0], ref, raw)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), p)
			} else {
				err = printPreview(cmd.OutOrStdout(), p)
			}
			if err == nil && (p.Would == "hold" || p.Would == "fail") {
				err = errFinding
			}
			return err
		},
	}
	data.add(c, "error")
	jsonFlag(c, &asJSON)
	c.Flags().StringVar(&kind, "kind", string(commerce.KindOrder), "order or customer")
	c.Flags().StringVar(&file, "file", "", "a payload of the source; - is standard input")
	return c
}

func printPreview(out io.Writer, p *flow.Preview) error {
	_, _ = fmt.Fprintf(out, "would %s", p.Would)
	if p.Existing != nil {
		_, _ = fmt.Fprintf(out, " (%s %s exists)", p.Existing.Type, p.Existing.ID)
	}
	if p.Reason != "" {
		_, _ = fmt.Fprintf(out, ": %s", p.Reason)
	}
	_, _ = fmt.Fprintln(out)
	if o := p.Order; o != nil {
		_, _ = fmt.Fprintf(out, "\n%s  %s  %s\n", o.OrderNumber, o.OrderDate.Format("2006-01-02"), o.Totals.TaxInclusive)
		var rows [][]string
		for n, l := range o.Lines {
			row := []string{l.SKU, shorten(l.Name, 40), l.Quantity.String(), l.LineNet.String(), l.LineTax.String(), "", ""}
			if p.Draft != nil && n < len(p.Draft.Lines) {
				row[5] = p.Draft.Lines[n].Item.ID
				for _, t := range p.Draft.Lines[n].TaxCodes {
					row[6] += t.Code + " "
				}
			}
			rows = append(rows, row)
		}
		if err := table(out, []string{"SKU", "NAME", "QUANTITY", "NET", "TAX", "→ ITEM", "→ TAX"}, rows); err != nil {
			return err
		}
	}
	_, _ = fmt.Fprintln(out, "\nsteps")
	for _, s := range p.Detail.Steps {
		_, _ = fmt.Fprintf(out, "  %-10s %s\n", s.Name, s.Note)
	}
	return nil
}
