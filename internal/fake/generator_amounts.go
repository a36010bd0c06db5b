package fake

import (
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/money"
)

// counter works amounts out as a shop does at its counter: for one buyer, in one currency.
type counter struct {
	currency  money.Currency
	inclusive bool
	country   string
	// factor turns an amount in the catalogue's currency into one in this.
	factor money.Decimal
	// exempt is the EN 16931 category of a sale without tax; "" where tax is due.
	exempt string
	// standard and reduced are the rates of the country for articles with home's rates; homeStandard
	// is what tells those apart.
	standard, reduced, homeStandard money.Decimal
}

// market is where and how a shop sells.
type market struct {
	countries         []string
	currency          money.Currency
	inclusive         bool
	standard, reduced string // per cent; "" is the article's own rate
}

// markets are the countries with something of their own. In others the shop is too small to have to
// know the rates (Directive 2006/112/EC, article 59c) and uses those of home, in euros.
var markets = []market{
	{countries: []string{"DE"}, currency: "EUR", inclusive: true},
	{countries: []string{"AT"}, currency: "EUR", inclusive: true, standard: "20", reduced: "10"},
	{countries: []string{"FR"}, currency: "EUR", inclusive: true, standard: "20", reduced: "5.5"},
	{countries: []string{"NL"}, currency: "EUR", inclusive: true, standard: "21"},
	{countries: []string{"CH"}, currency: "CHF", inclusive: true, standard: "8.1", reduced: "2.6"},
	{countries: []string{"GB"}, currency: "GBP", inclusive: true, standard: "20", reduced: "0"},
	{countries: []string{"JP"}, currency: "JPY", inclusive: true, standard: "10", reduced: "8"},
	{countries: []string{"US"}, currency: "USD", standard: "8", reduced: "0"},
	{countries: []string{"CA"}, currency: "USD", standard: "5", reduced: "5"},
	{countries: []string{"KW"}, currency: "KWD", standard: "0", reduced: "0"},
	{countries: []string{"CN", "KR", "IL", "UA", "TR", "BR", "AU"}, currency: "USD", standard: "0", reduced: "0"},
}

// union is the European Union as far as people of the generator live there.
var union = []string{"DE", "AT", "FR", "NL", "BE", "IT", "ES", "PL", "SE", "IE", "GR", "BG"}

// exchangeRates are how many units of a currency a euro is; they need not be of today.
var exchangeRates = map[money.Currency]string{
	"EUR": "1", "USD": "1.08", "GBP": "0.86", "CHF": "0.95", "JPY": "162.5", "KWD": "0.332",
}

// counter gives the counter at which somebody pays.
func (g *Generator) counter(who person) counter {
	here := market{currency: "EUR", inclusive: true}
	for _, m := range markets {
		if slices.Contains(m.countries, who.country) {
			here = m
		}
	}
	known := g.options.Catalog.Currencies
	home := money.Currency("EUR")
	if len(known) > 0 {
		home = known[0]
	}
	c := counter{
		currency: here.currency, inclusive: here.inclusive, country: who.country, homeStandard: g.standard,
		standard: g.rate(here.standard), reduced: g.rate(here.reduced),
	}
	if len(known) > 0 && !slices.Contains(known, c.currency) {
		c.currency = home
	}
	c.factor = exchangeRate(c.currency).DivRound(exchangeRate(home), 6)
	switch {
	case who.company != "" && who.taxID != "" && who.country != "DE" && slices.Contains(union, who.country):
		c.exempt, c.inclusive = "K", false // to a business in another country of the Union
	case who.company != "" && g.chance(500):
		c.inclusive = false // businesses are often shown prices without tax
	case here.standard == "0":
		c.exempt = "G" // export
	}
	return c
}

// unset is the rate that is the article's own.
var unset = decimal.New(-1, 0)

// rate reads a market's rate; one that the catalogue does not have is unset.
func (g *Generator) rate(percent string) money.Decimal {
	if percent == "" {
		return unset
	}
	rate := money.Percent(decimal.RequireFromString(percent))
	if slices.ContainsFunc(g.options.Catalog.Rates, rate.Equal) {
		return rate
	}
	return unset
}

func exchangeRate(currency money.Currency) money.Decimal {
	if text, known := exchangeRates[currency]; known {
		return decimal.RequireFromString(text)
	}
	return decimal.New(1, 0)
}

// rate is the tax on something that is taxed with homes's rate at home.
func (c counter) rate(atHome money.Decimal) money.Decimal {
	here := c.reduced
	if atHome.Equal(c.homeStandard) {
		here = c.standard
	}
	switch {
	case c.exempt != "" || atHome.IsZero():
		return money.Zero
	case here.Equal(unset):
		return atHome
	}
	return here
}

// price turns a net price of the catalogue into one in the sense of the shop's prices here.
func (c counter) price(net, rate money.Decimal) money.Decimal {
	price := net.Mul(c.factor)
	if c.inclusive {
		price = price.Mul(rate.Add(decimal.New(1, 0)))
	}
	return c.round(price)
}

// unit gives a price for one unit without and with tax.
func (c counter) unit(price, rate money.Decimal) commerce.Price {
	if c.inclusive {
		return commerce.Price{Net: c.money(commerce.NetOfGross(price, rate)), Gross: c.money(price)}
	}
	return commerce.Price{Net: c.money(price), Gross: c.money(price.Mul(rate.Add(decimal.New(1, 0))))}
}

// split gives net, tax and gross of an amount in the sense of the shop's prices.
func (c counter) split(amount, rate money.Decimal) (net, tax, gross money.Money) {
	if c.inclusive {
		t := commerce.TaxInGross(amount, rate, c.currency, money.HalfUp)
		return c.money(amount.Sub(t)), c.money(t), c.money(amount)
	}
	t := commerce.TaxOnNet(amount, rate, c.currency, money.HalfUp)
	return c.money(amount), c.money(t), c.money(amount.Add(t))
}

// stated gives the one of two amounts that is in the sense of the shop's prices.
func (c counter) stated(net, gross money.Money) money.Decimal {
	if c.inclusive {
		return gross.Amount
	}
	return net.Amount
}

func (c counter) money(d money.Decimal) money.Money { return money.New(d, c.currency) }

func (c counter) round(d money.Decimal) money.Decimal {
	return money.Round(d, c.currency.Exponent(), money.HalfUp)
}

// taxes is the list of taxes on an amount; a rate of zero is stated as one, too.
func (c counter) taxes(net, tax money.Money, rate money.Decimal) []commerce.Tax {
	category := "S"
	switch {
	case c.exempt != "":
		category = c.exempt
	case rate.IsZero():
		category = "Z"
	}
	return []commerce.Tax{{
		Name: fmt.Sprintf("VAT %s%%", rate.Shift(2)), Category: category, Rate: rate, Country: c.country,
		TaxableAmount: &net, TaxAmount: tax, Included: c.inclusive,
	}}
}
