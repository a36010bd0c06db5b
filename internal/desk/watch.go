package desk

import (
	"context"
	"sync"
	"time"
)

// watch tells everybody who looks at a page that something has changed. It asks the store, so that it
// also hears of what other nodes and the command line do.
type watch struct {
	mu        sync.Mutex
	listeners map[chan struct{}]bool
}

// watchEvery is how often the store is asked while somebody looks.
const watchEvery = 700 * time.Millisecond

// Watch gives a channel that has something in it after a change, until stop is called. Changes that
// come faster than they are read are one.
func (d *Desk) Watch() (changes <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	d.watch.mu.Lock()
	defer d.watch.mu.Unlock()
	if d.watch.listeners == nil {
		d.watch.listeners = map[chan struct{}]bool{}
	}
	d.watch.listeners[c] = true
	return c, func() {
		d.watch.mu.Lock()
		defer d.watch.mu.Unlock()
		delete(d.watch.listeners, c)
	}
}

func (w *watch) watched() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.listeners) > 0
}

func (w *watch) tell() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.listeners {
		select {
		case c <- struct{}{}:
		default: // it has not read the last one yet
		}
	}
}

func (d *Desk) keepWatch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var seen string
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !d.watch.watched() {
			continue
		}
		now, err := d.store.Version(ctx)
		if err != nil || now == seen {
			continue // a page that cannot be told is no more wrong than a moment ago
		}
		seen = now
		d.watch.tell()
	}
}
