package personal_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/personal"
)

// personalOfAnOrder are the fields of an order in the canonical form that say who somebody is.
var personalOfAnOrder = regexp.MustCompile(`^\.(buyer|bill_to|ship_to)\.(contacts\.|addresses\.)?(name|given_name|family_name|display_name|company|company_name|emails?|phones?|note` +
	`|street_address|house_number|extended_address|dependent_locality|postal_code|address_locality|address_region|delivery_instructions)$` +
	`|^\.buyer\.(tax_ids\.value|merged_into)$|^\.notes\.text$|^\.sales_person$`)

// What people see of an order is what the program knows of it, but for these fields.
func TestOfAnOrderInTheCanonicalFormOnlyThePersonIsHidden(t *testing.T) {
	var order commerce.Order
	fill(reflect.ValueOf(&order).Elem(), 0)
	plain, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	masked := personal.Body(string(plain), true)
	if err := json.Unmarshal([]byte(masked), new(commerce.Order)); err != nil {
		t.Errorf("the masked order is no order any more: %v", err)
	}
	before, _ := leaves(string(plain))
	after, _ := leaves(masked)
	hidden := 0
	for i, l := range before {
		want := personalOfAnOrder.MatchString(l.path)
		if got := after[i].value != l.value; got != want {
			t.Errorf("%s is hidden: %t, want %t", l.path, got, want)
		}
		if want {
			hidden++
		}
	}
	if hidden < 40 {
		t.Errorf("only %d fields are personal", hidden)
	}
}

// fill gives every text of a value something that may be a name.
func fill(v reflect.Value, depth int) {
	const deepest = 7
	switch {
	case depth > deepest || v.Type() == reflect.TypeFor[time.Time]():
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), depth+1)
			}
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth+1)
	case v.Kind() == reflect.String:
		v.SetString("Anna Lind")
	}
}
