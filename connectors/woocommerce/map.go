package woocommerce

import (
	"cmp"
	"encoding/json"
	"errors"
	"html"
	"net/url"
	"regexp"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/woocommerce/api"
	"github.com/orderlyhq/orderly/internal/jsonfield"
	"github.com/orderlyhq/orderly/money"
)

// Forms of a record's body.
const (
	formOrder = "order" // as GET orders/{id} gives it, or a webhook
	// formRefunds is {"order":{…},"refunds":[…]}: an order with its refunds as they are read by themselves.
	formRefunds = "order_with_refunds"
)

// decoder implements connector.Decoder.
type decoder struct{}

// withRefunds is the body in formRefunds.
type withRefunds struct {
	Order   json.RawMessage `json:"order"`
	Refunds json.RawMessage `json:"refunds"`
}

// head is what an order must show before it is decoded whole.
type head struct {
	ID          api.Text `json:"id"`
	Status      api.Text `json:"status"`
	Version     api.Text `json:"version"`
	Created     api.Text `json:"date_created"`
	CreatedGMT  api.Time `json:"date_created_gmt"`
	ModifiedGMT api.Time `json:"date_modified_gmt"`
	Refunds     api.List[struct {
		ID api.Text `json:"id"`
	}] `json:"refunds"`
}

func decodeHead(body []byte) (head, error) {
	var h head
	if err := json.Unmarshal(body, &h); err != nil {
		return h, unreadable[head](body, err)
	}
	if h.ID == "" || h.ID == "0" {
		return h, connector.Invalid("id", "is missing: this is no record of WooCommerce")
	}
	return h, nil
}

// DecodeOrder implements connector.Decoder.
func (decoder) DecodeOrder(raw connector.Raw) (commerce.Order, error) {
	body := raw.Body
	var details api.List[api.Refund]
	var both withRefunds
	if raw.Form != formOrder && json.Unmarshal(raw.Body, &both) == nil && len(both.Order) > 0 {
		body = both.Order
		if err := unmarshal(both.Refunds, &details); err != nil {
			return commerce.Order{}, unreadable[api.List[api.Refund]](both.Refunds, err)
		}
	}
	var o api.Order
	if err := json.Unmarshal(body, &o); err != nil {
		return commerce.Order{}, unreadable[api.Order](body, err)
	}
	return decodeOrder(o, details)
}

// DecodeCustomer implements connector.Decoder.
func (decoder) DecodeCustomer(raw connector.Raw) (commerce.Customer, error) {
	var c api.Customer
	if err := json.Unmarshal(raw.Body, &c); err != nil {
		return commerce.Customer{}, unreadable[api.Customer](raw.Body, err)
	}
	return decodeCustomer(c)
}

// unmarshal reads JSON that may be absent.
func unmarshal(data []byte, out any) error {
	if len(data) == 0 {
		return nil
	}
	return json.Unmarshal(data, out)
}

// unreadable is the error of a body that is no record at all, or has a value of another type than it
// should. The value is not shown: it may be anybody's name.
func unreadable[T any](body json.RawMessage, err error) error {
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return connector.Invalid("body", "is no JSON: %v", err)
	}
	return connector.Invalid(cmp.Or(jsonfield.Faulty[T](body), "body"), "is not as WooCommerce writes it")
}

var entity = regexp.MustCompile(`&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});`)

// plainText turns the HTML entities of names and labels into characters. A bare & is left alone, as
// in "A&copy Ltd".
func plainText[T ~string](text T) string {
	if !strings.Contains(string(text), "&") {
		return strings.TrimSpace(string(text))
	}
	return strings.TrimSpace(entity.ReplaceAllStringFunc(string(text), html.UnescapeString))
}

// site gives the shop's home address from a record's link to itself, or "".
func site(links api.Links) *url.URL {
	for _, link := range links.Self {
		home, _, found := strings.Cut(string(link.Href), "/wp-json/")
		if at, err := url.Parse(home); found && err == nil && at.Host != "" {
			return at
		}
	}
	return nil
}

func source(id api.Text, links api.Links, page string) commerce.Source {
	s := commerce.Source{System: System, ExternalID: string(id)}
	if at := site(links); at != nil {
		s.Store = at.Host + at.Path
		s.AdminURL = at.String() + "/wp-admin/" + page + url.QueryEscape(string(id))
	}
	return s
}

// address gives an address, or nil when nothing of it was entered.
func address(a api.Address, use commerce.AddressUse) *commerce.Address {
	given, family := plainText(a.FirstName), plainText(a.LastName)
	out := commerce.Address{
		Use: use, Name: strings.TrimSpace(given + " " + family), GivenName: given, FamilyName: family,
		Company: plainText(a.Company), StreetAddress: plainText(a.Address1), ExtendedAddress: plainText(a.Address2),
		AddressLocality: plainText(a.City), PostalCode: plainText(a.Postcode), AddressCountry: strings.ToUpper(plainText(a.Country)),
		Phone: plainText(a.Phone), Email: plainText(a.Email),
	}
	out.AddressRegion = region(plainText(a.State), out.AddressCountry)
	if out.Blank() {
		return nil
	}
	return &out
}

// region gives the part of ISO 3166-2 behind the country. WooCommerce writes some countries' states
// with the country in front: "DE-BE", "JP13", "TR34" (i18n/states.php).
func region(state, country string) string {
	if rest, found := strings.CutPrefix(state, country+"-"); found && country != "" {
		return rest
	}
	if rest, found := strings.CutPrefix(state, country); found && (country == "JP" || country == "TR") && rest != "" {
		return rest
	}
	return state
}

// Fields of common plug-ins, in the order in which they are looked for.
var (
	taxIDKeys = []string{
		"_billing_vat_number", "billing_vat_number", "_vat_number", "vat_number", "_billing_eu_vat_number", "billing_eu_vat_number",
		"_billing_vat_id", "billing_vat_id", "_billing_vat", "billing_vat", "_vat_id", "vat_id", "_eu_vat_number", "_billing_ust_id",
		"_billing_eu_vat", "_wc_other/eu-vat-number", "_wc_billing/vat_number",
	}
	purchaseOrderKeys = []string{
		"_purchase_order_number", "purchase_order_number", "_po_number", "po_number", "_billing_po_number", "billing_po_number",
		"_billing_purchase_order", "_wc_order/po_number",
	}
)

// metaText gives the first of some fields that has a text.
func metaText(meta []api.Meta, keys []string) string {
	for _, key := range keys {
		for _, m := range meta {
			if string(m.Key) == key {
				if text := plainText(m.Text()); text != "" {
					return text
				}
			}
		}
	}
	return ""
}

func taxIDs(meta []api.Meta, country string) []commerce.TaxID {
	number := metaText(meta, taxIDKeys)
	if number == "" {
		return nil
	}
	// A number of the Union begins with its country, Greece's with EL (Directive 2006/112/EC, article 215).
	if len(number) > 2 && letters(number[:2]) {
		country = strings.ToUpper(number[:2])
		if country == "EL" {
			country = "GR"
		}
	}
	return []commerce.TaxID{{Scheme: "vat", Value: number, Country: country}}
}

func letters(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') })
}

func texts(values ...string) []string {
	out := []string{}
	for _, v := range values {
		if v != "" {
			out = append(out, v)
		}
	}
	return out
}

// amount reads a number of a record; an empty one is zero.
func amount(field string, text api.Text) (money.Decimal, error) {
	trimmed := strings.TrimSpace(string(text))
	if trimmed == "" {
		return money.Zero, nil
	}
	d, err := money.ParseDecimal(trimmed)
	if err != nil {
		e := connector.Invalid(field, "is no number")
		e.Value = limit(trimmed, 20)
		return money.Zero, e
	}
	return d, nil
}

func limit(text string, runes int) string {
	if r := []rune(text); len(r) > runes {
		return string(r[:runes]) + "…"
	}
	return text
}
