package commerce

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderlyhq/orderly/money"
)

var update = flag.Bool("update", false, "write testdata/order.json anew")

const golden = "testdata/order.json"

func TestOrderAsJSON(t *testing.T) {
	order := fullOrder()
	got, err := json.MarshalIndent(order, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the JSON of an order has changed, which is a change for everybody who reads it (-want +got):\n%s", diff)
	}
	var back Order
	decoder := json.NewDecoder(bytes.NewReader(want))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(order, back); diff != "" {
		t.Errorf("an order is read back as another (-want +got):\n%s", diff)
	}
}

// The golden order would not tell the names of fields that it leaves empty.
func TestFullOrderIsFull(t *testing.T) {
	var empty []string
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch v.Interface().(type) {
		case money.Money, money.Decimal, time.Time:
			return
		}
		switch v.Kind() {
		case reflect.Pointer:
			walk(path, v.Elem())
		case reflect.Slice:
			for i := range v.Len() {
				walk(fmt.Sprintf("%s[%d]", path, i), v.Index(i))
			}
		case reflect.Struct:
			for i := range v.NumField() {
				at := path + "." + v.Type().Field(i).Name
				if v.Field(i).IsZero() {
					empty = append(empty, at)
				} else {
					walk(at, v.Field(i))
				}
			}
		}
	}
	walk("order", reflect.ValueOf(fullOrder()))
	if diff := cmp.Diff([]string{
		"order.Buyer.Source.Store", "order.Buyer.Source.ExternalNumber", "order.Buyer.Source.AdminURL", "order.Buyer.Source.UpdatedAt", "order.Buyer.Source.Revision",
		"order.Discounts[0].Taxes", "order.Discounts[1].Code", "order.Discounts[1].Allocated",
	}, empty); diff != "" {
		t.Errorf("fields without a value, other than those that a sibling has (-want +got):\n%s", diff)
	}
}

var snakeCase = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)

func TestAllNamesAreSnakeCase(t *testing.T) {
	seen := map[reflect.Type]bool{}
	fields := 0
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice:
			walk(typ.Elem())
		case reflect.Struct:
			if seen[typ] || !strings.HasSuffix(typ.PkgPath(), "/commerce") {
				return
			}
			seen[typ] = true
			for field := range typ.Fields() {
				name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
				if !snakeCase.MatchString(name) {
					t.Errorf("%s.%s is called %q", typ, field.Name, name)
				}
				fields++
				walk(field.Type)
			}
		}
	}
	walk(reflect.TypeFor[Order]())
	walk(reflect.TypeFor[Customer]())
	if fields < 150 {
		t.Errorf("only %d fields were looked at", fields)
	}
}

// What readers of a canonical order may rely on, whatever the source leaves out.
func TestNamesThatAreAlwaysThere(t *testing.T) {
	always := []string{
		"source.external_id", "order_number", "order_date", "order_state", "payment_state", "fulfillment_state", "document_currency", "prices_include_tax",
		"buyer.emails", "buyer.display_name", "lines", "shipping_lines", "charges", "discounts", "payments", "refunds",
		"totals.lines_net", "totals.allowances", "totals.charges", "totals.tax_exclusive", "totals.tax", "totals.tax_inclusive",
		"totals.prepaid", "totals.rounding", "totals.payable", "totals.refunded",
	}
	filled := append([]string{
		"buyer.company_name",
		"bill_to.street_address", "bill_to.postal_code", "bill_to.address_locality", "bill_to.address_country",
		"ship_to.street_address", "ship_to.postal_code", "ship_to.address_locality", "ship_to.address_country",
		"lines.0.sku", "lines.0.name", "lines.0.quantity", "lines.0.unit_price", "lines.0.line_net", "lines.0.line_tax", "lines.0.line_gross", "lines.0.taxes",
	}, always...)
	bare := Order{DocumentCurrency: "EUR"}
	if err := bare.Complete(Stated{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		order Order
		want  []string
	}{{"an order with nothing in it", bare, always}, {"a full order", fullOrder(), filled}} {
		t.Run(c.name, func(t *testing.T) {
			text, err := json.Marshal(c.order)
			if err != nil {
				t.Fatal(err)
			}
			var tree any
			if err := json.Unmarshal(text, &tree); err != nil {
				t.Fatal(err)
			}
			for _, path := range c.want {
				if v := lookup(tree, path); v == nil {
					t.Errorf("%s is missing or null", path)
				}
			}
		})
	}
}

func lookup(tree any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		switch v := tree.(type) {
		case map[string]any:
			tree = v[name]
		case []any:
			if len(v) == 0 {
				return nil
			}
			tree = v[0]
		default:
			return nil
		}
	}
	return tree
}
