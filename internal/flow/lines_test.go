package flow_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/money"
)

// readBack gives what the last delivery of an order has kept of its document.
func (o *office) readBack(id string) *flow.ReadBack {
	o.Helper()
	story, err := o.store.TaskStory(o.Context(), o.task(id).ID)
	if err != nil || len(story.Deliveries) == 0 {
		o.Fatalf("the story of %s: %d deliveries, %v", id, len(story.Deliveries), err)
	}
	var detail flow.Detail
	if err := json.Unmarshal(story.Deliveries[len(story.Deliveries)-1].Detail, &detail); err != nil {
		o.Fatal(err)
	}
	return detail.Document
}

func eur(text string) money.Money { return money.New(decimal.RequireFromString(text), "EUR") }

// parts makes an order of every kind of part, one of them taken off.
func parts(o *commerce.Order) {
	gone := o.Lines[0]
	gone.LineID, gone.Quantity, gone.LineNet, gone.LineTax, gone.LineGross = "0", money.Zero, eur("0"), eur("0"), eur("0")
	gone.Taxes = nil
	o.Lines = append([]commerce.Line{gone}, o.Lines...)
	o.ShippingLines = []commerce.ShippingLine{{LineID: "s", Method: "dhl", Title: "DHL", Net: eur("4.00"), Tax: eur("0"), Gross: eur("4.00")}}
	o.Charges = []commerce.Charge{{ChargeID: "c", Type: commerce.ChargeGiftWrap, Net: eur("2.00"), Tax: eur("0"), Gross: eur("2.00")}}
	o.Discounts = []commerce.Discount{
		{DiscountID: "in", Allocated: true, Amount: eur("0"), Net: eur("0"), Tax: eur("0"), Gross: eur("0")},
		{DiscountID: "d", Code: "TEN", Amount: eur("1.00"), Net: eur("1.00"), Tax: eur("0"), Gross: eur("1.00")},
	}
}

func TestADeliveryKeepsTheDocumentsLines(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.erp.draft = true // so that confirming gives an answer of its own
		o.erp.lines = func(d connector.OrderDraft) []connector.DocumentLine {
			// They are not the order's, and the order is delivered all the same: the totals decide.
			return []connector.DocumentLine{{ItemID: d.Lines[0].Item.ID, SKU: "other", Quantity: decimal.New(7, 0), Net: eur("3.00")}}
		}
		o.observe("order", "1001", sale("1001", "10.00", parts))
		o.work()
		row := o.expect("1001", store.TaskSynced, "")
		kept := o.readBack("1001")
		if kept == nil || kept.ID == "" || len(kept.Lines) != 1 || kept.Lines[0].SKU != "other" || !kept.Lines[0].Net.Equal(eur("3.00")) || kept.More != 0 {
			o.Fatalf("of the document of %+v is kept %+v", row, kept)
		}
		order := sale("1001", "10.00", parts)
		names := ""
		for i, p := range flow.Parts(order) {
			names += fmt.Sprintf("%s %s %s %t %s, ", p.Kind, p.LineID, p.Net.Amount, p.TakenOff, kept.Articles[i])
		}
		item := kept.Lines[0].ItemID
		want := "goods 0 0 true , goods 1 10 false " + item + ", shipping s 4 false , charge c 2 false , discount d -1 false , "
		if names != want || item == "" || len(kept.Articles) != 5 {
			o.Errorf("the parts and their articles are %q; want %q", names, want)
		}
	})
}

func TestManyLinesAreKeptUpToABound(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.erp.lines = func(connector.OrderDraft) []connector.DocumentLine { return make([]connector.DocumentLine, 1234) }
		o.observe("order", "1001", sale("1001", "10.00"))
		o.work()
		o.expect("1001", store.TaskSynced, "")
		if kept := o.readBack("1001"); kept == nil || len(kept.Lines) != 500 || kept.More != 734 {
			o.Errorf("kept is %d lines and %d more", len(kept.Lines), kept.More)
		}
	})
}

func TestADocumentWithoutLinesKeepsNone(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.observe("order", "1001", sale("1001", "10.00"))
		o.work()
		o.expect("1001", store.TaskSynced, "")
		if kept := o.readBack("1001"); kept == nil || kept.Lines != nil || len(kept.Articles) != 1 {
			o.Errorf("kept is %+v", kept)
		}
		o.erp.draft = true
		o.erp.drift = decimal.RequireFromString("5.00")
		o.erp.lines = func(connector.OrderDraft) []connector.DocumentLine { return []connector.DocumentLine{{SKU: "A"}} }
		o.observe("order", "1002", sale("1002", "10.00"))
		o.work()
		o.expect("1002", store.TaskHeld, "")
		if kept := o.readBack("1002"); kept == nil || len(kept.Lines) != 1 {
			o.Errorf("an order that is held because its document differs shows no lines: %+v", kept)
		}
	})
}
