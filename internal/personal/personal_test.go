package personal_test

import (
	"strings"
	"testing"
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
