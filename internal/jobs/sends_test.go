package jobs

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

func TestMessagesAreSentWhenDueAndASlowReceiverHoldsUpNobody(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		var slow, fast atomic.Int64
		release := make(chan struct{})
		work := Work{Send: func(ctx context.Context, receiver string) error {
			due, err := st.DueSendings(ctx, receiver, time.Now(), 10)
			if err != nil {
				return err
			}
			if receiver == "ep_slow" {
				slow.Add(1)
				select {
				case <-release:
				case <-ctx.Done():
					return ctx.Err()
				}
			} else {
				fast.Add(int64(len(due)))
			}
			return st.Write(ctx, func(ctx context.Context, tx store.Tx) error {
				for _, s := range due {
					if err := st.FinishAttempt(ctx, tx, s.ID, store.Attempt{At: time.Now(), Status: 200}, store.SendingSent, time.Time{}, time.Now()); err != nil {
						return err
					}
				}
				return nil
			})
		}}
		p := hurried()
		p.sweep = 50 * time.Millisecond
		start(t, st, work, nil, p)
		tell := func(due time.Time, receivers ...string) {
			err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
				_, err := st.AddMessage(ctx, tx, "order.synced", []byte("{}"), receivers, due, time.Now())
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		tell(time.Now().Add(time.Hour), "ep_fast") // not yet
		tell(time.Now(), "ep_slow", "ep_fast")
		eventually(t, "both are begun", func() bool { return slow.Load() == 1 && fast.Load() == 1 })
		tell(time.Now(), "ep_slow", "ep_fast")
		eventually(t, "the fast one goes on", func() bool { return fast.Load() == 2 })
		if slow.Load() != 1 {
			t.Error("two jobs for one receiver at once")
		}
		close(release)
		eventually(t, "nothing is left", func() bool {
			due, err := st.DueReceivers(t.Context(), time.Now())
			return err == nil && len(due) == 0
		})
		if fast.Load() != 2 {
			t.Errorf("%d messages to the fast one", fast.Load())
		}
	})
}
