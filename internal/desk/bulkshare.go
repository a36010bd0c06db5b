package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

const (
	// bulkEvery is how often a node writes down how far its bulk actions are, and looks for what others wish of them.
	bulkEvery = time.Second
	// bulkBeat is how often it says that it is there when nothing else is to be said.
	bulkBeat = 10 * time.Second
	// bulkGone is after how long without a word a node has gone.
	bulkGone = 30 * time.Second
	// bulkPatience bounds how long the store is waited for.
	bulkPatience = 10 * time.Second
)

// keptBulk is a Bulk as it is written down.
type keptBulk struct {
	Bulk

	Filter OrderFilter `json:"filter"`
}

// bulkWisher is who wishes something of a bulk action, and why.
type bulkWisher struct {
	Person people.Person `json:"person"`
	Why    string        `json:"why,omitempty"`
}

// saveBulk writes down how one of this node stands. What fails is tried again by keepBulks.
func (d *Desk) saveBulk(ctx context.Context, one *bulk) {
	if one == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bulkPatience)
	defer cancel()
	one.saving.Lock()
	defer one.saving.Unlock()
	d.bulks.mu.Lock()
	b, news := one.copy(), one.news
	one.news, one.told = false, d.now()
	d.bulks.mu.Unlock()
	if !news {
		return
	}
	body, err := json.Marshal(keptBulk{Bulk: b, Filter: b.Filter})
	if err == nil {
		err = d.store.SaveBulk(ctx, store.Bulk{
			ID: b.ID, Node: d.bulks.node, State: string(b.State), Ready: b.State == BulkReady, Ended: b.State.Ended(), Started: b.StartedAt, Body: body,
		})
	}
	if err == nil {
		return
	}
	d.log.WarnContext(ctx, "how far a bulk action is cannot be written down; other nodes do not know", "action", b.Action, "error", err)
	d.bulks.mu.Lock()
	defer d.bulks.mu.Unlock()
	one.news = true
}

// shareBulk lets other nodes know how one of this node stands, and does what somebody wishes there.
func (d *Desk) shareBulk(ctx context.Context, one *bulk) {
	if one == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bulkPatience)
	defer cancel()
	d.bulks.mu.Lock()
	quiet, news, ended := d.now().Sub(one.told), one.news, one.State.Ended()
	d.bulks.mu.Unlock()
	switch {
	case news && quiet >= bulkEvery:
		d.saveBulk(ctx, one)
	case !news && !ended && quiet >= bulkBeat:
		if err := d.store.SeeBulk(ctx, one.ID); err == nil {
			d.bulks.mu.Lock()
			one.told = d.now()
			d.bulks.mu.Unlock()
		}
	}
	if ended {
		return
	}
	if err := d.hearBulk(ctx, one); err != nil {
		d.log.WarnContext(ctx, "what another node wishes of a bulk action cannot be done", "error", err)
	}
}

// hearBulk does what somebody wishes of one of this node on another.
func (d *Desk) hearBulk(ctx context.Context, one *bulk) error {
	one.hearing.Lock()
	defer one.hearing.Unlock()
	wish, who, err := d.store.BulkWish(ctx, one.ID)
	if err != nil || wish == "" || one.ctx.Err() != nil { // one that is to end hears nothing more
		return err
	}
	var wisher bulkWisher
	if err := json.Unmarshal(who, &wisher); err != nil {
		return fmt.Errorf("who wishes it: %w", err)
	}
	if wish == store.WishStop {
		_, err = d.StopBulk(ctx, wisher.Person, one.ID)
	} else {
		_, err = d.StartBulk(ctx, wisher.Person, one.ID, wisher.Why)
	}
	if err != nil {
		return errors.Join(err, d.store.DropBulkWish(ctx, one.ID, wish))
	}
	return nil
}

// keepBulks lets other nodes know of the bulk actions of this one until the context ends. Those that wait for their
// start end then.
func (d *Desk) keepBulks(ctx context.Context) {
	tick := time.NewTicker(bulkEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			for _, one := range d.bulks.leave(func(*bulk) bool { return true }, "Orderly was stopped before anybody started it. Nothing was changed; prepare it again.", d.now()) {
				d.saveBulk(ctx, one)
			}
			return
		case <-tick.C:
		}
		d.bulks.leave(func(one *bulk) bool { return d.now().Sub(one.MadeAt) > bulkTime },
			"Nobody has started it for a long time. Nothing was changed; prepare it again.", d.now())
		for _, one := range d.bulks.toShare() {
			d.shareBulk(ctx, one)
		}
	}
}

// leave ends those that wait for their start and are old, and gives them.
func (b *bulks) leave(old func(*bulk) bool, problem string, now time.Time) []*bulk {
	b.mu.Lock()
	defer b.mu.Unlock()
	var left []*bulk
	for _, one := range b.list {
		if one.State == BulkReady && old(one) {
			one.leave(problem, now)
			left = append(left, one)
		}
	}
	return left
}

// toShare gives those of which other nodes are to know more, or may wish something.
func (b *bulks) toShare() []*bulk {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []*bulk
	for _, one := range b.list {
		if one.news || !one.State.Ended() {
			list = append(list, one)
		}
	}
	return list
}

// otherBulk gives a bulk action of another node.
func (d *Desk) otherBulk(ctx context.Context, id string) (Bulk, error) {
	row, err := d.store.Bulk(ctx, id)
	if errors.Is(err, store.ErrNoRows) {
		return Bulk{}, errNoBulk()
	}
	if err != nil {
		return Bulk{}, err
	}
	return readBulk(row)
}

// otherBulks gives the bulk actions that were started and are written down.
func (d *Desk) otherBulks(ctx context.Context) ([]Bulk, error) {
	rows, err := d.store.Bulks(ctx, maxBulks)
	if err != nil {
		return nil, err
	}
	list := make([]Bulk, 0, len(rows))
	for _, row := range rows {
		b, err := readBulk(row)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, nil
}

// readBulk reads what is written down. One whose node has gone is stopped.
func readBulk(row store.Bulk) (Bulk, error) {
	var kept keptBulk
	if err := json.Unmarshal(row.Body, &kept); err != nil {
		return Bulk{}, fmt.Errorf("bulk action %s: %w", row.ID, err)
	}
	b := kept.Bulk
	b.Filter, b.Wish = kept.Filter, row.Wish
	if b.State.Ended() || row.Quiet <= bulkGone {
		return b, nil
	}
	b.State, b.EndedAt, b.Wish = BulkStopped, row.Seen, ""
	b.Problem = "The node that worked on it has gone. What is done stays done, perhaps a few orders more than are counted here. Prepare it again for the rest."
	if b.StartedAt.IsZero() {
		b.Problem = "The node that prepared it has gone. Nothing was changed; prepare it again."
	}
	return b, nil
}

// wishStart notes for the node of a bulk action that somebody wants to start it.
func (d *Desk) wishStart(ctx context.Context, person people.Person, b Bulk, why string) (Bulk, error) {
	if b.State != BulkReady {
		return b, Invalid("", "this is %s already", string(b.State))
	}
	noted, b, err := d.wishBulk(ctx, person, b.ID, store.WishStart, why, BulkReady)
	switch {
	case err != nil || noted:
		return b, err
	case b.Wish != "":
		return b, Invalid("", "somebody has asked already to %s it", string(b.Wish))
	}
	return b, Invalid("", "this is %s already", string(b.State))
}

// wishStop notes for the node of a bulk action that somebody wants to stop it.
func (d *Desk) wishStop(ctx context.Context, person people.Person, id string) (Bulk, error) {
	b, err := d.otherBulk(ctx, id)
	if err != nil {
		return b, err
	}
	if !b.State.Ended() {
		noted, now, err := d.wishBulk(ctx, person, id, store.WishStop, "", BulkCounting, BulkReady, BulkRunning)
		if err != nil || noted || now.Wish == store.WishStop {
			return now, err
		}
	}
	return b, Invalid("", "it has ended already")
}

// wishBulk notes a wish, and gives the bulk action as it stands with it.
func (d *Desk) wishBulk(ctx context.Context, person people.Person, id string, wish store.Wish, why string, in ...BulkState) (noted bool, b Bulk, err error) {
	who, err := json.Marshal(bulkWisher{Person: person, Why: why})
	if err != nil {
		return false, Bulk{}, err
	}
	states := make([]string, 0, len(in))
	for _, state := range in {
		states = append(states, string(state))
	}
	if noted, err = d.store.WishBulk(ctx, id, wish, who, states...); err != nil {
		return false, Bulk{}, err
	}
	d.watch.tell()
	b, err = d.otherBulk(ctx, id)
	return noted, b, err
}
