package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/store"
)

// Wish is what somebody wants to be brought by hand.
type Wish struct {
	Source string
	Flow   string
	Kind   commerce.Kind
	Who    string
	Why    string
}

// CannotError says that a source cannot do what is wanted of it, and why.
type CannotError struct{ Text string }

func (e *CannotError) Error() string { return e.Text }

// source gives the source of a wish, when its flow carries such records.
func (in *Intake) source(w Wish) (*Source, error) {
	source, ok := in.sources.Source(w.Source)
	if !ok {
		return nil, fmt.Errorf("there is no source %q", w.Source)
	}
	if len(only(source.Routes[w.Kind], w.Flow)) == 0 {
		return nil, &CannotError{Text: fmt.Sprintf("the flow %s does not carry records of kind %s", w.Flow, w.Kind)}
	}
	return source, nil
}

// audit notes a wish.
func (in *Intake) audit(ctx context.Context, tx store.Tx, w Wish, what string) error {
	why := what
	if w.Why != "" {
		why += ": " + w.Why
	}
	return in.store.Audit(ctx, tx, w.Who, "sync", "flow/"+w.Flow, why, "", in.now())
}

// SyncOne asks for one record to be read and brought to the destination of one flow now, even if it has not
// changed. It is stored, with its entry in the audit, when it returns.
func (in *Intake) SyncOne(ctx context.Context, w Wish, id string) error {
	source, err := in.source(w)
	if err != nil {
		return err
	}
	ref := connector.Ref{Kind: w.Kind, ID: id}
	return in.syncRecord(ctx, source, ref, w.Flow, func(ctx context.Context, tx store.Tx, _ int) error {
		return in.audit(ctx, tx, w, fmt.Sprintf("%s %s by hand", w.Kind, id))
	})
}

// Backfill lists a range of a source, to be brought to the destination of one flow.
type Backfill struct {
	Wish
	Since time.Time // zero is from the beginning
	Until time.Time // zero is until now
	Total int       // as it was counted; -1 when the source cannot tell
}

// StartBackfill stores a backfill, which is then worked on, and gives its id.
func (in *Intake) StartBackfill(ctx context.Context, b Backfill) (int64, error) {
	source, err := in.source(b.Wish)
	if err != nil {
		return 0, err
	}
	if source.Conn.Lister == nil {
		return 0, &CannotError{Text: source.Conn.Definition.Title + " cannot list records"}
	}
	many := "an unknown number of"
	if b.Total >= 0 {
		many = fmt.Sprint(b.Total)
	}
	var id int64
	err = in.store.Write(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		id, err = in.store.AddBackfill(ctx, tx, store.Cursor{
			Connection: b.Source, Kind: string(b.Kind), Flow: b.Flow, Since: b.Since, Until: b.Until, Total: int64(b.Total),
		}, in.now())
		if err != nil {
			return err
		}
		return in.audit(ctx, tx, b.Wish, fmt.Sprintf("backfill %d of %s %ss", id, many, b.Kind))
	})
	return id, err
}

// StopBackfill ends a backfill before its end; what it has listed is delivered. The error is a *CannotError
// when it does not run.
func (in *Intake) StopBackfill(ctx context.Context, id int64, who string) error {
	return in.changeBackfill(ctx, id, who, "stop", in.store.StopBackfill)
}

// ResumeBackfill goes on with a backfill that was stopped or has failed, where it was. The error is a
// *CannotError when it is neither.
func (in *Intake) ResumeBackfill(ctx context.Context, id int64, who string) error {
	return in.changeBackfill(ctx, id, who, "resume", in.store.ResumeBackfill)
}

func (in *Intake) changeBackfill(ctx context.Context, id int64, who, action string, change func(context.Context, store.Tx, int64, time.Time) error) error {
	c, err := in.store.Cursor(ctx, id)
	if err != nil {
		return err
	}
	err = in.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		if err := change(ctx, tx, id, in.now()); err != nil {
			return err
		}
		return in.store.Audit(ctx, tx, who, action, fmt.Sprintf("backfill/%d", id), "flow "+c.Flow, "", in.now())
	})
	if errors.Is(err, store.ErrNoRows) {
		return &CannotError{Text: fmt.Sprintf("backfill %d is %s", id, c.State)}
	}
	return err
}
