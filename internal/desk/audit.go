package desk

import (
	"context"

	"github.com/orderlyhq/orderly/internal/store"
)

// Audit gives what people have done, newest first.
func (d *Desk) Audit(ctx context.Context, f store.AuditFilter) ([]store.AuditEntry, error) {
	return d.store.AuditEntries(ctx, f)
}
