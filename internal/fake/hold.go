package fake

import (
	"fmt"

	"github.com/orderlyhq/orderly/commerce"
)

// MustHold says why an ERP that knows the catalogue cannot take an order as it is, so that a person
// has to decide: it is part of the ground truth. It gives "" when there is no reason.
func (c Catalog) MustHold(order commerce.Order) string {
	for i, line := range order.Lines {
		if item, known := c.Item(line.SKU); !known || item.Missing {
			return fmt.Sprintf("lines[%d].sku: the ERP does not know the article %q", i, line.SKU)
		}
	}
	return ""
}
