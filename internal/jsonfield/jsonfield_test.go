package jsonfield_test

import (
	"encoding/json"
	"testing"

	"github.com/orderlyhq/orderly/internal/jsonfield"
)

type order struct {
	ID    int
	Lines []struct {
		SKU   string
		Taxes []struct{ Rate json.Number }
	}
}

func TestFaulty(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"nothing is wrong", `{"ID":1}`, ""},
		{"a field", `{"ID":"one","Lines":[]}`, "ID"},
		{"a list that is none", `{"Lines":"none"}`, "Lines"},
		{"a field in a list", `{"Lines":[{"SKU":"A"},{"SKU":5}]}`, "Lines[1].SKU"},
		{"deep", `{"Lines":[{"Taxes":[{"Rate":"much"}]}]}`, "Lines[0].Taxes[0].Rate"},
		{"the whole", `[1,2]`, "[0]"},
		{"no JSON", `{`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := jsonfield.Faulty[order]([]byte(c.body)); got != c.want {
				t.Errorf("path %q; want %q", got, c.want)
			}
		})
	}
}

func FuzzFaulty(f *testing.F) {
	f.Add([]byte(`{"Lines":[{"Taxes":[{"Rate":"much"}]}]}`))
	f.Fuzz(func(_ *testing.T, body []byte) { jsonfield.Faulty[order](body) })
}
