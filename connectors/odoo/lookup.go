package odoo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/odoo/api"
	"github.com/orderlyhq/orderly/money"
)

// lookup keeps what seldom changes in a database: ids of countries, states, currencies and price
// lists, and the fields of models. Each is read once a connection, and price lists every so often.
type lookup struct {
	conn *conn
	// lock guards what is below; it is held while something is read, so that it is read once.
	lock chan struct{}
	// companyLock guards companyRow by itself: the company goes with every other call.
	companyLock chan struct{}
	companyRow  *company

	fields     map[string]map[string]api.Field
	countries  map[string]int64 // by code
	codes      map[int64]string // the same, other way round
	states     map[int64][]state
	stateCodes map[int64]string
	lists      map[money.Currency]priceList
	listsAt    time.Time
	terms      map[string]int64
	warehouses map[string]int64
}

// listsAge is for how long price lists are remembered.
const listsAge = 10 * time.Minute

type company struct {
	ID         int64    `json:"id"`
	Name       string   `json:"name"`
	Currency   api.Ref  `json:"currency_id"`
	Partner    api.Ref  `json:"partner_id"`
	DefaultTax *api.Ref `json:"account_sale_tax_id"`
}

type state struct {
	ID      int64    `json:"id"`
	Code    api.Text `json:"code"`
	Name    api.Text `json:"name"`
	Country api.Ref  `json:"country_id"`
}

type priceList struct {
	ID       int64    `json:"id"`
	Name     api.Text `json:"name"`
	Currency api.Ref  `json:"currency_id"`
}

func newLookup(c *conn) *lookup {
	return &lookup{conn: c, lock: make(chan struct{}, 1), companyLock: make(chan struct{}, 1), fields: map[string]map[string]api.Field{}}
}

func (l *lookup) take(ctx context.Context) error { return takeLock(ctx, l.lock) }

func (l *lookup) free() { <-l.lock }

func takeLock(ctx context.Context, lock chan struct{}) error {
	select {
	case lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// company is the company that the connection works in.
func (l *lookup) company(ctx context.Context) (company, error) {
	if err := takeLock(ctx, l.companyLock); err != nil {
		return company{}, err
	}
	defer func() { <-l.companyLock }()
	if l.companyRow != nil {
		return *l.companyRow, nil
	}
	const op = "read the company"
	query := api.Query{Op: op, Model: modelCompany, Fields: []string{"id", "name", "currency_id", "partner_id", "account_sale_tax_id"}, Order: "id", Limit: 2}
	wanted := l.conn.config.company
	if id, err := strconv.ParseInt(wanted, 10, 64); err == nil {
		query.Domain = query.Domain.Where("id", "=", id)
	} else if wanted != "" {
		query.Domain = query.Domain.Where("name", "=", wanted)
	}
	var found []company
	if err := l.conn.api.SearchRead(ctx, query, &found); err != nil {
		return company{}, err
	}
	if len(found) == 0 {
		e := connector.Invalid("company", "Odoo has no company %q that this user may work for", wanted)
		e.Op, e.Fix = op, "check the setting company, and the companies that the user may work for"
		return company{}, e
	}
	l.companyRow = &found[0]
	return found[0], nil
}

// context is what every call is made with: the company, where one is configured.
func (l *lookup) context(ctx context.Context, model string) (map[string]any, error) {
	if l.conn.config.company == "" || model == modelCompany {
		return nil, nil
	}
	c, err := l.company(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]any{"allowed_company_ids": []int64{c.ID}}, nil
}

// inCompany narrows a search to records of the company, and those of all companies.
func (l *lookup) inCompany(ctx context.Context, domain api.Domain) (api.Domain, error) {
	if l.conn.config.company == "" {
		return domain, nil
	}
	c, err := l.company(ctx)
	return domain.Where("company_id", "in", []any{c.ID, false}), err
}

// has says whether a model has a field in this release and with these apps.
func (l *lookup) has(ctx context.Context, model, field string) (bool, error) {
	fields, err := l.model(ctx, model)
	if err != nil {
		return false, err
	}
	_, ok := fields[field]
	return ok, nil
}

// model gives the fields of a model, which are read once. The community REST module does not carry
// their description: there the release decides.
func (l *lookup) model(ctx context.Context, model string) (map[string]api.Field, error) {
	if err := l.take(ctx); err != nil {
		return nil, err
	}
	defer l.free()
	if fields, ok := l.fields[model]; ok {
		return fields, nil
	}
	fields, err := l.conn.api.Fields(ctx, model)
	if errors.Is(err, api.ErrNotCarried) {
		version, versionErr := l.conn.api.Version(ctx)
		if versionErr != nil {
			return nil, versionErr
		}
		fields, err = fieldsOfRelease(model, version.Major), nil
	}
	if err != nil {
		return nil, err
	}
	l.fields[model] = fields
	return fields, nil
}

// fieldsOfRelease are the fields whose names depend on the release.
func fieldsOfRelease(model string, major int) map[string]api.Field {
	fields := map[string]api.Field{}
	add := func(names ...string) {
		for _, name := range names {
			fields[name] = api.Field{}
		}
	}
	two := api.Field{Digits: []byte("[16, 2]")}
	switch model {
	case modelLine:
		add("is_delivery", "is_downpayment")
		fields["discount"] = two
		if major >= 19 {
			add("tax_ids", "product_uom_id", "price_unit")
		} else {
			add("tax_id", "product_uom")
			fields["price_unit"] = two
		}
	case modelOrder:
		add("commitment_date", "warehouse_id", "payment_term_id", "invoice_status", "partner_invoice_id", "partner_shipping_id", "invoice_ids")
		if major >= 17 {
			add("locked", "delivery_status")
		}
	case modelPartner:
		add("customer_rank", "partner_share", "country_code", "function", "comment", "lang")
		if major < 19 {
			add("mobile")
		}
	}
	return fields
}

// taxField is the name of a line's taxes, which changed with Odoo 19.
func (l *lookup) taxField(ctx context.Context) (string, error) {
	old, err := l.has(ctx, modelLine, "tax_id")
	if err != nil || !old {
		return "tax_ids", err
	}
	return "tax_id", nil
}

// unrounded is how many decimals of a price are given where Odoo keeps all of them.
const unrounded = 8

// pricePlaces is the number of decimals that unit prices keep: the accuracy "Product Price" up to Odoo
// 18, and all of them later.
func (l *lookup) pricePlaces(ctx context.Context) (int32, error) {
	return l.places(ctx, "price_unit")
}

func (l *lookup) places(ctx context.Context, field string) (int32, error) {
	fields, err := l.model(ctx, modelLine)
	if err != nil {
		return 0, err
	}
	if places, ok := fields[field].Decimals(); ok {
		return min(places, unrounded), nil
	}
	return unrounded, nil
}

// country gives the id of a country by its ISO 3166-1 code.
func (l *lookup) country(ctx context.Context, code string) (int64, error) {
	if err := l.take(ctx); err != nil {
		return 0, err
	}
	defer l.free()
	if err := l.readCountries(ctx); err != nil {
		return 0, err
	}
	id, ok := l.countries[strings.ToUpper(code)]
	if !ok {
		return 0, &connector.Error{
			Kind: connector.KindUnmapped, Op: "find the country", Field: "address_country", Value: code,
			Message: "Odoo has no country with this code", Fix: "correct the country in the source, or add it in Odoo (Contacts, Configuration, Countries)",
		}
	}
	return id, nil
}

// countryCode gives the ISO code of a country's id.
func (l *lookup) countryCodes(ctx context.Context) (map[int64]string, error) {
	if err := l.take(ctx); err != nil {
		return nil, err
	}
	defer l.free()
	return l.codes, l.readCountries(ctx)
}

func (l *lookup) readCountries(ctx context.Context) error {
	if l.countries != nil {
		return nil
	}
	var rows []struct {
		ID   int64    `json:"id"`
		Code api.Text `json:"code"`
	}
	if err := l.conn.api.SearchRead(ctx, api.Query{Op: "read the countries", Model: "res.country", Fields: []string{"id", "code"}}, &rows); err != nil {
		return err
	}
	l.countries, l.codes = map[string]int64{}, map[int64]string{}
	for _, r := range rows {
		l.countries[strings.ToUpper(r.Code.String())] = r.ID
		l.codes[r.ID] = strings.ToUpper(r.Code.String())
	}
	return nil
}

// region gives the id of a state by its code or name; 0 when the country has none such.
func (l *lookup) region(ctx context.Context, country int64, region string) (int64, error) {
	if region == "" || country == 0 {
		return 0, nil
	}
	if err := l.take(ctx); err != nil {
		return 0, err
	}
	defer l.free()
	if err := l.readStates(ctx); err != nil {
		return 0, err
	}
	for _, s := range l.states[country] {
		if strings.EqualFold(s.Code.String(), region) || strings.EqualFold(s.Name.String(), region) {
			return s.ID, nil
		}
	}
	return 0, nil
}

func (l *lookup) regionCodes(ctx context.Context) (map[int64]string, error) {
	if err := l.take(ctx); err != nil {
		return nil, err
	}
	defer l.free()
	return l.stateCodes, l.readStates(ctx)
}

func (l *lookup) readStates(ctx context.Context) error {
	if l.states != nil {
		return nil
	}
	var rows []state
	query := api.Query{Op: "read the states", Model: "res.country.state", Fields: []string{"id", "code", "name", "country_id"}}
	if err := l.conn.api.SearchRead(ctx, query, &rows); err != nil {
		return err
	}
	l.states, l.stateCodes = map[int64][]state{}, map[int64]string{}
	for _, s := range rows {
		l.states[s.Country.ID] = append(l.states[s.Country.ID], s)
		l.stateCodes[s.ID] = s.Code.String()
	}
	return nil
}

// currency gives the ISO code of a currency: the name of res.currency.
func currencyOf(ref api.Ref) (money.Currency, error) {
	currency, err := money.ParseCurrency(ref.Name)
	if err != nil {
		return "", connector.Invalid("currency_id", "%q is no ISO 4217 currency", ref.Name)
	}
	return currency, nil
}

// priceList gives the price list of a currency: the one that is configured, else the first. It is zero
// where the company's own currency has none, which then needs none.
func (l *lookup) priceList(ctx context.Context, currency money.Currency) (priceList, error) {
	if err := l.take(ctx); err != nil {
		return priceList{}, err
	}
	defer l.free()
	company, err := l.company(ctx)
	if err != nil {
		return priceList{}, err
	}
	if l.lists == nil || l.conn.env.Now().Sub(l.listsAt) > listsAge {
		if err := l.readLists(ctx, company); err != nil {
			return priceList{}, err
		}
	}
	list, ok := l.lists[currency]
	if ok || company.Currency.Name == string(currency) {
		return list, nil
	}
	l.listsAt = time.Time{} // somebody will add it: look again next time
	return priceList{}, &connector.Error{
		Kind: connector.KindUnmapped, Op: "find the price list", Field: "document_currency", Value: string(currency),
		Message: "Odoo has no price list in this currency, and takes the currency of an order from its price list",
		Fix:     "activate the currency, add a price list in it (Sales, Products, Pricelists), or name one in the setting price_lists",
	}
}

func (l *lookup) readLists(ctx context.Context, in company) error {
	var rows []priceList
	err := l.conn.api.SearchRead(ctx, api.Query{
		Op: "read the price lists", Model: "product.pricelist", Fields: []string{"id", "name", "currency_id"},
		Domain: api.Domain{}.Where("company_id", "in", []any{in.ID, false}), Order: "sequence, id",
	}, &rows)
	if err != nil {
		return err
	}
	lists := map[money.Currency]priceList{}
	for _, r := range rows {
		currency := money.Currency(r.Currency.Name)
		if _, ok := lists[currency]; !ok {
			lists[currency] = r
		}
	}
	for currency, wanted := range l.conn.config.lists {
		at := slices.IndexFunc(rows, func(r priceList) bool {
			return formatID(r.ID) == wanted || r.Name.String() == wanted
		})
		if at < 0 || rows[at].Currency.Name != string(currency) {
			message := "Odoo has no such price list"
			if at >= 0 {
				message = fmt.Sprintf("this price list is in %s and not in %s", rows[at].Currency.Name, currency)
			}
			return &connector.Error{
				Kind: connector.KindUnmapped, Op: "find the price list", Field: "price_lists", Value: wanted, Message: message,
				Fix: "correct the setting price_lists of this connection",
			}
		}
		lists[currency] = rows[at]
	}
	l.lists, l.listsAt = lists, l.conn.env.Now()
	return nil
}

// paymentTerms gives the id of payment terms by id or name.
func (l *lookup) paymentTerms(ctx context.Context, wanted string) (int64, error) {
	return l.named(ctx, &l.terms, "account.payment.term", nil, "payment_terms", wanted)
}

// warehouse gives the id of a warehouse by id, short name or name.
func (l *lookup) warehouse(ctx context.Context, wanted string) (int64, error) {
	return l.named(ctx, &l.warehouses, "stock.warehouse", []string{"code"}, "warehouse", wanted)
}

func (l *lookup) named(ctx context.Context, kept *map[string]int64, model string, more []string, field, wanted string) (int64, error) {
	if err := l.take(ctx); err != nil {
		return 0, err
	}
	defer l.free()
	op := "read " + model
	if *kept == nil {
		var rows []struct {
			ID   int64    `json:"id"`
			Name api.Text `json:"name"`
			Code api.Text `json:"code"`
		}
		err := l.conn.api.SearchRead(ctx, api.Query{Op: op, Model: model, Fields: append([]string{"id", "name"}, more...), Order: "id desc"}, &rows)
		if err != nil {
			return 0, err
		}
		found := map[string]int64{}
		for _, r := range rows { // oldest last, so that it wins a name
			for _, name := range []string{r.Name.String(), r.Code.String(), formatID(r.ID)} {
				if name != "" {
					found[name] = r.ID
				}
			}
		}
		*kept = found
	}
	id, ok := (*kept)[wanted]
	if !ok {
		*kept = nil // somebody will add it: look again next time
		return 0, &connector.Error{
			Kind: connector.KindUnmapped, Op: op, Field: field, Value: wanted, Message: "Odoo has no record of " + model + " with this id or name",
			Fix: "correct the mapping, or add it in Odoo",
		}
	}
	return id, nil
}

func formatID(id int64) string { return strconv.FormatInt(id, 10) }

// parseID reads the id of one of Odoo's records out of our own forms.
func parseID(field, text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id <= 0 {
		return 0, &connector.Error{Kind: connector.KindInvalid, Field: field, Value: text, Message: "is no id of a record in Odoo"}
	}
	return id, nil
}
