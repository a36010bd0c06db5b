package sapb1

import (
	"context"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/sapb1/api"
)

// maxBatch is how many orders go into one call; the server works on them one after another, within the time of one request.
const maxBatch = 20

// SaveOrders implements connector.BatchOrderWriter.
func (c *conn) SaveOrders(ctx context.Context, drafts []connector.OrderDraft) []connector.Outcome {
	outcomes := make([]connector.Outcome, len(drafts))
	for start := 0; start < len(drafts); start += maxBatch {
		c.saveBatch(ctx, drafts[start:min(start+maxBatch, len(drafts))], outcomes[start:])
	}
	return outcomes
}

func (c *conn) saveBatch(ctx context.Context, drafts []connector.OrderDraft, outcomes []connector.Outcome) {
	var records []api.Fields
	var places []int
	for i, draft := range drafts {
		fields, err := c.fields(ctx, draft)
		if err != nil {
			outcomes[i].Err = err
			continue
		}
		records, places = append(records, fields), append(places, i)
	}
	if len(records) == 0 {
		return
	}
	made, err := c.api.CreateMany(ctx, "create orders", setOrders, records)
	for j, i := range places {
		switch {
		case err != nil:
			outcomes[i].Err = err
		case made[j].Err != nil:
			outcomes[i].Document, outcomes[i].Err = c.afterRefusal(ctx, drafts[i], made[j].Err)
		default:
			outcomes[i].Document, outcomes[i].Err = c.made(ctx, drafts[i].Key, made[j].Body)
		}
	}
}
