package personal_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/orderlyhq/orderly/internal/personal"
)

const order = `{"id":820982911946154508,"name":"#1001","email":"anna.lind@example.com","total_price":"398.00","currency":"EUR","note":"Please ring at Lind",
"customer":{"id":115310627314723954,"first_name":"Anna","last_name":"Lind","verified_email":true,"default_address":{"address1":"Hauptstraße 5","city":"Kiel","province":"Holstein","zip":24103,"country":"Germany"}},
"line_items":[{"sku":"SHIRT-M","name":"Blue shirt - M","price":"199.00","quantity":2,"properties":[{"name":"Engraving","value":"A"}]}],
"shipping_lines":[{"title":"Standard","code":"STD"}],"token":null,"state":"processing"}`

func TestJSONIsMaskedByNamesAndNeighbours(t *testing.T) {
	out := personal.Body(order, true)
	for _, gone := range []string{"anna.lind", "Anna", "Lind", "Hauptstraße", "Kiel", "Holstein", "24103", "ring"} {
		if strings.Contains(out, gone) {
			t.Errorf("%q is still shown", gone)
		}
	}
	for _, kept := range []string{
		`"id": 820982911946154508`, `"name": "#1001"`, `"total_price": "398.00"`, `"sku": "SHIRT-M"`, `"name": "Blue shirt - M"`, `"country": "Germany"`,
		`"title": "Standard"`, `"verified_email": true`, `"token": null`, `"state": "processing"`, `"first_name": "A`, `"name": "Engraving"`,
	} {
		if !strings.Contains(out, kept) {
			t.Errorf("%s is not shown in\n%s", kept, out)
		}
	}
	if plain := personal.Body(order, false); !strings.Contains(plain, `"city": "Kiel"`) || strings.Contains(plain, "•") {
		t.Errorf("what is not to be hidden is hidden:\n%s", plain)
	}
}

func TestWhereverPersonalDataStands(t *testing.T) {
	for name, c := range map[string]struct{ body, gone, kept string }{
		"a name behind an id":        {`{"partner_id":[12,"Anna Lind"],"company_id":[1,"Our Shop"]}`, "Anna", "Our Shop"},
		"notes of their own":         {`{"notes":[{"audience":"buyer","text":"Ring at Lind"}],"lines":[{"text":"Blue shirt"}]}`, "Lind", "Blue shirt"},
		"lists":                      {`{"emails":["a@b.example"],"phones":["+49 431 123"]}`, "431", `"emails"`},
		"JSON in a text":             {`{"variables":"{\"firstName\":\"Anna\",\"sku\":\"X1\"}"}`, "Anna", "X1"},
		"a name beside a street":     {`{"vals":[{"name":"Anna Lind","street":"Hauptstr. 5"}]}`, "Lind", `"vals"`},
		"a name that is alone":       {`{"item":{"name":"Chair"}}`, "•", "Chair"},
		"an e-mail in any text":      {`{"subject":"Order of anna@lind.example today"}`, "anna@", "today"},
		"XML":                        {`<order><id>7</id><ship_to><name>Anna Lind</name><addr1>Weg 3</addr1></ship_to><item><name>Chair</name></item></order>`, "Anna", "<name>Chair</name>"},
		"XML with CDATA and prefix":  {`<?xml version="1.0"?><p:customer xmlns:p="urn:x"><p:lastname><![CDATA[Lind & Söhne]]></p:lastname><p:id>9</p:id></p:customer>`, "Lind", "<p:id>9</p:id>"},
		"XML attributes":             {`<address city="Kiel" country="DE"/>`, "Kiel", `country="DE"`},
		"a form":                     {`billing[first_name]=Anna&amount=12.00&email=a%40b.example`, "Anna", "amount = 12.00"},
		"cut JSON":                   {`{"id":1,"customer":{"first_name":"Anna","last_name":"Li`, "Li\"", "cut off here"},
		"cut XML":                    {`<customer><id>1</id><firstname>An`, "An<", "cut off here"},
		"a batch":                    {"--batch\nGET /Customers?$filter=Name eq 'Anna Lind' HTTP/1.1\n\n{\"CardName\":\"Anna Lind\",\"DocTotal\":12.5}\n--batch--", "Anna", "12.5"},
		"a text":                     {"Error: no customer anna@lind.example", "anna@", "no customer"},
		"a name for somebody":        {`{"customer":"Anna Lind","buyer":"Anna Lind","contact":"Anna Lind","shipTo":"Anna Lind","carrier":"Fast Lane"}`, "Anna", "Fast Lane"},
		"a number of somebody":       {`{"name":"Anna","phone":"1","customer":"C2000","customer_id":"ann-a","contact_source":"Web Form"}`, "Anna", `"customer": "C2000"`},
		"a place with its address":   {`{"ShipToAddress2":"Björk","ShipToCity":"Björk","AddressName":"Björk","ShipToName":"Björk","sellToCity":"Björk","BillingCity":"Björk","ShipToBuilding":"Björk","BillToState":"Björk","DocumentStatus":"bost_Open"}`, "Björk", "bost_Open"},
		"names written together":     {`{"addressbillingname":"Anna","shiptocity":"Anna","contactname":"Anna","customerfirstname":"Anna","productname":"Chair"}`, "Anna", "Chair"},
		"an address in one text":     {`{"shipping_address":"Weg 3","contact_address":"Weg 3","addressee":"Weg 3","address1_line1":"Weg 3","address":{"Line1":"Weg 3"},"description_line_1":"Chair"}`, "Weg", "Chair"},
		"other words for a phone":    {`{"Cellular":"0431","tel":"0431","customer_dob":"0431","Telephone 2":431,"total":"43.10"}`, "431", "43.10"},
		"keys that are addresses":    {`{"a@b.example":1,"sku":"X1"}`, "a@b", "X1"},
		"what nobody knows":          {`{"customer":{"nickname_at_work":"Anna L.","segment":"New Buyer","group":"Retail","state":"enabled","currency":"EUR","tags":"VIP"}}`, "Anna", `"state": "enabled"`},
		"a datum of a thing":         {`{"shipment":{"company":"Fast Lane","name":"Parcel"},"warehouse":{"name":"North"},"phone":"431 555"}`, "431", `"company": "Fast Lane"`},
		"an order of somebody":       {`{"customer":{"name":"Anna","orders":[{"name":"Spring sale","items":[{"title":"Blue shirt"}]}]}}`, "Anna", "Spring sale"},
		"a pair of name and value":   {`[{"key":"_billing_phone","value":"0431"},{"name":"Engraving","value":"0431"},{"key":"size","value":"Large"}]`, "0431", "Large"},
		"a pair with its keys":       {`{"customer":{"fields":[{"key":"birthday","value":"0431"}]},"field":"email","value":7}`, "0431", `"field": "email"`},
		"a pair in XML":              {`<struct><member><name>street</name><value><string>Weg 3</string></value></member><member><name>sku</name><value><string>X1</string></value></member></struct>`, "Weg", "X1"},
		"a condition":                {`[["name","=","Chair"],["street","ilike","Weg"],["email","=","Weg"]]`, "Weg", "Chair"},
		"a query":                    {`{"query":"select * from Customer where DisplayName = 'Anna Lind'"}`, "Anna", "select * from Customer"},
		"numbers of a tax":           {`{"customer":{"vat_id":"DE123456789"},"vat":"DE123456789","lines":[{"tax_id":"123456789-x"}],"vat_rate":"19"}`, "DE1", "123456789-x"},
		"a form of somebody":         {`customer=Anna&customer[name]=Anna&billing[address][city]=Anna&product[name]=Chair`, "Anna", "product[name] = Chair"},
		"with more of a name":        {`{"StreetB":"Lind","altemail":"Lind","assistantphone":"Lind","CITYC":"Lind","VATRegNum":"Lind","BankAccountNumber":"Lind","customer_suffix":"Lind","BillingStateCode":"Lind","ErrorReport":"Too late","CreditMemo":"CM 1","sort_by":"name"}`, "Lind", `"ErrorReport": "Too late"`},
		"papers and reports":         {`{"city":"Kiel","CreditMemo":"CM-1","sort_by":"name","capacity":"Large","company_id":[1,"Our Shop"]}`, "Kiel", `"CreditMemo": "CM-1"`},
		"who made it":                {`{"created_by":"Anna Lind","created_at":"2026-01-02","owner":{"name":"Anna Lind"}}`, "Anna", "2026-01-02"},
		"an address in an object":    {`{"name":"Blue shirt","billing_address":{"city":"Kiel","state":"SH"},"state":"new"}`, "Kiel", `"name": "Blue shirt"`},
		"an escaped text in a query": {"GET /x?name=%27Anna%27 HTTP/1.1", "Anna", "GET /x?name="},
	} {
		t.Run(name, func(t *testing.T) {
			out := personal.Body(c.body, true)
			if strings.Contains(out, c.gone) || !strings.Contains(out, c.kept) {
				t.Errorf("%q must be hidden and %q shown in\n%s", c.gone, c.kept, out)
			}
		})
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"https://erp.example/api/orders/7":                            "https://erp.example/api/orders/7",
		"https://erp.example/api?email=anna@lind.example&limit=1":     "https://erp.example/api?email=a••••••&limit=1",
		"https://erp.example/b1s?$filter=CardName%20eq%20'Anna'":      "https://erp.example/b1s?$filter=CardName%20eq%20'A•••'",
		"https://erp.example/q?q=select%20x%20where%20n=%27Anna%27":   "https://erp.example/q?q=select%20x%20where%20n=%27A•••%27",
		"https://erp.example/api/customers?name=Anna&limit=1":         "https://erp.example/api/customers?name=A•••&limit=1",
		"https://erp.example/api/orders?customer=Anna%20Lind":         "https://erp.example/api/orders?customer=A••••••",
		"https://erp.example/api/orders?customer=12&status=open":      "https://erp.example/api/orders?customer=12&status=open",
		"https://erp.example/api/products?name=Chair&q=Chair":         "https://erp.example/api/products?name=Chair&q=Chair",
		"https://erp.example/b1s/Items?$filter=ItemCode eq 'MUG-RED'": "https://erp.example/b1s/Items?$filter=ItemCode eq 'MUG-RED'",
		"https://erp.example/api/customers/7/prices?name=Anna":        "https://erp.example/api/customers/7/prices?name=A•••",
		"https://erp.example/api/contacts?q=Anna":                     "https://erp.example/api/contacts?q=A•••",
		"https://erp.example/api/x?filter[city]=Kiel&fields=name,sku": "https://erp.example/api/x?filter[city]=K•••&fields=name,sku",
		"https://erp.example/customers/anna%40lind.example/addresses": "https://erp.example/customers/a••••••/addresses",
	} {
		if got := personal.Address(in); got != want {
			t.Errorf("%s is shown as %s; want %s", in, got, want)
		}
	}
}

func TestMaskingTwiceIsMaskingOnce(t *testing.T) {
	for _, value := range []string{"Anna Lind", "a", "Ö", "12345678", "", "anna@lind.example"} {
		if once := personal.Mask(value); personal.Mask(once) != once {
			t.Errorf("%q becomes %q and then %q", value, once, personal.Mask(once))
		}
	}
}

func TestNumbersKeepTheirDigits(t *testing.T) {
	if out := personal.Body(`{"amount":1234567890.1234567890123,"big":12345678901234567890}`, true); !strings.Contains(out, "1234567890.1234567890123") || !strings.Contains(out, "12345678901234567890") {
		t.Errorf("numbers are changed: %s", out)
	}
}

func FuzzBody(f *testing.F) {
	for _, seed := range []string{order, `<a b="c">d<e/></a>`, `a=b&c=d`, `[[[`, `{"a"`, `<a><b`, "GET /x HTTP/1.1", "\uFEFF{}", `{"a":"{\"email\":1}"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if out := personal.Body(text, true); utf8.ValidString(text) && !utf8.ValidString(out) {
			t.Errorf("%q is laid out as %q", text, out)
		}
		personal.Address(text)
	})
}

// big is a body of 100 kB with names of all sorts.
func big() string {
	var b strings.Builder
	b.WriteString(`{"orders":[`)
	for i := 0; b.Len() < 100_000; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(order)
		fmt.Fprintf(&b, `,{"field_of_shop_number_%d":"Some Text","customer_email_of_%d":"a@b.example"}`, i, i)
	}
	return b.String() + "]}"
}

func TestABigBodyIsMaskedQuickly(t *testing.T) {
	body := big()
	took := time.Hour
	for range 5 { // the quickest, since other tests run beside this one
		started := time.Now()
		personal.Body(body, true)
		took = min(took, time.Since(started))
	}
	t.Logf("%d bytes took %s", len(body), took)
	if took > 250*time.Millisecond {
		t.Errorf("%d bytes took %s", len(body), took)
	}
}

// Nothing that a vendor may send takes long.
func TestNoBodyTakesLong(t *testing.T) {
	for _, body := range []string{
		`{"` + strings.Repeat("to", 50_000) + `":"x"}`, `{"` + strings.Repeat("aB", 50_000) + `":"x"}`, strings.Repeat("a[b]=c&", 20_000), strings.Repeat("[", 50_000),
		strings.Repeat("a", 20_000) + strings.Repeat("[b]", 20_000) + "=c", strings.Repeat("a@", 50_000), strings.Repeat("<a>", 30_000), strings.Repeat("address: {\n", 10_000),
		"/x?" + strings.Repeat("a='b'&", 20_000), strings.Repeat(`{"a":`, 20_000),
	} {
		started := time.Now()
		personal.Body(body, true)
		if took := time.Since(started); took > 2*time.Second {
			t.Errorf("a body that begins with %.20s took %s", body, took)
		}
	}
}

func BenchmarkBody(b *testing.B) {
	body := big()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		personal.Body(body, true)
	}
}

func TestMaskingAMaskedBodyChangesNothing(t *testing.T) {
	once := personal.Body(order, true)
	if twice := personal.Body(once, true); twice != once {
		t.Errorf("%s\nbecomes\n%s", once, twice)
	}
}
