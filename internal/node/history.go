package node

import (
	"context"
	"errors"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// How long history is kept. What says where a record stands and what is in the ERP stays for ever.
const (
	keepHistory = 90 * 24 * time.Hour
	keepAudit   = 2 * 365 * 24 * time.Hour
	keepCalls   = 24 * time.Hour // as the description of the API says
)

// prune removes history that is older than it has to be.
func (n *Node) prune(ctx context.Context) error {
	now := n.options.Now()
	_, pruned := n.store.Prune(ctx, store.Retention{
		Events: now.Add(-keepHistory), Deliveries: now.Add(-keepHistory), Audit: now.Add(-keepAudit), Calls: now.Add(-keepCalls),
	})
	_, forgot := n.store.PruneNotices(ctx, now.Add(-keepNotices))
	return errors.Join(pruned, forgot)
}
