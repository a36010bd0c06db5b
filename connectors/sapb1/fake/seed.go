package fake

import (
	"maps"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/money"
)

// seed fills the company with what the catalogue knows.
func (v *Vendor) seed(c fake.Catalog) {
	v.currencies, v.rates = map[string]money.Currency{}, map[string]money.Decimal{}
	v.countries, v.warehouses, v.expenses = map[string]bool{}, map[string]bool{"01": true, "02": true}, map[int64]string{1: "Freight", 2: "Fees", 3: "Discount"}
	if len(c.Currencies) == 0 {
		c.Currencies = []money.Currency{"EUR"}
	}
	for i, currency := range c.Currencies {
		code := string(currency)
		if i == 0 && v.localSign != "" {
			code = v.localSign
		}
		v.currencies[code] = currency
		v.rates[code] = exchangeRate(i)
		v.tables["Currencies"].put(row{"Code": code, "Name": string(currency), "DocumentsCode": string(currency)})
	}
	for _, country := range c.Countries {
		v.countries[country] = true
	}
	for country, states := range map[string][]string{"US": {"CA", "NY", "TX", "WA"}, "CA": {"ON", "QC", "BC"}, "BR": {"SP", "RJ"}, "AU": {"NSW", "VIC"}} {
		for _, state := range states {
			if v.countries[country] {
				v.tables["States"].put(row{"Code": state, "Country": country, "Name": country + "-" + state})
			}
		}
	}
	for _, rate := range c.Rates {
		percent := rate.Shift(2)
		if v.salesTax {
			v.tables["SalesTaxCodes"].put(row{"Code": "T" + percent.String(), "Name": "Sales tax " + percent.String(), "Rate": percent, "ValidForAR": "tYES", "ValidForAP": "tYES", "Inactive": "tNO"})
			continue
		}
		// The rate of a group can change; the one in force is the last.
		v.tables["VatGroups"].put(row{
			"Code": "A" + percent.String(), "Name": "Output tax " + percent.String() + "%", "Category": "bovcOutputTax", "EU": "tNO", "Inactive": "tNO",
			"VatGroups_Lines": []row{{"Effectivefrom": "2007-01-01", "Rate": percent}},
		})
	}
	for code, percent := range v.taxCodes {
		v.tables["SalesTaxCodes"].put(row{"Code": code, "Name": "Sales tax " + code, "Rate": percent, "ValidForAR": "tYES", "ValidForAP": "tYES", "Inactive": "tNO"})
	}
	if !v.salesTax {
		v.tables["VatGroups"].put(row{"Code": "V1", "Name": "Input tax", "Category": "bovcInputTax", "EU": "tNO", "Inactive": "tNO", "VatGroups_Lines": []row{{"Effectivefrom": "2007-01-01", "Rate": decimal.New(19, 0)}}})
		v.tables["VatGroups"].put(row{"Code": "OLD", "Name": "Output tax of old", "Category": "bovcOutputTax", "EU": "tNO", "Inactive": "tYES", "VatGroups_Lines": []row{{"Effectivefrom": "1998-01-01", "Rate": decimal.New(16, 0)}}})
	}
	for _, item := range c.Items {
		if item.Missing {
			continue
		}
		stock := decimal.NewFromInt(item.Stock)
		second := decimal.NewFromInt(item.Stock / 4)
		v.tables["Items"].put(row{
			"ItemCode": item.SKU, "ItemName": item.Name, "SalesVATGroup": "A" + item.Rate.Shift(2).String(), "Valid": "tYES", "Frozen": "tNO", "QuantityOnStock": stock,
			"ItemWarehouseInfoCollection": []row{
				{"WarehouseCode": "01", "ItemCode": item.SKU, "InStock": stock.Sub(second), "Committed": money.Zero, "Ordered": money.Zero},
				{"WarehouseCode": "02", "ItemCode": item.SKU, "InStock": second, "Committed": money.Zero, "Ordered": money.Zero},
			},
		})
	}
	if !v.noUserField {
		for _, tableName := range []string{"ORDR", "OCRD"} {
			v.addField(tableName, keyField[len("U_"):])
			t := v.tables["UserFieldsMD"]
			t.put(row{"FieldID": t.next, "TableName": tableName, "Name": keyField[len("U_"):], "Type": "db_Alpha", "SubType": "st_None", "Size": int64(50), "Mandatory": "tNO"})
			t.next++
		}
	}
}

// exchangeRate is how many units of the company's currency one of the n-th is.
func exchangeRate(n int) money.Decimal {
	rates := []string{"1", "0.92", "1.17", "1.05", "0.0062", "3.01"}
	return decimal.RequireFromString(rates[min(n, len(rates)-1)])
}

// localCode is the company's code of its own currency.
func (v *Vendor) localCode() string {
	if v.localSign != "" {
		return v.localSign
	}
	if len(v.options.Catalog.Currencies) > 0 {
		return string(v.options.Catalog.Currencies[0])
	}
	return "EUR"
}

// FreezeItem makes an article inactive, as a clerk would.
func (v *Vendor) FreezeItem(code string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if kept := v.tables["Items"].get(code); kept != nil {
		(*kept)["Frozen"] = "tYES"
	}
}

// Approve turns what waits for approval into an order, as whoever may approve it would.
func (v *Vendor) Approve() {
	v.mu.Lock()
	for _, draft := range slices.Clone(v.tables["Drafts"].rows) {
		if draft.text("DocumentStatus") != "bost_Open" {
			continue
		}
		t := v.tables["Orders"]
		order := row{}
		maps.Copy(order, *draft)
		order["AuthorizationStatus"] = "dasWithout"
		v.number(t, order)
		t.put(order)
		(*draft)["DocumentStatus"], (*draft)["AuthorizationStatus"] = "bost_Close", "dasGenerated"
		v.tell("Orders", "Created", "A", keyText(order["DocEntry"]))
	}
	v.flush()
}

// Reject turns down what waits for approval.
func (v *Vendor) Reject() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, draft := range v.tables["Drafts"].rows {
		(*draft)["AuthorizationStatus"] = "dasRejected"
	}
}

// flush unlocks and sends what was put into the outbox meanwhile.
func (v *Vendor) flush() {
	deliveries := v.outbox
	v.outbox = nil
	v.mu.Unlock()
	for _, d := range deliveries {
		v.send(d)
	}
}
