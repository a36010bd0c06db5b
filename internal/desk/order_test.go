package desk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
	"github.com/orderlyhq/orderly/money"
)

func (o *mapOffice) tale(id int64, reveal bool) *desk.OrderStory {
	o.Helper()
	story, err := o.Order(o.Context(), id, reveal)
	if err != nil {
		o.Fatal(err)
	}
	return story
}

func lives(o *commerce.Order) {
	o.Buyer = commerce.Customer{DisplayName: "Anna Lind", Emails: []string{"anna@example.com"}, Phones: []string{"+49 431 555"}}
	o.ShipTo = &commerce.Address{Name: "Anna Lind", StreetAddress: "Hauptstraße 5", PostalCode: "24103", AddressLocality: "Kiel", AddressCountry: "DE"}
	o.Notes = []commerce.Note{{Audience: "buyer", Text: "Ring at Lind"}}
}

func TestAnOrderTellsItsStory(t *testing.T) {
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		o.arrive(mapSale("1001", "A", lives))
		id := o.state("1001").ID
		s := o.tale(id, false)
		if s.Order == nil || s.Order.OrderNumber != "1001" || s.Proof == nil || !s.Proof.AddsUp || s.Source == nil || len(s.Deliveries) != 1 {
			o.Fatalf("the story is %+v", s)
		}
		if len(s.Totals) != 3 || s.Totals[2].Document == nil || s.Totals[2].Difference != nil || s.Totals[2].Order.String() != "119.00 EUR" {
			o.Errorf("the totals are %+v", s.Totals)
		}
		all, err := json.Marshal(s)
		if err != nil {
			o.Fatal(err)
		}
		for _, gone := range []string{"Anna", "Lind", "Hauptstraße", "Kiel", "24103", "anna@", "431 555"} {
			if strings.Contains(string(all), gone) || strings.Contains(s.Task.Buyer.Name+s.Task.Buyer.Email, gone) {
				o.Errorf("%q is shown to somebody who has not asked for it", gone)
			}
		}
		for _, kept := range []string{`"sku":"A"`, "Tea A", `"address_country":"DE"`, "119.00"} {
			if !strings.Contains(string(all), kept) {
				o.Errorf("%s is not shown", kept)
			}
		}
		revealed := o.tale(id, true)
		if revealed.Order.ShipTo.StreetAddress != "Hauptstraße 5" || !strings.Contains(revealed.Source.Text, "Anna Lind") || revealed.Task.Buyer.Name != "Anna Lind" {
			o.Errorf("what is revealed is still hidden: %+v", revealed.Order.ShipTo)
		}
		var titles []string
		for _, m := range s.Moments {
			titles = append(titles, m.Title)
		}
		if text := strings.Join(titles, ", "); text != "found by a poll, delivery 1 of revision 1" {
			o.Errorf("the moments are %s", text)
		}
		if steps := s.Moments[1].Steps; len(steps) < 3 || steps[0].Name != "check" || s.Moments[1].Tone != desk.Good {
			o.Errorf("the delivery did %+v", s.Moments[1])
		}
		if _, err := o.Order(o.Context(), id+50, false); !isNotFound(err) {
			o.Errorf("an order that is not there gives %v", err)
		}
	})
}

// mirrored gives the lines of a document as the order has them, with the articles that its draft names.
func mirrored(d connector.OrderDraft) []connector.DocumentLine {
	var out []connector.DocumentLine
	for i, l := range d.Order.Lines {
		tax := l.LineTax
		out = append(out, connector.DocumentLine{
			ItemID: d.Lines[i].Item.ID, SKU: d.Lines[i].Item.SKU, Name: l.Name + "\nEngraving: for Greta", Quantity: l.Quantity, Net: l.LineNet, Tax: &tax,
		})
	}
	return out
}

// linesText writes the lines of an order's story: "equal A/A" for a line that both sides have.
func linesText(s *desk.OrderStory) string {
	var out []string
	for _, r := range s.Lines.Rows {
		text := string(r.State) + " "
		if r.Order != nil {
			text += r.Order.SKU
		}
		text += "/"
		if r.Document != nil {
			text += r.Document.SKU
		}
		out = append(out, strings.TrimSpace(text+" "+strings.Join(r.Differs, " ")))
	}
	return strings.Join(out, ", ")
}

func TestAnOrdersLinesAreBesideTheDocuments(t *testing.T) {
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		wants := func(id, rows, note string, differing int) *desk.OrderStory {
			o.Helper()
			s := o.tale(o.state(id).ID, false)
			if s.Lines == nil || linesText(s) != rows || !strings.Contains(s.Lines.Note, note) || (note == "") != (s.Lines.Note == "") || s.Lines.Differing != differing {
				o.Fatalf("the lines of %s are %q, %+v; want %q", id, linesText(s), s.Lines, rows)
			}
			return s
		}
		// As a delivery of an older version, which kept no lines.
		o.arrive(mapSale("1", "A"))
		old := wants("1", "A/", "not read back", 0)
		if old.Totals[2].Document == nil || !old.Lines.ReadAt.IsZero() {
			o.Errorf("without lines the totals are %+v", old.Totals)
		}
		// Not delivered at all.
		o.arrive(mapSale("2", "X"))
		wants("2", "X/", "", 0)

		o.erp.lines = mirrored
		o.set("items", map[string]string{"X": "A"})
		o.arrive(mapSale("3", "X", lives))
		s := wants("3", "equal X/A", "", 0) // mapped to another article, and so the same
		if s.Lines.ReadAt.IsZero() || s.Lines.Rows[0].Document.Name != "Tea X" {
			o.Errorf("the document's line is %+v, read at %s", s.Lines.Rows[0].Document, s.Lines.ReadAt)
		}
		if text, err := json.Marshal(s); err != nil || strings.Contains(string(text), "Greta") {
			o.Errorf("what stands below an article's name is shown to somebody who has not asked for it: %v", err)
		}
		if source := s.Lines.Rows[0].Source; len(source) == 0 || source[0].Name != "sku" || source[0].Value != "X" {
			o.Errorf("the source's own words are %+v", source)
		}
		if shown := o.tale(s.Task.ID, true).Lines.Rows[0].Document.Name; !strings.Contains(shown, "Greta") {
			o.Errorf("who has asked for it sees %q", shown)
		}

		// It is paid, of which the document shows nothing: what it is mapped to is known all the same.
		paid := mapSale("3", "X", lives)
		paid.PaymentState = commerce.PaymentPartiallyRefunded
		o.arrive(paid)
		if again := wants("3", "equal X/A", "", 0); again.Task.Wanted != 2 || again.Deliveries[1].Outcome != "unchanged" {
			o.Errorf("the payment has made a delivery of %+v", again.Deliveries[1].Delivery)
		}

		// The totals decide: an order whose lines differ is delivered, and shows it.
		o.erp.lines = func(d connector.OrderDraft) []connector.DocumentLine {
			l := mirrored(d)[0]
			l.Quantity = decimal.New(3, 0)
			return []connector.DocumentLine{l, {SKU: "EXTRA", Quantity: decimal.New(1, 0), Net: money.New(decimal.New(5, 0), "EUR")}}
		}
		o.arrive(mapSale("4", "A"))
		if wants("4", "differs A/A quantity, additional /EXTRA", "", 2).Task.State != store.TaskSynced {
			o.Error("lines that differ have kept an order from being delivered")
		}

		// The order changes, and the document is not yet brought up to date.
		o.erp.lines = mirrored
		changed := mapSale("4", "MISSING")
		changed.Source.UpdatedAt = changed.OrderDate.AddDate(0, 0, 1)
		o.arrive(changed)
		wants("4", "missing MISSING/, additional /A, additional /EXTRA", "revision 1", 3)
	})
}

func TestADeliveryThatChangesNothingKeepsTheTotalsOfItsDocument(t *testing.T) {
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		o.arrive(mapSale("1", "A"))
		id := o.state("1").ID
		o.arrive(mapSale("1", "A", func(order *commerce.Order) { order.PaymentState = commerce.PaymentPending })) // which no document shows
		s := o.tale(id, false)
		if last := s.Deliveries[len(s.Deliveries)-1]; last.Number != 2 || last.Outcome != "unchanged" {
			o.Fatalf("delivery %d is %s", last.Number, last.Outcome)
		}
		if len(s.Totals) != 3 || s.Totals[2].Document == nil || s.Totals[2].Document.String() != "119.00 EUR" {
			o.Errorf("the totals are %+v", s.Totals)
		}
	})
}

func TestAHeldOrderNamesItsCause(t *testing.T) {
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		o.arrive(mapSale("1", "X"))
		s := o.tale(o.state("1").ID, false)
		if s.Cause == nil || s.Cause.Value != "X" || s.Document() != nil || s.Totals[2].Document != nil {
			o.Errorf("the story is %+v", s)
		}
	})
}

func TestARecordThatWasNeverReadSaysSo(t *testing.T) {
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		o.seen(1)
		s := o.tale(o.state("many-0").ID, false)
		if s.Source != nil || !strings.Contains(s.Unread, "only its id") && !strings.Contains(s.Unread, "Only its id") {
			o.Errorf("the story is %+v", s)
		}
	})
}

func TestAnOrderIsPreviewedWithoutBeingWritten(t *testing.T) {
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		o.arrive(mapSale("1", "X", lives), mapSale("2", "A"))
		held, synced := o.state("1"), o.state("2")
		p, err := o.PreviewOrder(o.Context(), held.ID, false)
		if err != nil || p.Would != "hold" || !strings.Contains(p.Reason, "X") {
			o.Fatalf("the preview of a held order is %+v, %v", p, err)
		}
		o.set("items", map[string]string{"X": "A"})
		before := len(o.erp.written)
		p, err = o.PreviewOrder(o.Context(), held.ID, false)
		if err != nil || p.Would != "create" || p.Draft == nil || p.Draft.Lines[0].Item.ID != "id-A" {
			o.Fatalf("the preview after a fix is %+v, %v", p, err)
		}
		if shown, err := json.Marshal(p); err != nil || strings.Contains(string(shown), "Lind") {
			o.Errorf("the preview shows personal data: %s, %v", shown, err)
		}
		if len(o.erp.written) != before || o.state("1").State != store.TaskHeld {
			o.Error("the preview has written something")
		}
		o.erp.documents = map[string]connector.Document{"1": {
			Type: "order", ID: "1", Number: "SO1", Totals: totals("100.00", "19.00", "119.00"), Lines: mirrored(o.erp.written[0]),
		}}
		p, err = o.PreviewOrder(o.Context(), synced.ID, false)
		if err == nil && p.Now != nil {
			if lines := desk.CompareNow(o.tale(synced.ID, false), p); lines.Differing != 0 || len(lines.Rows) != 1 || lines.Rows[0].State != desk.LineEqual || strings.Contains(lines.Rows[0].Document.Name, "Greta") {
				o.Errorf("beside the document as it is now the order has %+v", lines.Rows[0])
			}
		}
		if err != nil || p.Existing == nil || p.Now == nil || p.Now.Totals.Gross.String() != "119.00 EUR" {
			o.Errorf("the preview of a synced order is %+v, %v", p, err)
		}
		if _, err := o.PreviewOrder(o.Context(), 999, false); !isNotFound(err) {
			o.Errorf("an order that is not there gives %v", err)
		}
	})
}

func TestAPreviewShowsNoPersonalDataThatRulesPutIntoFields(t *testing.T) {
	eachMapOffice(t, `{"customers":{"create":true},"mapping":{"order_fields":{"who":"order.buyer.display_name","about":"\"for \" + order.order_number","by":"\"web@example.com\""}}}`, func(o *mapOffice) {
		o.arrive(mapSale("1", "X", lives))
		o.set("items", map[string]string{"X": "A"})
		fields := func(reveal bool) map[string]any {
			p, err := o.PreviewOrder(o.Context(), o.state("1").ID, reveal)
			if err != nil || p.Draft == nil {
				o.Fatalf("the preview is %+v, %v", p, err)
			}
			return p.Draft.Fields
		}
		if f := fields(false); f["who"] != "A••• L•••" || f["about"] != "for 1" || f["by"] != "w••••••" {
			o.Errorf("the fields are %v", f)
		}
		if f := fields(true); f["who"] != "Anna Lind" || f["by"] != "web@example.com" {
			o.Errorf("the revealed fields are %v", f)
		}
	})
}

func totals(net, tax, gross string) *connector.DocumentTotals {
	eur := func(text string) money.Money { return money.New(decimal.RequireFromString(text), "EUR") }
	return &connector.DocumentTotals{Net: eur(net), Tax: eur(tax), Gross: eur(gross)}
}

func TestAnOrderIsLinkedToADocument(t *testing.T) {
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		o.arrive(mapSale("1", "X"), mapSale("2", "X"))
		one, two := o.state("1"), o.state("2")
		o.erp.documents = map[string]connector.Document{"77": {
			Type: "order", ID: "77", Number: "SO-77", URL: "https://erp.example/77", State: connector.DocumentConfirmed, Totals: totals("100.00", "18.99", "118.99"),
		}}
		link := func(id int64, document, why string) error {
			_, err := o.LinkDocument(o.Context(), o.anna, id, document, why)
			return err
		}
		wrongField(o.T, link(one.ID, " ", "entered by hand"), "document")
		wrongField(o.T, link(one.ID, "77", ""), "why")
		wrongField(o.T, link(one.ID, "78", "entered by hand"), "document")
		if err := link(one.ID, " 77 ", "entered by hand"); err != nil {
			o.Fatal(err)
		}
		s := o.tale(one.ID, false)
		l := s.Document()
		if l == nil || l.Number != "SO-77" || l.URL == "" || s.Totals[2].Difference == nil || s.Totals[2].Difference.String() != "0.01 EUR" {
			o.Errorf("linked: %+v, totals %+v", l, s.Totals)
		}
		o.audited("link", "task/", "SO-77")
		wrongField(o.T, link(two.ID, "77", "entered by hand"), "document")
		// Its number is another one since it was confirmed; it is the same document.
		renumbered := o.erp.documents["77"]
		renumbered.Number = "SO-2026-0077"
		o.erp.documents["77"] = renumbered
		wrongField(o.T, link(two.ID, "77", "entered by hand"), "document")
		if err := link(one.ID, "77", "once more"); err != nil {
			o.Errorf("the same link again gives %v", err)
		}
		if err := link(999, "77", "x"); !isNotFound(err) {
			o.Errorf("an order that is not there gives %v", err)
		}
	})
}

// An order that is delivered while somebody looks up a document for it has one of its own.
func TestAnOrderThatIsDeliveredMeanwhileIsNotLinked(t *testing.T) {
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		o.arrive(mapSale("1", "X"))
		held := o.state("1")
		o.set("items", map[string]string{"X": "A"})
		o.erp.documents = map[string]connector.Document{"77": {Type: "order", ID: "77", Number: "SO-77"}}
		o.erp.reading = func() {
			if _, err := o.Act(o.Context(), o.anna, store.ActionRetry, []int64{held.ID}, ""); err != nil {
				o.Error(err)
			}
			o.work()
		}
		_, err := o.LinkDocument(o.Context(), o.anna, held.ID, "77", "entered by hand")
		wrongField(o.T, err, "")
		if l := o.tale(held.ID, false).Document(); l == nil || l.DocumentID == "77" {
			o.Errorf("the order, which was delivered, is linked to %+v", l)
		}
	})
}

// mapLibrary is a shop whose orders can be read one by one.
type mapLibrary struct {
	mapShop
	orders map[string]commerce.Order
}

func (l *mapLibrary) Open(context.Context, connector.Env) (connector.Connector, error) { return l, nil }
func (l *mapLibrary) Decoder() connector.Decoder                                       { return l }

func (l *mapLibrary) Fetch(_ context.Context, ref connector.Ref) (connector.Raw, error) {
	order, ok := l.orders[ref.ID]
	if !ok {
		return connector.Raw{}, connector.Errorf(connector.KindNotFound, "fetch", "no order %s", ref.ID)
	}
	body, err := json.Marshal(order)
	return connector.Raw{Ref: ref, Body: body, UpdatedAt: time.Now()}, err
}

func TestResyncReadsTheOrderAnewAndDeliversIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		library := &mapLibrary{orders: map[string]commerce.Order{"1": mapSale("1", "A")}}
		o := newMapOfficeOf(t, st, orderConfig, library)
		o.arrive(library.orders["1"])
		resync := func(why string) store.TaskRow {
			t.Helper()
			if err := o.Resync(o.Context(), o.anna, o.state("1").ID, why); err != nil {
				t.Fatal(err)
			}
			if row := o.state("1"); row.State != store.TaskWaiting {
				t.Fatalf("before it is read it is %+v", row)
			}
			for lane := range 8 {
				if _, err := o.node.Intake().RunFetchLane(o.Context(), "shop", lane, time.Minute); err != nil {
					t.Fatal(err)
				}
			}
			o.work()
			return o.state("1")
		}
		first := resync("")
		if row := resync("the ERP was restored"); row.State != store.TaskSynced || row.Wanted != first.Wanted || len(o.erp.written) != 3 {
			t.Errorf("without news it is %+v, written %d times; want it delivered again", row, len(o.erp.written))
		}
		library.orders["1"] = mapSale("1", "B")
		row := resync(" a webhook was lost ")
		if row.State != store.TaskSynced || row.Wanted != first.Wanted+1 || row.Delivered != row.Wanted || o.erp.written[3].Lines[0].Item.SKU != "B" {
			t.Errorf("with news it is %+v, written %d times", row, len(o.erp.written))
		}
		o.audited("resync", fmt.Sprintf("task/%d", o.state("1").ID), "a webhook was lost")
	})
}

func TestResyncSaysWhatTheSourceCannot(t *testing.T) {
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		o.arrive(mapSale("1", "A"))
		wrongField(o.T, o.Resync(o.Context(), o.anna, o.state("1").ID, ""), "")
		if err := o.Resync(o.Context(), o.anna, 999, ""); !isNotFound(err) {
			o.Errorf("an order that is not there gives %v", err)
		}
	})
}
