package desk

import (
	"context"

	"github.com/orderlyhq/orderly/internal/store"
)

// FindOrders gives the newest records that a text finds.
func (d *Desk) FindOrders(ctx context.Context, text string, limit int) ([]store.TaskRow, error) {
	page, err := d.store.ListTasks(ctx, store.TaskFilter{Search: text, Limit: limit})
	return page.Tasks, err
}
