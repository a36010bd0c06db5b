package desk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/intake"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

// SyncInput is what a person wants to be brought by hand: one record, a range of time, or everything.
type SyncInput struct {
	Flow string        `json:"flow"`
	Kind commerce.Kind `json:"kind,omitempty"` // "" is orders
	// Record is the number or the source's id of one record; "" is a range.
	Record string    `json:"record,omitempty"`
	Since  time.Time `json:"since,omitzero"` // of the last change; zero is from the beginning
	Until  time.Time `json:"until,omitzero"` // exclusive; zero is up to now
	Why    string    `json:"why,omitempty"`
}

// SyncStarted is what was begun: a run over a range, or the task of one record.
type SyncStarted struct {
	Run  int64 `json:"run,omitempty"`
	Task int64 `json:"task,omitempty"`
	// Note is something to know, such as that the source does not answer now.
	Note string `json:"note,omitempty"`
}

// Run is a range of a source that is, or was, brought by hand.
type Run struct {
	store.Cursor

	Destination string `json:"destination"`
	// Since its beginning, of all records of its flow.
	Became store.Became `json:"became"`
	// PerMinute is how many records became settled lately; 0 while that is not known.
	PerMinute float64 `json:"per_minute,omitempty"`
	// Rest is how long the rest takes at that pace; 0 while that is not known.
	Rest time.Duration `json:"rest,omitempty"` // nanoseconds
}

// Lists says whether the run still lists what there is.
func (r Run) Lists() bool { return r.State == store.CursorReady || r.State == store.CursorRunning }

// Delivers says whether the run has something on its way.
func (r Run) Delivers() bool { return r.Lists() || r.Became.Waiting > 0 }

// Resumable says whether a person can let it go on.
func (r Run) Resumable() bool { return r.State == store.CursorStopped || r.State == store.CursorFailed }

// Settled is how many records of its flow are where they will stay without anybody's doing.
func (r Run) Settled() int64 {
	return r.Became.Synced + r.Became.Held + r.Became.Failed + r.Became.Skipped
}

const (
	// countTime bounds how long a source may take to count, or to say whether it has a record.
	countTime = 30 * time.Second
	// runsShown is how many runs are listed.
	runsShown = 50
	// runCounted is how long after its end what became of a run's records is still counted.
	runCounted = 24 * time.Hour
)

// runFlow gives the flow that a person wants to run, which must be open.
func (d *Desk) runFlow(ctx context.Context, in *SyncInput) (*Flow, error) {
	if in.Kind == "" {
		in.Kind = commerce.KindOrder
	}
	f, err := d.Flow(ctx, in.Flow)
	switch {
	case in.Flow == "":
		return nil, Invalid("flow", "choose a flow")
	case err != nil:
		return nil, Invalid("flow", "there is no flow %s", in.Flow)
	case f.Problem != "":
		return nil, Invalid("flow", "%s does not run: %s", f.Name, f.Problem)
	case !f.carries(in.Kind):
		return nil, Invalid("kind", "%s does not carry records of kind %s", f.Name, in.Kind)
	case !in.Since.IsZero() && !in.Until.IsZero() && !in.Since.Before(in.Until):
		return nil, Invalid("until", "the end is not after the begin")
	}
	return f, nil
}

// CountSync asks the source how many records a range holds; -1 when it cannot tell.
func (d *Desk) CountSync(ctx context.Context, in SyncInput) (int, error) {
	f, err := d.runFlow(ctx, &in)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, countTime)
	defer cancel()
	n, err := d.node.Intake().Count(ctx, f.From, in.Kind, in.Since, in.Until)
	return n, told(err)
}

// StartSync begins to bring what a person wants. It is stored when it returns, and goes on after an
// interruption. total is what CountSync said; below 0 is unknown.
func (d *Desk) StartSync(ctx context.Context, person people.Person, in SyncInput, total int) (SyncStarted, error) {
	if err := reason(in.Why, false); err != nil {
		return SyncStarted{}, err
	}
	f, err := d.runFlow(ctx, &in)
	if err != nil {
		return SyncStarted{}, err
	}
	wish := intake.Wish{Source: f.From, Flow: f.Name, Kind: in.Kind, Who: person.Who(), Why: in.Why}
	if in.Record = strings.TrimSpace(in.Record); in.Record != "" {
		return d.syncOne(ctx, wish, in.Record)
	}
	run, err := d.node.Intake().StartBackfill(ctx, intake.Backfill{Wish: wish, Since: in.Since, Until: in.Until, Total: max(total, -1)})
	return SyncStarted{Run: run}, cannot(err)
}

// syncOne begins to bring one record, named by its number or by the source's id.
func (d *Desk) syncOne(ctx context.Context, wish intake.Wish, name string) (SyncStarted, error) {
	var out SyncStarted
	id, err := d.store.RecordOfNumber(ctx, wish.Source, string(wish.Kind), name)
	if err != nil {
		return out, err
	}
	if id == "" {
		id = name
		if out.Note, err = d.isThere(ctx, wish, id); err != nil {
			return out, err
		}
	}
	if err := d.node.Intake().SyncOne(ctx, wish, id); err != nil {
		return out, cannot(err)
	}
	out.Task, err = d.store.FindTask(ctx, wish.Flow, wish.Source, string(wish.Kind), id)
	return out, err
}

// isThere asks the source for a record that Orderly has not seen, so that a typing error is told at once.
// A source that does not answer is no reason to refuse: note says so.
func (d *Desk) isThere(ctx context.Context, wish intake.Wish, id string) (note string, err error) {
	source, ok := d.node.Source(wish.Source)
	if !ok || source.Conn.Fetcher == nil {
		return "", nil // SyncOne says so
	}
	ctx, cancel := context.WithTimeout(ctx, countTime)
	defer cancel()
	_, err = source.Conn.Fetcher.Fetch(ctx, connector.Ref{Kind: wish.Kind, ID: id})
	if err == nil {
		return "", nil
	}
	switch connector.KindOf(err) {
	case connector.KindNotFound, connector.KindInvalid:
		return "", Invalid("record", "%s has no %s with the id %q, and Orderly has seen none with this number; of one that Orderly has not seen, enter the id, which stands in its address in %s",
			wish.Source, wish.Kind, id, source.Conn.Definition.Title)
	}
	return fmt.Sprintf("%s does not answer now (%v); it is stored and tried again", wish.Source, err), nil
}

// cannot turns what a source cannot do into something that is told to who wanted it.
func cannot(err error) error {
	if refused, ok := errors.AsType[*intake.CannotError](err); ok {
		return Invalid("", "%s", refused.Text)
	}
	return err
}

// PollNow has a flow's source asked for what changed since it was asked last, now instead of at its time.
func (d *Desk) PollNow(ctx context.Context, person people.Person, flowName string) (source string, err error) {
	f, err := d.runFlow(ctx, &SyncInput{Flow: flowName})
	if err != nil {
		return "", err
	}
	return f.From, d.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		if err := d.node.PollNow(ctx, tx, f.From); err != nil {
			return err
		}
		return d.store.Audit(ctx, tx, person.Who(), "sync", "flow/"+f.Name, "what changed since the last time", "", d.now())
	})
}

// Runs gives the newest runs over ranges.
func (d *Desk) Runs(ctx context.Context) ([]Run, error) {
	cursors, err := d.store.Cursors(ctx, store.PurposeBackfill, runsShown)
	if err != nil {
		return nil, err
	}
	flows, err := d.store.Flows(ctx)
	if err != nil {
		return nil, err
	}
	runs := make([]Run, len(cursors))
	for i, c := range cursors {
		runs[i].Cursor = c
		for _, f := range flows {
			if f.Name == c.Flow {
				runs[i].Destination = f.Destination
			}
		}
	}
	return runs, nil
}

// Sync tells how far a run is.
func (d *Desk) Sync(ctx context.Context, id int64) (*Run, error) {
	c, err := d.store.Cursor(ctx, id)
	if errors.Is(err, store.ErrNoRows) || (err == nil && c.Purpose != store.PurposeBackfill) {
		return nil, &NotFoundError{Text: fmt.Sprintf("There is no run %d.", id)}
	}
	if err != nil {
		return nil, err
	}
	r := &Run{Cursor: c}
	if f, err := d.Flow(ctx, c.Flow); err == nil {
		r.Destination = f.To
	}
	if !r.Lists() && d.now().Sub(c.UpdatedAt) > runCounted {
		return r, nil // what became of its records since then has other reasons
	}
	return r, d.runs.follow(r, d.now(), func() (store.Became, error) { return d.store.CountSince(ctx, c.Flow, c.Kind, c.CreatedAt) })
}

// StopSync ends a run before its end; what it has listed is delivered.
func (d *Desk) StopSync(ctx context.Context, person people.Person, id int64) error {
	return d.changeRun(ctx, person, id, d.node.Intake().StopBackfill)
}

// ResumeSync goes on with a run that was stopped or has failed.
func (d *Desk) ResumeSync(ctx context.Context, person people.Person, id int64) error {
	return d.changeRun(ctx, person, id, d.node.Intake().ResumeBackfill)
}

func (d *Desk) changeRun(ctx context.Context, person people.Person, id int64, change func(ctx context.Context, id int64, who string) error) error {
	if _, err := d.Sync(ctx, id); err != nil {
		return err
	}
	return cannot(change(ctx, id, person.Who()))
}

// runs remembers how far runs were a moment ago, for their pace; and keeps many who look from counting
// much at once.
type runs struct {
	mu   sync.Mutex
	seen map[int64][]runSample // by id, oldest first
}

type runSample struct {
	at     time.Time
	seen   int64 // listed
	state  store.CursorState
	became store.Became
	done   int64 // settled
}

const (
	// sampleEvery is how often a run is counted at most.
	sampleEvery = time.Second
	// sampleTime is what the pace is worked out from.
	sampleTime = time.Minute
	// maxRuns bounds how many runs are remembered.
	maxRuns = 100
)

// holds says whether a sample still tells how a run stands.
func (s runSample) holds(r *Run, now time.Time) bool {
	age := now.Sub(s.at)
	return age >= 0 && age < sampleEvery && s.seen == r.Seen && s.state == r.State
}

// follow fills in what became of a run's records, and its pace.
func (s *runs) follow(r *Run, now time.Time, count func() (store.Became, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	samples := s.seen[r.ID]
	if n := len(samples); n > 0 && samples[n-1].holds(r, now) {
		r.Became = samples[n-1].became
	} else {
		var err error
		if r.Became, err = count(); err != nil {
			return err
		}
		samples = append(samples, runSample{at: now, seen: r.Seen, state: r.State, became: r.Became, done: r.Settled()})
		for len(samples) > 2 && now.Sub(samples[0].at) > sampleTime {
			samples = samples[1:]
		}
		if s.seen == nil || len(s.seen) >= maxRuns {
			s.seen = map[int64][]runSample{}
		}
		s.seen[r.ID] = samples
	}
	first, last := samples[0], samples[len(samples)-1]
	took := last.at.Sub(first.at)
	if took < sampleEvery {
		// Seen for the first time: the pace since it began.
		first, took = runSample{at: r.CreatedAt}, last.at.Sub(r.CreatedAt)
	}
	if took <= 0 || last.done <= first.done {
		return nil
	}
	perSecond := float64(last.done-first.done) / took.Seconds()
	r.PerMinute = perSecond * time.Minute.Seconds()
	if rest := r.left(); rest > 0 {
		r.Rest = time.Duration(float64(rest) / perSecond * float64(time.Second))
	}
	return nil
}

// left is how many records are still to be delivered, as far as that is known.
func (r Run) left() int64 {
	left := r.Became.Waiting
	if r.Lists() && r.Total > r.Seen {
		left += r.Total - r.Seen
	}
	return left
}

// SyncedRecord tells where the task of one record stands.
func (d *Desk) SyncedRecord(ctx context.Context, task int64) (*store.TaskRow, error) {
	story, err := d.store.TaskStory(ctx, task)
	if errors.Is(err, store.ErrNoRows) {
		return nil, &NotFoundError{Text: fmt.Sprintf("There is no order %d.", task)}
	}
	return &story.Task, err
}
