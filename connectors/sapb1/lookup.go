package sapb1

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/sapb1/api"
	"github.com/orderlyhq/orderly/internal/odata"
	"github.com/orderlyhq/orderly/money"
)

// Tables that user fields are added to. A field of ORDR is in all marketing documents and drafts.
const (
	tableOrders   = "ORDR"
	tablePartners = "OCRD"
)

// keep is how long what hardly ever changes is believed.
const keep = 10 * time.Minute

// cached is a value that is read once in a while. Whoever comes while it is being read waits.
type cached[T any] struct {
	lock  chan struct{}
	until time.Time
	value T
}

func newCached[T any]() *cached[T] { return &cached[T]{lock: make(chan struct{}, 1)} }

func (c *cached[T]) get(ctx context.Context, now func() time.Time, load func() (T, error)) (T, error) {
	select {
	case c.lock <- struct{}{}:
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
	defer func() { <-c.lock }()
	if now().Before(c.until) {
		return c.value, nil
	}
	value, err := load()
	if err == nil {
		c.value, c.until = value, now().Add(keep)
	}
	return value, err
}

// forget lets the next one read the value anew.
func (c *cached[T]) forget() {
	c.lock <- struct{}{}
	c.until = time.Time{}
	<-c.lock
}

// lookup keeps what is known of the company.
type lookup struct {
	c             *conn
	fields        map[string]*cached[bool]
	adminInfo     *cached[api.AdminInfo]
	currencyCodes *cached[[]api.Currency]
	taxTable      *cached[taxTable]
	statesOf      *cached[map[string]bool] // "US/CA"
}

func newLookup(c *conn) *lookup {
	return &lookup{
		c: c, fields: map[string]*cached[bool]{tableOrders: newCached[bool](), tablePartners: newCached[bool]()}, adminInfo: newCached[api.AdminInfo](),
		currencyCodes: newCached[[]api.Currency](), taxTable: newCached[taxTable](), statesOf: newCached[map[string]bool](),
	}
}

// hasField says whether a table has the user field for our key. fresh asks anew.
func (l *lookup) hasField(ctx context.Context, table string, fresh bool) (bool, error) {
	if fresh {
		l.fields[table].forget()
	}
	return l.fields[table].get(ctx, l.c.env.Now, func() (bool, error) {
		page, err := l.c.api.Page(ctx, api.Ask{
			Op: "look for the user field", Set: "UserFieldsMD", Select: []string{"Name", "TableName"}, Size: 2,
			Filter: odata.And(odata.Eq("TableName", table), odata.Eq("Name", l.c.config.keyField[len("U_"):])),
		})
		if connector.KindOf(err) == connector.KindForbidden { // whoever may not look cannot rely on it
			return false, nil
		}
		return len(page.Items) > 0, err
	})
}

// keyField gives the name of the field that our key is in, or "" where the table has none.
func (l *lookup) keyField(ctx context.Context, table string) (string, error) {
	there, err := l.hasField(ctx, table, false)
	if err != nil || !there {
		return "", err
	}
	return l.c.config.keyField, nil
}

func (l *lookup) admin(ctx context.Context) (api.AdminInfo, error) {
	return l.adminInfo.get(ctx, l.c.env.Now, func() (api.AdminInfo, error) {
		var info api.AdminInfo
		err := l.c.api.Query(ctx, "read the company's settings", "CompanyService_GetAdminInfo", &info)
		if err == nil && info.LocalCurrency == "" {
			err = connector.Errorf(connector.KindBug, "read the company's settings", "the company has no local currency")
		}
		return info, err
	})
}

// pricePlaces is how many decimals unit prices have.
func pricePlaces(admin api.AdminInfo) int32 {
	if admin.PriceAccuracy == nil {
		return 6
	}
	return int32(min(max(*admin.PriceAccuracy, 0), 6))
}

// currency gives the company's code of a currency.
func (l *lookup) currency(ctx context.Context, currency money.Currency) (string, error) {
	if own := l.c.config.ownCode(currency); own != "" {
		return own, nil
	}
	list, err := l.currencyCodes.get(ctx, l.c.env.Now, func() ([]api.Currency, error) {
		var list []api.Currency
		err := l.c.api.List(ctx, api.Ask{Op: "read currencies", Set: "Currencies", Select: []string{"Code", "Name", "DocumentsCode"}, OrderBy: "Code"}, decodeInto(&list))
		return list, err
	})
	if err != nil {
		return "", err
	}
	for _, match := range []func(api.Currency) bool{
		func(c api.Currency) bool { return c.Code == string(currency) },
		func(c api.Currency) bool { return c.DocumentsCode == string(currency) },
		func(c api.Currency) bool { return l.c.config.iso(c.Code) == string(currency) },
	} {
		if i := slices.IndexFunc(list, match); i >= 0 {
			return list[i].Code, nil
		}
	}
	return "", &connector.Error{
		Kind: connector.KindUnmapped, Field: "document_currency", Value: string(currency), Message: "the company has no such currency",
		Fix: "add it in Business One (Administration, Setup, Financials, Currencies), or say its code there in the setting currencies",
	}
}

// decodeInto collects records.
func decodeInto[T any](list *[]T) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		var one T
		if err := json.Unmarshal(raw, &one); err != nil {
			return err
		}
		*list = append(*list, one)
		return nil
	}
}

// taxTable is the taxes for sales, and the field of a line that they are stated in.
type taxTable struct {
	field string // VatGroup or TaxCode
	codes []connector.TaxCode
}

// Fields that a tax is stated in.
const (
	fieldVatGroup = "VatGroup"
	fieldTaxCode  = "TaxCode"
)

func (l *lookup) taxes(ctx context.Context) (taxTable, error) {
	return l.taxTable.get(ctx, l.c.env.Now, func() (taxTable, error) {
		if l.c.config.taxField != taxTaxCode {
			table, err := l.vatGroups(ctx)
			// A localisation with sales tax may not have the object at all.
			unknown := err != nil && (connector.KindOf(err) == connector.KindNotFound || connector.KindOf(err) == connector.KindInvalid)
			if (err != nil && !unknown) || len(table.codes) > 0 || l.c.config.taxField == taxVatGroup {
				return table, err
			}
		}
		return l.salesTaxCodes(ctx)
	})
}

func (l *lookup) vatGroups(ctx context.Context) (taxTable, error) {
	table := taxTable{field: fieldVatGroup}
	var groups []api.VatGroup
	err := l.c.api.List(ctx, api.Ask{Op: "read taxes", Set: "VatGroups", Filter: odata.Eq("Category", "bovcOutputTax"), OrderBy: "Code"}, decodeInto(&groups))
	if err != nil {
		return table, err
	}
	today := l.c.env.Now()
	for _, g := range groups {
		rate, found := rateOn(g, today)
		if g.Inactive == api.Yes || !found {
			continue
		}
		table.codes = append(table.codes, connector.TaxCode{Code: g.Code, Name: g.Name, Rate: rate})
	}
	return table, nil
}

// rateOn is the rate of the last line that is in force.
func rateOn(g api.VatGroup, day time.Time) (rate money.Decimal, found bool) {
	var since time.Time
	for _, line := range g.Lines {
		from, err := odata.ParseTime(line.From, time.UTC)
		if err != nil || from.After(day) || (found && from.Before(since)) {
			continue
		}
		rate, since, found = money.Percent(line.Rate.Decimal), from, true
	}
	return rate, found
}

func (l *lookup) salesTaxCodes(ctx context.Context) (taxTable, error) {
	table := taxTable{field: fieldTaxCode}
	var codes []api.SalesTaxCode
	err := l.c.api.List(ctx, api.Ask{
		Op: "read taxes", Set: "SalesTaxCodes", Select: []string{"Code", "Name", "Rate", "ValidForAR", "Inactive"}, Filter: odata.Eq("ValidForAR", api.Yes), OrderBy: "Code",
	}, decodeInto(&codes))
	if err != nil {
		return table, err
	}
	for _, s := range codes {
		if s.Inactive != api.Yes {
			table.codes = append(table.codes, connector.TaxCode{Code: s.Code, Name: s.Name, Rate: money.Percent(s.Rate.Decimal)})
		}
	}
	return table, nil
}

// state gives the region's code if the company's table has it for the country; else the text belongs elsewhere.
func (l *lookup) state(ctx context.Context, country, region string) (string, error) {
	if region == "" || len(region) > 3 {
		return "", nil
	}
	table, err := l.statesOf.get(ctx, l.c.env.Now, func() (map[string]bool, error) {
		table := map[string]bool{}
		err := l.c.api.List(ctx, api.Ask{Op: "read states", Set: "States", Select: []string{"Code", "Country"}, OrderBy: "Country,Code"}, func(raw json.RawMessage) error {
			var s struct{ Code, Country string }
			if err := json.Unmarshal(raw, &s); err != nil {
				return err
			}
			table[s.Country+"/"+s.Code] = true
			return nil
		})
		return table, err
	})
	if code := strings.ToUpper(region); err == nil && table[country+"/"+code] {
		return code, nil
	}
	return "", err
}

// code gives the vendor's code of an error, or "".
func code(err error) string {
	if e, ok := errors.AsType[*connector.Error](err); ok {
		return e.Code
	}
	return ""
}

// hundred is what percentages are of.
var hundred = decimal.New(100, 0)

// asError gives an error as the contract has it.
func asError(err error) *connector.Error {
	if e, ok := errors.AsType[*connector.Error](err); ok {
		return e
	}
	return &connector.Error{Kind: connector.KindOf(err), Message: err.Error(), Err: err}
}
