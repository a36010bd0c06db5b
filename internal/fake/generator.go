package fake

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/money"
)

// GeneratorOptions say which orders are made. What not every shop has is made only where it is
// asked for.
type GeneratorOptions struct {
	// Seed decides everything: the same seed makes the same orders.
	Seed uint64
	// Catalog is what is sold; one without articles is DefaultCatalog.
	Catalog Catalog
	// Charges are the kinds of charges that the shop knows; nil is none.
	Charges []commerce.ChargeType
	// GiftCards says that the shop sells gift cards and takes them as money.
	GiftCards bool
	// DocumentDiscounts says that the shop has discounts that no line carries.
	DocumentDiscounts bool
	// Accounts is how many customers with an account there are; 0 is 200.
	Accounts int
	// Unknown is how many orders in a thousand have an article that the ERP does not know.
	Unknown int
}

// Generator makes orders as a shop's customers would: a mix of everything that real shops have, with
// amounts as a shop works them out (taxes by line, half up, discounts spread by largest remainder).
// It is not safe for concurrent use.
type Generator struct {
	options  GeneratorOptions
	random   *rand.Rand
	goods    []CatalogItem // that are sent
	digital  []CatalogItem
	missing  []CatalogItem
	standard money.Decimal // the rate on shipping and fees at home
	places   []place
	accounts []account
}

// account is a customer who comes back.
type account struct {
	person person
	// stored is the customer as the shop keeps it; nil before the first order.
	stored *commerce.Customer
}

// NewGenerator makes a generator.
func NewGenerator(o GeneratorOptions) *Generator {
	if o.Accounts <= 0 {
		o.Accounts = 200
	}
	if len(o.Catalog.goods()) == 0 {
		o.Catalog = DefaultCatalog()
	}
	g := &Generator{
		options: o,
		random:  rand.New(rand.NewPCG(o.Seed, 0x6f726465726c79)), //nolint:gosec // test data, repeatable on purpose
		places:  placesIn(o.Catalog.Countries),
	}
	for _, item := range o.Catalog.goods() {
		switch {
		case item.Missing:
			g.missing = append(g.missing, item)
		case item.Digital:
			g.digital = append(g.digital, item)
		default:
			g.goods = append(g.goods, item)
		}
		if item.Rate.GreaterThan(g.standard) {
			g.standard = item.Rate
		}
	}
	if len(g.goods) == 0 {
		g.goods = slices.Concat(g.digital, g.missing)
	}
	if len(g.missing) == 0 {
		g.missing = []CatalogItem{{SKU: "NOT-IN-THE-ERP", Name: "Article that only the shop knows", Price: g.goods[0].Price, Rate: g.goods[0].Rate}}
	}
	g.accounts = make([]account, o.Accounts)
	for i := range g.accounts {
		g.accounts[i].person = g.person(i)
	}
	return g
}

// SetUnknown sets how many of the next orders in a thousand have an article that the ERP does not
// know.
func (g *Generator) SetUnknown(perThousand int) { g.options.Unknown = perThousand }

// Put makes an order and stores it in a shop, with its customer before it when that one has an
// account there. It gives the order as the shop states it.
func (g *Generator) Put(shop Shop) (commerce.Order, error) {
	order, known := g.next()
	if known != nil {
		if known.stored == nil {
			stored, err := shop.PutCustomer(order.Buyer)
			if err != nil {
				return order, fmt.Errorf("store the customer: %w", err)
			}
			known.stored = &stored
		}
		order.Buyer.Source = known.stored.Source
	}
	stored, err := shop.PutOrder(order)
	if err != nil {
		return order, fmt.Errorf("store the order: %w", err)
	}
	return stored, nil
}

// Order makes an order that no shop has seen: without ids, number and times, its buyer a guest.
func (g *Generator) Order() commerce.Order {
	order, _ := g.next()
	return order
}

// chance is true that often in a thousand.
func (g *Generator) chance(perThousand int) bool { return g.random.IntN(1000) < perThousand }

func pick[T any](g *Generator, from []T) T { return from[g.random.IntN(len(from))] }

// next makes an order; the account is nil for a guest.
func (g *Generator) next() (commerce.Order, *account) {
	var known *account
	var who person
	if g.chance(450) {
		// The smaller of two draws: some customers come often, most seldom.
		known = &g.accounts[min(g.random.IntN(len(g.accounts)), g.random.IntN(len(g.accounts)))]
		who = known.person
	} else {
		who = g.person(-1)
	}
	c := g.counter(who)
	order := commerce.Order{
		OrderType: commerce.OrderSale, OrderState: commerce.StateOpen,
		PaymentState: commerce.PaymentPaid, FulfillmentState: commerce.FulfillmentPending,
		Channel: "web", TaxLevel: commerce.TaxByLine, RoundingMode: money.HalfUp,
		DocumentCurrency: c.currency, PricesIncludeTax: c.inclusive,
		Buyer: who.customer(),
	}
	digital := len(g.digital) > 0 && who.email != "" && g.chance(70) // or where to send it?
	g.lines(&order, c, digital)
	g.addresses(&order, who, digital)
	if !digital {
		g.shipping(&order, c)
	}
	g.discounts(&order, c)
	g.charges(&order, c, digital)
	if who.company != "" && g.chance(700) {
		order.CustomerReference = fmt.Sprintf("PO-%05d", g.random.IntN(100000))
	}
	if g.chance(120) {
		order.Notes = []commerce.Note{{Audience: "buyer", Text: pick(g, notes)}}
	}
	complete(&order)
	g.payments(&order)
	complete(&order)
	return order, known
}

// complete derives the totals; a rounding that the order states stays.
func complete(order *commerce.Order) {
	var stated commerce.Stated
	if rounding := order.Totals.Rounding.Amount; !rounding.IsZero() {
		stated.Rounding = &rounding
	}
	// The parts are in one currency, which is all that can be wrong.
	if err := order.Complete(stated); err != nil {
		panic(err)
	}
}
