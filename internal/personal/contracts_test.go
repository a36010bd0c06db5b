package personal_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/orderlyhq/orderly/internal/contracttest"
	"github.com/orderlyhq/orderly/internal/personal"
)

// personalLeaves are the fields of published payloads that hold personal data, with as much of what they stand in as
// tells them apart. They are written down from the payloads, not made by the rules that are tested.
var personalLeaves = regexp.MustCompile(`(?i)(^|[./])(` + strings.Join([]string{
	`(customer_)?e-?mail(_?address)?`, `(customer_|buyer_)?(first|last|given|family|middle)_?name`, `telephone\d?|phone|mobile(_number)?|phone_mobile|work_number|fax(number)?`,
	`(address|street|addr)_?\d|street`, `(address|sellTo|billTo|shipTo)?_?addressLine\d|line1`, `(billing|sellTo|shipTo|billTo|hs_shipping_address_|shipTo)?city`,
	`hs_shipping_address_(street|state|city)|post_?code|zip(_?code)?|postal_?code|shipToContact|(billTo|shipTo|customer)Name|address(Billing|Shipping)(Name|Street\d?|Zipcode|City)`,
	`cardname|emailaddress`, `BPAddresses\.(Street|City|ZipCode)`,
	`(billing_address|shipping_address|address|default_address)\.(name|company|province|state|region)|customer\.(name|company)`, `(billing|shipping)\.(state|company)`,
	`postal_name|delivery_address\.(contact|county)|main_address\.county`, `NAME1|NAME2|STRAS|ORT01|PSTLZ|TELF1|STCEG|SORTL`,
	`customerData\.companyData\.(companyName|vatNumber)|receiver\.(person\.(firstName|lastName)|companyName)`,
	`lead\.display_name|customer\.displayName|byId\.displayName|(byId|customer)\.defaultAddress\.formattedArea`, `customer_user_agent|customer_ip_address|ip_address|browser_ip`,
	`(order|customer)\.(customerNote|note)|customer_note|customer_message|staff_notes`, `sObject\.(Company|State|Title)`, `entity\.refName`,
	`alias`, `partner\.(name|street|city|zip|phone|email)`, `customerRef\.name|BillAddr\.\w*Line\d|Customer\.DisplayName|FullyQualifiedName|PrimaryEmailAddr\.Address|PrintOnCheckName`,
}, "|") + `)$`)

// plainLeaves are those that must stay readable.
var plainLeaves = regexp.MustCompile(`(?i)(^|[./])(` + strings.Join([]string{
	`id|uuid|sku|item_?code|ean13`, `hs_source_store|commercialRegisterLocation|LKTEXT|[a-z_]*currency(_?code)?|currency_?id`, `country|countryCode(V2)?|country_code|country_iso2|countryId|country_id|LAND1`,
	`(line_?items|order_rows|products|variants)\.(name|title|sku|product_name|variant_title|brandTitle)`, `lineItems\.nodes\.(title|sku|variantTitle)`, `positions\.product\.name`,
	`(shipping_lines|shippingLines)\.(title|code|method_title|method_id)|shipping_method|shipping_description|carrier\.name`,
	`total|subtotal|grand_total|amount|price|quantity|total_[a-z_]+|base_[a-z_]+`, `status|financial_status|fulfillment_status|document_status|DocumentStatus|displayFinancialStatus`,
	`(date|created|updated|modified)[a-z_]*|[a-z]+_at|createdAt|updatedAt|txnDate`, `payment_method(_title)?|paymentMethod|payment_status`, `assignedLocation\.name|selectedSupplier|store_name|trackingInfo\.company`,
	`ItemDescription|WarehouseCode|TaxCode|unitOfMeasureCode|IDTNR|KTEXT|CURCY|display_name_customer|name_customer`, `customer_?id|order_?id|DocNum|DocEntry|AccountId`,
}, "|") + `)$`)

// descriptions are files that describe payloads and are none.
var descriptions = regexp.MustCompile(`openapi|swagger|asyncapi|schema|metadata|fields|routes|dictionary|slice|record-keys|SOURCES|vector`)

// leaf is a value in a payload, with the names of all that it stands in.
type leaf struct{ path, value string }

func TestNoPersonalValueOfAPublishedPayloadIsLeft(t *testing.T) {
	systems, err := os.ReadDir(filepath.Dir(contracttest.Dir(t, "shopify")))
	if err != nil {
		t.Fatal(err)
	}
	payloads, hidden, kept := 0, 0, 0
	for _, system := range systems {
		t.Run(system.Name(), func(t *testing.T) {
			found := 0
			for name, text := range published(t, system.Name()) {
				h, k := checkPayload(t, name, text)
				payloads, hidden, kept, found = payloads+1, hidden+h, kept+k, found+h+k
			}
			if found == 0 {
				t.Error("no value that is known to be personal or not was found in its payloads")
			}
		})
	}
	t.Logf("%d payloads: %d personal values, %d others", payloads, hidden, kept)
	if payloads < 300 || hidden < 1000 || kept < 2000 {
		t.Errorf("only %d payloads with %d personal values and %d others were found", payloads, hidden, kept)
	}
}

// published gives the payloads of a system by name: its samples, and what was recorded.
func published(t *testing.T, system string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, file := range contracttest.Files(t, system, "*") {
		if ext := filepath.Ext(file); descriptions.MatchString(filepath.Base(file)) || ext != ".json" && ext != ".xml" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = string(text)
	}
	if _, err := os.Stat(filepath.Join(contracttest.Dir(t, system), "recorded")); err != nil {
		return all
	}
	for _, e := range contracttest.Recorded(t, system) {
		all[e.File+" request"], all[e.File+" answer"] = string(e.Request.Body), string(e.Response.Body)
	}
	return all
}

func checkPayload(t *testing.T, name, text string) (hidden, kept int) {
	t.Helper()
	before, ok := leaves(text)
	if !ok {
		return 0, 0
	}
	masked := personal.Body(text, true)
	after, ok := leaves(masked)
	if !ok || len(after) != len(before) {
		t.Errorf("%s: the masked text is another one: %d values of %d", name, len(after), len(before))
		return 0, 0
	}
	plain := map[string]bool{}
	for i, l := range before {
		if plainLeaves.MatchString(l.path) && !personalLeaves.MatchString(l.path) {
			kept++
			plain[l.value] = true
			if after[i].value != l.value {
				t.Errorf("%s: %s is %q and shown as %q", name, l.path, l.value, after[i].value)
			}
		}
	}
	for i, l := range before {
		if !personalLeaves.MatchString(l.path) || strings.TrimSpace(l.value) == "" || l.value == "string" {
			continue
		}
		hidden++
		if after[i].value == l.value && l.value != personal.Mask(l.value) {
			t.Errorf("%s: %s is shown: %q", name, l.path, l.value)
		} else if tells(l.value) && hasWord(masked, l.value) && !isPartOf(plain, l.value) {
			t.Errorf("%s: %q of %s is still shown somewhere", name, l.value, l.path)
		}
	}
	return hidden, kept
}

// tells says that a value is not one that other fields have by chance.
func tells(value string) bool {
	return utf8.RuneCountInString(value) > 3 && strings.ContainsFunc(value, unicode.IsLetter)
}

// isPartOf says whether a value is also part of one that must stay readable, such as a city in the name of a store.
func isPartOf(plain map[string]bool, value string) bool {
	for text := range plain {
		if hasWord(text, value) {
			return true
		}
	}
	return false
}

// hasWord says whether a text has a value that is not just a part of a longer word.
func hasWord(text, value string) bool {
	for {
		i := strings.Index(text, value)
		if i < 0 {
			return false
		}
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, _ := utf8.DecodeRuneInString(text[i+len(value):])
		if !unicode.IsLetter(before) && !unicode.IsDigit(before) && before != '_' && !unicode.IsLetter(after) && !unicode.IsDigit(after) && after != '_' {
			return true
		}
		text = text[i+len(value):]
	}
}

// leaves gives the values of a payload in their order; false when it is neither JSON nor XML.
func leaves(text string) ([]leaf, bool) {
	if strings.HasPrefix(strings.TrimSpace(text), "<") {
		return xmlLeaves(text)
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var list []leaf
	if err := jsonLeaves(d, "", &list); err != nil {
		return nil, false
	}
	return list, true
}

func jsonLeaves(d *json.Decoder, path string, list *[]leaf) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		value, _ := token.(string)
		if number, ok := token.(json.Number); ok {
			value = number.String()
		}
		*list = append(*list, leaf{path, value})
		return nil
	}
	for d.More() {
		inner := path
		if delim == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			inner = path + "." + name.(string)
		}
		if err := jsonLeaves(d, inner, list); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

func xmlLeaves(text string) ([]leaf, bool) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	var list []leaf
	var path []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return list, len(list) > 0
		}
		if err != nil {
			return nil, false
		}
		switch token := token.(type) {
		case xml.StartElement:
			path = append(path, token.Name.Local)
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if value := strings.TrimSpace(string(token)); value != "" {
				list = append(list, leaf{strings.Join(path, "."), value})
			}
		}
	}
}
