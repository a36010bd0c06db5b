package sandbox

import (
	"errors"
	"net/http"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/fake"
)

const (
	// maxMade bounds how many orders one request makes.
	maxMade = 10_000
	// maxGenerators bounds the seeds that a system remembers the customers of.
	maxGenerators = 100
)

// Order is an order as its system states it, with the reason to hold it that the sandbox put there.
type Order struct {
	commerce.Order
	// MustHold is empty where nothing is in the way of the order.
	MustHold string `json:"must_hold,omitempty"`
}

// MakeOptions say which orders are made.
type MakeOptions struct {
	N int
	// Seed decides which; 0 is the sandbox's own. A seed goes on where it stopped.
	Seed uint64
	// Unknown is how many in a thousand have an article that no ERP knows.
	Unknown int
}

// Make makes orders in a system: in a shop as its customers would, with accounts and webhooks, in an
// ERP as a clerk would. It stops at the first that the system refuses, with those made before.
func (s *Sandbox) Make(name string, o MakeOptions) ([]Order, error) {
	h, err := s.host(name)
	if err != nil {
		return nil, err
	}
	switch {
	case o.N < 1 || o.N > maxMade:
		return nil, badRequest("n %d is not between 1 and %d", o.N, maxMade)
	case o.Unknown < 0 || o.Unknown > 1000:
		return nil, badRequest("unknown %d is not between 0 and 1000", o.Unknown)
	}
	if o.Seed == 0 {
		o.Seed = s.seed(name)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	g, err := h.generator(o, s.options.Catalog)
	if err != nil {
		return nil, err
	}
	var made []Order
	for range o.N {
		order, err := h.put(g, o)
		if err != nil {
			return made, problemf(http.StatusConflict, "%s refused order %d of %d: %v", name, len(made)+1, o.N, err)
		}
		made = append(made, Order{order, s.options.Catalog.MustHold(order)})
	}
	return made, nil
}

// generator gives the generator of a seed; h.mu is held.
func (h *host) generator(o MakeOptions, catalog fake.Catalog) (*fake.Generator, error) {
	g := h.generators[o.Seed]
	if g == nil {
		if len(h.generators) >= maxGenerators {
			return nil, badRequest("%d seeds are all that the sandbox keeps for a system; use one of those", maxGenerators)
		}
		options := h.knows
		options.Seed, options.Catalog = o.Seed, catalog
		g = fake.NewGenerator(options)
		h.generators[o.Seed] = g
	}
	g.SetUnknown(o.Unknown)
	return g, nil
}

// put makes one order; h.mu is held.
func (h *host) put(g *fake.Generator, o MakeOptions) (commerce.Order, error) {
	switch v := h.vendor.(type) {
	case fake.Shop:
		return g.Put(v)
	case fake.ERP:
		if o.Unknown > 0 {
			return commerce.Order{}, errors.New("an ERP has no orders of articles that it does not know")
		}
		order := g.Order()
		id, err := v.PutOrder(order)
		order.Source.ExternalID = id
		if err == nil {
			h.clerk[id] = order
		}
		return order, err
	}
	return commerce.Order{}, errors.New("it has no orders")
}

// Orders gives every order of a system that is a source: the ground truth. Of an ERP's it gives
// those that a clerk entered.
func (s *Sandbox) Orders(name string) ([]Order, error) {
	h, err := s.host(name)
	if err != nil {
		return nil, err
	}
	var stated []commerce.Order
	if shop, ok := h.vendor.(fake.Shop); ok {
		stated = shop.Orders()
	} else {
		h.mu.Lock()
		for _, order := range h.clerk {
			stated = append(stated, order)
		}
		h.mu.Unlock()
	}
	out := make([]Order, len(stated))
	for i, order := range stated {
		out[i] = Order{order, s.options.Catalog.MustHold(order)}
	}
	return out, nil
}

// Documents gives every sales order of an ERP: the ground truth.
func (s *Sandbox) Documents(name string) ([]fake.Document, error) {
	erp, err := s.ERP(name)
	if err != nil {
		return nil, err
	}
	return erp.Documents(), nil
}

// Change changes an order as a customer or the merchant would.
func (s *Sandbox) Change(name, id string) error {
	return s.touch(name, id, func(g *fake.Generator, order commerce.Order) (commerce.Order, error) { return g.Change(order), nil })
}

// Refund gives money of an order back, for one of its lines.
func (s *Sandbox) Refund(name, id string) error {
	return s.touch(name, id, func(g *fake.Generator, order commerce.Order) (commerce.Order, error) {
		refunded, ok := g.Refund(order)
		if !ok {
			return order, problemf(http.StatusConflict, "order %s has no line that was paid and is not refunded", id)
		}
		return refunded, nil
	})
}

func (s *Sandbox) touch(name, id string, change func(*fake.Generator, commerce.Order) (commerce.Order, error)) error {
	h, err := s.host(name)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	g, err := h.generator(MakeOptions{Seed: s.seed(name)}, s.options.Catalog)
	if err != nil {
		return err
	}
	order, err := h.order(id)
	if err != nil {
		return err
	}
	if order.OrderState == commerce.StateCancelled {
		return problemf(http.StatusConflict, "order %s is cancelled", id)
	}
	changed, err := change(g, order)
	if err != nil {
		return err
	}
	switch v := h.vendor.(type) {
	case fake.Shop:
		_, err = v.PutOrder(changed)
	case fake.Changer:
		if err = v.ChangeOrder(id, changed); err == nil {
			h.clerk[id] = changed
		}
	default:
		return problemf(http.StatusConflict, "%s cannot change orders", name)
	}
	return refused(name, err)
}

// order gives an order by its id; h.mu is held.
func (h *host) order(id string) (commerce.Order, error) {
	if shop, ok := h.vendor.(fake.Shop); ok {
		for _, order := range shop.Orders() {
			if order.Source.ExternalID == id {
				return order, nil
			}
		}
	} else if order, ok := h.clerk[id]; ok {
		return order, nil
	}
	return commerce.Order{}, problemf(http.StatusNotFound, "%s has no order %q that the sandbox made", h.name, id)
}

// Cancel cancels an order as the merchant would.
func (s *Sandbox) Cancel(name, id string) error {
	h, err := s.host(name)
	if err != nil {
		return err
	}
	if c, ok := h.vendor.(fake.Canceller); ok { // every shop is one
		return refused(name, c.CancelOrder(id))
	}
	return problemf(http.StatusConflict, "%s cannot cancel orders", name)
}

// Delete lets an order vanish.
func (s *Sandbox) Delete(name, id string) error {
	h, err := s.host(name)
	if err != nil {
		return err
	}
	if d, ok := h.vendor.(fake.Deleter); ok {
		return refused(name, d.DeleteOrder(id))
	}
	return problemf(http.StatusConflict, "%s does not delete orders", name)
}

// Subscribe enters the address for webhooks as the merchant would by hand.
func (s *Sandbox) Subscribe(name, address string) error {
	h, err := s.host(name)
	if err != nil {
		return err
	}
	if sub, ok := h.vendor.(fake.Subscriber); ok {
		return refused(name, sub.Subscribe(address))
	}
	return problemf(http.StatusConflict, "%s has no place to enter an address; its API makes subscriptions", name)
}

// DisableWebhooks switches subscriptions off, as the vendor does after failed deliveries.
func (s *Sandbox) DisableWebhooks(name string) error {
	h, err := s.host(name)
	if err != nil {
		return err
	}
	if d, ok := h.vendor.(fake.Disabler); ok {
		d.DisableWebhooks()
		return nil
	}
	return problemf(http.StatusConflict, "%s does not switch webhooks off", name)
}

func refused(name string, err error) error {
	if err == nil {
		return nil
	}
	return problemf(http.StatusConflict, "%s refused: %v", name, err)
}
