package sapb1_test

import (
	"os"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
)

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestOrderOfVersion1(t *testing.T) {
	p := open(t, map[string]string{"time_zone": "Europe/Berlin"})
	o, err := p.conn.Decoder.DecodeOrder(connector.Raw{Body: testdata(t, "order_v1.json")})
	if err != nil {
		t.Fatal(err)
	}
	if proof, err := o.Prove(); err != nil || !proof.AddsUp {
		t.Errorf("%+v, %v", proof, err)
	}
	totals := o.Totals
	if totals.TaxInclusive.String() != "57.81 EUR" || totals.Tax.String() != "8.63 EUR" || totals.Rounding.String() != "0.01 EUR" || totals.Payable.String() != "57.82 EUR" || totals.Charges.String() != "5.68 EUR" {
		t.Errorf("%+v", totals)
	}
	if !o.Source.UpdatedAt.Equal(time.Date(2026, 3, 1, 16, 41, 9, 0, time.UTC)) || !o.OrderDate.Equal(time.Date(2026, 2, 27, 7, 5, 0, 0, time.UTC)) {
		t.Errorf("%s, %s", o.Source.UpdatedAt, o.OrderDate)
	}
	if l := o.Lines[0]; l.LineID != "0" || l.LineGross.String() != "44.63 EUR" || l.Taxes[0].Code != "A19" || !l.Taxes[0].Rate.Equal(number("0.19")) || !l.Fulfilled.Equal(number("2")) {
		t.Errorf("%+v", l)
	}
	if s := o.ShippingLines[0]; s.Title != "DHL" || s.Gross.String() != "6.76 EUR" || s.Method != "1" {
		t.Errorf("%+v", s)
	}
	if a := o.ShipTo; o.BillTo != nil || a.Name != "Frau Sommer" || a.StreetAddress != "Marktplatz" || a.HouseNumber != "4" || a.AddressRegion != "NRW" {
		t.Errorf("%+v, %+v", o.BillTo, a)
	}
	if o.FulfillmentState != commerce.FulfillmentPartial || o.CustomerReference != "PO-77" || o.Notes[0].Text != "Bitte klingeln" {
		t.Errorf("%+v", o)
	}
}

func TestOrderOfVersion2InAnotherCurrency(t *testing.T) {
	p := open(t, nil)
	o, err := p.conn.Decoder.DecodeOrder(connector.Raw{Body: testdata(t, "order_v2_foreign.json")})
	if err != nil {
		t.Fatal(err)
	}
	if proof, err := o.Prove(); err != nil || !proof.AddsUp {
		t.Errorf("%+v, %v", proof, err)
	}
	if o.Totals.TaxInclusive.String() != "108.00 USD" || o.Totals.LinesNet.String() != "108.00 USD" || o.OrderState != commerce.StateComplete {
		t.Errorf("%+v", o.Totals)
	}
	// The discount on the document is spread over the lines in proportion.
	if a, b := o.Lines[0], o.Lines[1]; a.LineNet.String() != "81.00 USD" || b.LineNet.String() != "27.00 USD" || a.UnitPrice.Net.Amount.String() != "45" || a.Discounts[0].Amount.String() != "9.00 USD" {
		t.Errorf("%+v, %+v", a, b)
	}
	if d := o.Discounts[0]; !d.Allocated || d.Amount.String() != "12.00 USD" {
		t.Errorf("%+v", d)
	}
	// Another company calls another currency so.
	canada := open(t, map[string]string{"currencies": "CAD=$"})
	if o, err := canada.conn.Decoder.DecodeOrder(connector.Raw{Body: testdata(t, "order_v2_foreign.json")}); err != nil || o.DocumentCurrency != "CAD" {
		t.Errorf("%s, %v", o.DocumentCurrency, err)
	}
}
