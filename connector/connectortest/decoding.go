package connectortest

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
)

var decoder = ability{"connector.Decoder", func(c *connector.Conn) bool { return c.Decoder != nil && (c.Fetcher != nil || c.Lister != nil) }}

// decodingChecks are about Decoder, with records as the vendor gives them.
func decodingChecks() []check {
	need := []ability{decoder}
	checks := []check{
		{name: "decoding/the same bytes give the same record", needs: need, run: sameBytesSameRecord},
		{name: "decoding/times are in UTC", needs: need, run: timesAreUTC},
		{name: "decoding/a buyer with an account is told from a guest", needs: need, run: accountsAndGuests},
		{name: "decoding/unknown values become unknown states", needs: need, run: unknownValues},
		{name: "decoding/broken bodies name what is wrong", needs: need, run: brokenBodies},
	}
	for _, s := range samples() {
		checks = append(checks, check{name: "decoding/" + s.name, needs: need, run: func(f *fixture) { f.decodes(s.order) }})
	}
	return checks
}

// decodes puts an order into the vendor and reads it again: the amounts are the vendor's, and add up.
func (f *fixture) decodes(order commerce.Order) {
	stated := f.store(order)
	read := f.read(stated.Source.ExternalID)
	proof, err := read.Prove()
	if err != nil {
		f.Fatalf("the decoded order cannot be proved: %v", err)
	}
	if !proof.Within(read.Tolerance()) {
		f.Errorf("the decoded order does not add up: %+v", proof.Differences)
	}
	if read.Source.ExternalID != stated.Source.ExternalID || read.OrderNumber == "" {
		f.Errorf("order %q with number %q; want %q", read.Source.ExternalID, read.OrderNumber, stated.Source.ExternalID)
	}
	if read.DocumentCurrency != order.DocumentCurrency {
		f.Errorf("the order is in %s; want %s", read.DocumentCurrency, order.DocumentCurrency)
	}
	if len(read.Lines) != len(order.Lines) {
		f.Fatalf("%d lines; want %d", len(read.Lines), len(order.Lines))
	}
	for i, l := range read.Lines {
		if want := order.Lines[i]; l.SKU != want.SKU || !l.Quantity.Equal(want.Quantity) {
			f.Errorf("lines[%d] is %s × %s; want %s × %s", i, l.Quantity, l.SKU, want.Quantity, want.SKU)
		}
	}
	if !f.vendor.Exact {
		return
	}
	for _, problem := range contradictions(read, stated) {
		f.Errorf("the vendor states otherwise: %s", problem)
	}
}

// raw gives an order in the vendor's form.
func (f *fixture) raw(id string) connector.Raw {
	f.Helper()
	if f.conn.Fetcher != nil {
		raw, err := f.conn.Fetcher.Fetch(f.ctx(), connector.Ref{Kind: commerce.KindOrder, ID: id})
		if err != nil {
			f.Fatalf("fetch: %v", err)
		}
		return raw
	}
	for _, e := range f.list(orders(connector.Query{})) {
		if e.Ref.ID == id && e.Body != nil {
			return connector.Raw{Ref: e.Ref, Form: e.Form, Body: e.Body, UpdatedAt: e.UpdatedAt}
		}
	}
	f.Fatalf("order %s cannot be read", id)
	return connector.Raw{}
}

func sameBytesSameRecord(f *fixture) {
	raw := f.raw(f.put(orderForm{shipping: "4.90"}).Source.ExternalID)
	first, err1 := f.conn.Decoder.DecodeOrder(raw)
	second, err2 := f.open(f.values).Decoder.DecodeOrder(raw)
	if err1 != nil || err2 != nil {
		f.Fatalf("decode: %v, %v", err1, err2)
	}
	if mustJSON(first) != mustJSON(second) {
		f.Error("the same bytes give two records")
	}
}

func mustJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // the canonical model can always be written
	}
	return string(text)
}

// accountsAndGuests wants the buyer's id where there is an account, and none where there is not.
func accountsAndGuests(f *fixture) {
	if f.vendor.PutCustomer == nil || !f.vendor.Exact {
		f.applies = false
		f.Skip("the vendor sells to accounts alone, or does not state whom it sold to")
	}
	account, err := f.vendor.PutCustomer(erika("erika@example.com"))
	if err != nil {
		f.Fatalf("put a customer: %v", err)
	}
	guest := orderForm{email: "otto@example.com"}.order()
	known := orderForm{}.order()
	known.Buyer.Source = account.Source
	for what, c := range map[string]struct {
		order commerce.Order
		want  string
	}{"an account": {known, account.Source.ExternalID}, "a guest": {guest, ""}} {
		if got := f.read(f.store(c.order).Source.ExternalID).Buyer.Source.ExternalID; got != c.want {
			f.Errorf("the buyer with %s is %q; want %q", what, got, c.want)
		}
	}
}

func timesAreUTC(f *fixture) {
	order := f.read(f.put(orderForm{}).Source.ExternalID)
	if order.OrderDate.IsZero() || order.OrderDate.Location() != time.UTC {
		f.Errorf("the order's date is %v; want a time in UTC", order.OrderDate)
	}
	if at := order.Source.UpdatedAt; !at.IsZero() && at.Location() != time.UTC {
		f.Errorf("source_updated_at is %v; want UTC", at)
	}
}

func unknownValues(f *fixture) {
	if len(f.harness.Enums) == 0 {
		f.Fatal("the harness names no enumeration (Enums)")
	}
	raw := f.raw(f.put(orderForm{}).Source.ExternalID)
	for _, enum := range f.harness.Enums {
		changed := raw
		if enum.Edit != nil {
			changed.Body = enum.Edit(bytes.Clone(raw.Body))
		} else {
			changed.Body = f.setPath(raw.Body, enum.Path)
		}
		order, err := f.conn.Decoder.DecodeOrder(changed)
		if err != nil {
			f.Errorf("a value of %s that nobody knows gives %v; want an unknown state", enum.Path, err)
			continue
		}
		if state := enum.State(order); state != "unknown" {
			f.Errorf("a value of %s that nobody knows becomes %q; want unknown", enum.Path, state)
		}
	}
}

// setPath puts a value that nobody knows at a path of a JSON document.
func (f *fixture) setPath(body []byte, path string) []byte {
	f.Helper()
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		f.Fatalf("the record is no JSON; the harness's Enum needs Edit: %v", err)
	}
	steps := strings.Split(path, ".")
	at := document
	for i, step := range steps {
		last := i == len(steps)-1
		switch node := at.(type) {
		case map[string]any:
			if _, ok := node[step]; !ok {
				f.Fatalf("the record has no %s (at %s)", path, step)
			}
			if last {
				node[step] = "a_value_of_tomorrow"
			}
			at = node[step]
		case []any:
			n, err := strconv.Atoi(step)
			if err != nil || n >= len(node) {
				f.Fatalf("the record has no %s (at %s)", path, step)
			}
			if last {
				node[n] = "a_value_of_tomorrow"
			}
			at = node[n]
		default:
			f.Fatalf("the record has no %s (at %s)", path, step)
		}
	}
	out, err := json.Marshal(document)
	if err != nil {
		f.Fatalf("write the changed record: %v", err)
	}
	return out
}

func brokenBodies(f *fixture) {
	raw := f.raw(f.put(orderForm{shipping: "4.90"}).Source.ExternalID)
	bodies := [][]byte{nil, []byte("{}"), []byte("[]"), []byte("null"), []byte("{"), []byte("5"), []byte("<html></html>"), {0xff}}
	step := max(len(raw.Body)/80, 1)
	for i := 0; i < len(raw.Body); i += step {
		flipped := bytes.Clone(raw.Body)
		flipped[i] ^= 0x11
		bodies = append(bodies, raw.Body[:i], flipped)
	}
	for _, body := range bodies {
		broken := raw
		broken.Body = body
		_, err := f.conn.Decoder.DecodeOrder(broken)
		if err != nil && connector.KindOf(err) != connector.KindInvalid {
			f.Fatalf("a broken order gives %v, which is %s; want KindInvalid", err, connector.KindOf(err))
		}
		_, err = f.conn.Decoder.DecodeCustomer(broken)
		if err != nil && connector.KindOf(err) != connector.KindInvalid {
			f.Fatalf("a broken customer gives %v, which is %s; want KindInvalid", err, connector.KindOf(err))
		}
	}
	for _, body := range [][]byte{nil, []byte("{}"), []byte("null"), []byte("<html></html>")} {
		broken := raw
		broken.Body = body
		if _, err := f.conn.Decoder.DecodeOrder(broken); err == nil {
			f.Errorf("%q is taken for an order", body)
		}
	}
}
