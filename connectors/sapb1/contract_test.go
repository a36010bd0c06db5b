package sapb1_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/sapb1"
	b1fake "github.com/orderlyhq/orderly/connectors/sapb1/fake"
	"github.com/orderlyhq/orderly/internal/contracttest"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/internal/odata"
	"github.com/orderlyhq/orderly/money"
)

// contract reads one of the vendor's files.
func contract(t *testing.T, name string, out any) {
	t.Helper()
	data, err := os.ReadFile(contracttest.Files(t, "sapb1", name)[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, out); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestEveryFileIsUsed(t *testing.T) {
	used := []string{
		"SOURCES.md", "batch-responses.json", "business-partner-fixtures.json", "errors.json", "login.json", "order-create.json", "order-fixtures-v1.json",
		"service-layer-v2-metadata-slice.xml", "user-field-create.json", "webhook.json",
	}
	var there []string
	for _, file := range contracttest.Files(t, "sapb1", "*") {
		there = append(there, filepath.Base(file))
	}
	if slices.Sort(used); !slices.Equal(used, there) {
		t.Errorf("used are %v, there are %v", used, there)
	}
}

// recorded is a request and its answer as they are written down.
type recorded struct {
	Request struct {
		Method, Path string
		Headers      map[string]string
		Body         json.RawMessage
	}
	Response struct {
		Status int
		Body   json.RawMessage
	}
}

// replay sends a request to a company.
func replay(t *testing.T, v *b1fake.Vendor, method, path string, body []byte, cookies string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequest(method, path, bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	if cookies != "" {
		req.Header.Set("Cookie", cookies)
	}
	recorder := httptest.NewRecorder()
	v.ServeHTTP(recorder, req)
	return recorder
}

// shape gives the names and kinds of a JSON value.
func shape(t *testing.T, body []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return shapeOf(v)
}

func shapeOf(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var names []string
		for name, inner := range v {
			names = append(names, name+":"+shapeOf(inner))
		}
		slices.Sort(names)
		return "{" + strings.Join(names, " ") + "}"
	case nil:
		return "null"
	}
	return fmt.Sprintf("%T", v)
}

// signIn gives the cookies of a session.
func signIn(t *testing.T, v *b1fake.Vendor, version string) string {
	t.Helper()
	s := v.Settings()
	body, err := json.Marshal(map[string]string{"CompanyDB": s["company_db"], "UserName": s["user_name"], "Password": s["password"]})
	if err != nil {
		t.Fatal(err)
	}
	answer := replay(t, v, "POST", "/b1s/"+version+"/Login", body, "")
	var cookies []string
	for _, c := range answer.Result().Cookies() {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	return strings.Join(cookies, "; ")
}

func company(t *testing.T, options ...b1fake.Option) *b1fake.Vendor {
	t.Helper()
	return b1fake.New(fake.Options{BaseURL: vendorURL, Catalog: fake.Catalog{
		Items: []fake.CatalogItem{{SKU: "A00001", Name: "Printer", Price: number("30"), Rate: number("0.19"), Stock: 100}}, Rates: []money.Decimal{number("0"), number("0.19")},
		Currencies: []money.Currency{"USD"}, Countries: []string{"US"},
	}}, options...)
}

func TestRecordedLogin(t *testing.T) {
	var file struct {
		Login   recorded
		Expired struct {
			Status int
			Body   json.RawMessage
		} `json:"session_expired"`
		Logout recorded
	}
	contract(t, "login.json", &file)
	v := company(t, b1fake.Account("SBODEMOUS", "manager", "example-password"))
	answer := replay(t, v, file.Login.Request.Method, file.Login.Request.Path, file.Login.Request.Body, "")
	if answer.Code != file.Login.Response.Status || shape(t, answer.Body.Bytes()) != shape(t, file.Login.Response.Body) {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	var names, cookies []string
	for _, c := range answer.Result().Cookies() {
		names, cookies = append(names, c.Name), append(cookies, c.Name+"="+c.Value)
	}
	if !slices.Equal(names, []string{"B1SESSION", "ROUTEID"}) {
		t.Errorf("cookies %v", names)
	}
	if got := replay(t, v, file.Logout.Request.Method, file.Logout.Request.Path, nil, strings.Join(cookies, "; ")); got.Code != file.Logout.Response.Status {
		t.Errorf("logout %d", got.Code)
	}
	after := replay(t, v, "GET", "/b1s/v1/Orders", nil, strings.Join(cookies, "; "))
	var got, want any
	if json.Unmarshal(after.Body.Bytes(), &got) != nil || json.Unmarshal(file.Expired.Body, &want) != nil || after.Code != file.Expired.Status || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d %s", after.Code, after.Body)
	}
}

func TestRecordedErrors(t *testing.T) {
	var file map[string]struct {
		Status int
		Body   json.RawMessage
	}
	contract(t, "errors.json", &file)
	v := company(t)
	v1, v2 := signIn(t, v, "v1"), signIn(t, v, "v2")
	batch := func(version, cookies string, ids ...string) *httptest.ResponseRecorder {
		var body strings.Builder
		for _, id := range ids {
			if id != "" {
				id = "Content-ID: " + id + "\r\n"
			}
			fmt.Fprintf(&body, "--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n--c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n%s\r\n"+
				"POST /b1s/%s/BusinessPartners HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{\"CardCode\":\"C1\"}\r\n--c--\r\n", id, version)
		}
		body.WriteString("--b--\r\n")
		req := httptest.NewRequest("POST", "/b1s/"+version+"/$batch", strings.NewReader(body.String()))
		req.Header.Set("Content-Type", "multipart/mixed;boundary=b")
		req.Header.Set("Cookie", cookies)
		whole := httptest.NewRecorder()
		v.ServeHTTP(whole, req)
		sets, err := odata.DecodeBatch(whole.Header().Get("Content-Type"), whole.Body.Bytes())
		if err != nil || len(sets) != len(ids) {
			t.Fatalf("%d sets, %v", len(sets), err)
		}
		last := sets[len(sets)-1][0]
		part := httptest.NewRecorder()
		part.Code = last.Status
		part.Body.Write(last.Body)
		return part
	}
	answers := map[string]*httptest.ResponseRecorder{
		"v1_not_found":                replay(t, v, "GET", "/b1s/v1/Orders(99)", nil, v1),
		"v2_not_found":                replay(t, v, "GET", "/b1s/v2/Orders(99)", nil, v2),
		"session_expired_v1":          replay(t, v, "GET", "/b1s/v1/Orders(99)", nil, "B1SESSION=old; ROUTEID=.node1"),
		"v1_batch_not_committed":      batch("v1", v1, "1", "1"),
		"v2_batch_without_content_id": batch("v2", v2, ""),
	}
	for name, want := range file {
		got := answers[name]
		if got == nil {
			t.Errorf("%s is not replayed", name)
			continue
		}
		var is, should any
		if err := json.Unmarshal(got.Body.Bytes(), &is); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := json.Unmarshal(want.Body, &should); err != nil {
			t.Fatal(err)
		}
		if (want.Status != 0 && got.Code != want.Status) || fmt.Sprint(is) != fmt.Sprint(should) {
			t.Errorf("%s: %d %s, want %d %s", name, got.Code, got.Body, want.Status, want.Body)
		}
	}
}

func TestRecordedOrderIsMade(t *testing.T) {
	var file recorded
	contract(t, "order-create.json", &file)
	// The request is for the localisation of the United States, and writes numbers as text.
	v := company(t, b1fake.SalesTax(), b1fake.TaxCode("PA", number("6")))
	// A due date in 2019 is before today's posting date.
	body := strings.Replace(string(file.Request.Body), `"DocDueDate"`, `"DocDate":"2019-07-01","DocDueDate"`, 1)
	cookies := signIn(t, v, "v1")
	if got := replay(t, v, "POST", "/b1s/v1/BusinessPartners", []byte(`{"CardCode":"C20000","CardName":"Norm Thompson"}`), cookies); got.Code != 201 {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	answer := replay(t, v, file.Request.Method, file.Request.Path, []byte(body), cookies)
	if answer.Code != file.Response.Status {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	var made struct {
		DocEntry, DocNum int64
		DocTotal, VatSum json.Number
		DocumentStatus   string
		DocumentLines    []struct{ LineNum int64 }
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &made); err != nil || made.DocEntry != 1 || made.DocTotal != "3180.0" || made.VatSum != "180.0" || made.DocumentStatus != "bost_Open" || len(made.DocumentLines) != 1 || made.DocumentLines[0].LineNum != 0 {
		t.Errorf("%+v, %v", made, err)
	}
	if got := replay(t, v, "POST", "/b1s/v1/Orders", []byte(strings.Replace(body, `"DocDueDate": "2019-07-12",`, "", 1)), cookies); got.Code != 400 {
		t.Errorf("without its delivery date the order is made: %d", got.Code)
	}
}

func TestRecordedUserField(t *testing.T) {
	var file recorded
	contract(t, "user-field-create.json", &file)
	v := company(t, b1fake.WithoutUserField())
	cookies := signIn(t, v, "v1")
	for _, want := range []int{201, 400} {
		if got := replay(t, v, file.Request.Method, file.Request.Path, file.Request.Body, cookies); got.Code != want {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	}
}

func decoder(t *testing.T) connector.Decoder {
	t.Helper()
	return sapb1.Definition().New().(connector.SourceConfig).Decoder()
}

func TestPublishedOrders(t *testing.T) {
	var file struct {
		Single, Created json.RawMessage
		List            json.RawMessage
	}
	contract(t, "order-fixtures-v1.json", &file)
	o, err := decoder(t).DecodeOrder(connector.Raw{Body: file.Single})
	if err != nil {
		t.Fatal(err)
	}
	if o.Totals.TaxInclusive.String() != "1180.00 TRY" || o.Totals.Tax.String() != "180.00 TRY" || o.Totals.TaxExclusive.String() != "1000.00 TRY" || o.OrderNumber != "1001" ||
		o.Source.ExternalID != "1" || o.Buyer.Source.ExternalID != "C001" || o.OrderState != commerce.StateConfirmed || o.OrderDate.Format("2006-01-02") != "2024-01-15" {
		t.Errorf("%+v", o)
	}
	if l := o.Lines[0]; l.LineNet.String() != "1000.00 TRY" || l.UnitPrice.Net.Amount.String() != "100" || l.Quantity.String() != "10" || l.SKU != "ITEM001" || l.Warehouse != "WH01" {
		t.Errorf("%+v", l)
	}
	var page odata.Page
	if err := json.Unmarshal(file.List, &page); err != nil || len(page.Items) != 3 || page.Next != "Orders?$skip=3" {
		t.Errorf("%+v, %v", page, err)
	}
	if next, err := odata.Resolve(vendorURL+"/b1s/v1", page.Next); err != nil || next != vendorURL+"/b1s/v1/Orders?$skip=3" {
		t.Errorf("%s, %v", next, err)
	}
	// A selection is no order: what is missing is named.
	for _, part := range append(page.Items, file.Created) {
		if _, err := decoder(t).DecodeOrder(connector.Raw{Body: part}); connector.KindOf(err) != connector.KindInvalid {
			t.Errorf("%s: %v", part, err)
		}
	}
}

func TestPublishedBusinessPartners(t *testing.T) {
	var file struct {
		Single, Created json.RawMessage
		List            json.RawMessage
	}
	contract(t, "business-partner-fixtures.json", &file)
	c, err := decoder(t).DecodeCustomer(connector.Raw{Body: file.Single})
	if err != nil || c.DisplayName != "Test Customer Ltd." || c.Email() != "customer@example.com" || c.Phone() != "+90 212 555 0001" || c.Currency != "TRY" || c.Status != commerce.CustomerActive {
		t.Errorf("%+v, %v", c, err)
	}
	if len(c.Addresses) != 1 || c.Addresses[0].AddressLocality != "Istanbul" || c.Addresses[0].AddressCountry != "TR" || c.Addresses[0].Use != commerce.UseBilling || c.Addresses[0].AddressID != "B001" {
		t.Errorf("%+v", c.Addresses)
	}
	var page odata.Page
	if err := json.Unmarshal(file.List, &page); err != nil || len(page.Items) != 3 || page.Next != "BusinessPartners?$skip=3" {
		t.Errorf("%+v, %v", page, err)
	}
	for _, part := range append(page.Items, file.Created) {
		if c, err := decoder(t).DecodeCustomer(connector.Raw{Body: part}); err != nil || c.Source.ExternalID == "" {
			t.Errorf("%s: %v", part, err)
		}
	}
}

func TestPublishedBatchAnswers(t *testing.T) {
	var file map[string]struct {
		ContentType string `json:"content_type"`
		Body        string `json:"body_text"`
	}
	contract(t, "batch-responses.json", &file)
	for _, version := range []string{"v1", "v2"} {
		sets, err := odata.DecodeBatch(file[version].ContentType, []byte(file[version].Body))
		if err != nil || len(sets) != 1 || len(sets[0]) != 3 {
			t.Fatalf("%s: %+v, %v", version, sets, err)
		}
		for i, want := range []struct {
			status int
			body   string
		}{{201, `{"some":"content"}`}, {204, ""}, {204, ""}} {
			if got := sets[0][i]; got.ContentID != fmt.Sprint(i+1) || got.Status != want.status || string(got.Body) != want.body {
				t.Errorf("%s: %+v", version, got)
			}
		}
	}
}

func TestRecordedWebhooks(t *testing.T) {
	var file struct {
		Enable, Subscribe, Handshake, Delivery recorded
		Props                                  struct{ Body json.RawMessage } `json:"delivery_with_bizobjprops"`
	}
	contract(t, "webhook.json", &file)
	v := company(t)
	cookies := signIn(t, v, "v2")
	if got := replay(t, v, "POST", file.Subscribe.Request.Path, file.Subscribe.Request.Body, cookies); got.Code != 400 {
		t.Errorf("a subscription before webhooks are enabled: %d", got.Code)
	}
	for name, r := range map[string]recorded{"enable": file.Enable} {
		if got := replay(t, v, r.Request.Method, r.Request.Path, r.Request.Body, cookies); got.Code >= 300 {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
	}
	if got := replay(t, v, "POST", file.Subscribe.Request.Path, file.Subscribe.Request.Body, cookies); got.Code != 201 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	p := open(t, map[string]string{"webhook_secret": "example-shared-secret"})
	token := file.Handshake.Request.Headers["X-B1-Webhook-Token"]
	receipt, err := p.conn.Receiver.Receive(connector.Request{Method: file.Handshake.Request.Method, Header: http.Header{"X-B1-Webhook-Token": {token}}})
	var got, want any
	if err != nil || json.Unmarshal(receipt.Answer.Body, &got) != nil || json.Unmarshal(file.Handshake.Response.Body, &want) != nil || fmt.Sprint(got) != fmt.Sprint(want) || receipt.Answer.Status != file.Handshake.Response.Status {
		t.Errorf("%+v, %v", receipt, err)
	}
	for name, body := range map[string]json.RawMessage{"delivery": file.Delivery.Request.Body, "with fields": file.Props.Body} {
		receipt, err := p.conn.Receiver.Receive(post(map[string]string{"X-Orderly-Secret": "example-shared-secret"}, string(body)))
		if err != nil || len(receipt.Events) != 1 || receipt.Events[0].Ref != (connector.Ref{Kind: commerce.KindOrder, ID: "91"}) || receipt.Events[0].Topic != "Orders.Created" || receipt.Events[0].DeliveryID != "<uuid>" {
			t.Errorf("%s: %+v, %v", name, receipt, err)
		}
	}
}

// metadata is the published description: types with their properties, enumerations with their members, and sets.
type metadata struct {
	types map[string]map[string]string
	enums map[string][]string
	sets  map[string]string
}

func readMetadata(t *testing.T) metadata {
	t.Helper()
	data, err := os.ReadFile(contracttest.Files(t, "sapb1", "service-layer-v2-metadata-slice.xml")[0])
	if err != nil {
		t.Fatal(err)
	}
	type named struct {
		Name       string `xml:"Name,attr"`
		Properties []struct {
			Name string `xml:"Name,attr"`
			Type string `xml:"Type,attr"`
		} `xml:"Property"`
		Members []struct {
			Name string `xml:"Name,attr"`
		} `xml:"Member"`
		Sets []struct {
			Name string `xml:"Name,attr"`
			Type string `xml:"EntityType,attr"`
		} `xml:"EntitySet"`
	}
	var edmx struct {
		Schema struct {
			Entities   []named `xml:"EntityType"`
			Complexes  []named `xml:"ComplexType"`
			Enums      []named `xml:"EnumType"`
			Containers []named `xml:"EntityContainer"`
		} `xml:"DataServices>Schema"`
	}
	if err := xml.Unmarshal(data, &edmx); err != nil {
		t.Fatal(err)
	}
	m := metadata{types: map[string]map[string]string{}, enums: map[string][]string{}, sets: map[string]string{}}
	for _, n := range slices.Concat(edmx.Schema.Entities, edmx.Schema.Complexes) {
		m.types[n.Name] = map[string]string{}
		for _, p := range n.Properties {
			m.types[n.Name][p.Name] = p.Type
		}
	}
	for _, n := range edmx.Schema.Enums {
		for _, member := range n.Members {
			m.enums[n.Name] = append(m.enums[n.Name], member.Name)
		}
	}
	for _, c := range edmx.Schema.Containers {
		for _, s := range c.Sets {
			m.sets[s.Name] = strings.TrimPrefix(s.Type, "SAPB1.")
		}
	}
	if len(m.types) < 50 || len(m.enums) < 50 || len(m.sets) < 20 {
		t.Fatalf("the description is not read: %d types, %d enumerations, %d sets", len(m.types), len(m.enums), len(m.sets))
	}
	return m
}

// newer are the types that came after the description was published.
var newer = []string{"EventSubscription", "Event"}

func TestPretendModelIsThePublishedOne(t *testing.T) {
	m := readMetadata(t)
	for name, properties := range b1fake.Model() {
		if slices.Contains(newer, name) {
			continue
		}
		for property, kind := range properties {
			if published := m.types[name][property]; published != kind {
				t.Errorf("%s.%s is %s, published is %q", name, property, kind, published)
			}
		}
	}
	for set, of := range b1fake.Sets() {
		if published := m.sets[set]; published != of && !slices.Contains(newer, of) {
			t.Errorf("%s has %s, published is %q", set, of, published)
		}
	}
	for name, members := range b1fake.Members() {
		for _, member := range members {
			if !slices.Contains(m.enums[name], member) {
				t.Errorf("%s has no member %s", name, member)
			}
		}
	}
}

// check compares a value with a type; written says that it is a request, in which numbers may be text and dates are days.
func (m metadata) check(where, kind string, value any) []string {
	if value == nil {
		return nil
	}
	wrong := []string{fmt.Sprintf("%s: %v is no %s", where, value, kind)}
	if inner, found := strings.CutPrefix(kind, "Collection("); found {
		items, ok := value.([]any)
		if !ok {
			return wrong
		}
		var out []string
		for i, item := range items {
			out = append(out, m.check(fmt.Sprintf("%s[%d]", where, i), strings.TrimSuffix(inner, ")"), item)...)
		}
		return out
	}
	name, ours := strings.CutPrefix(kind, "SAPB1.")
	if members, found := m.enums[name]; ours && found {
		if text, ok := value.(string); !ok || !slices.Contains(members, text) {
			return wrong
		}
		return nil
	}
	if ours {
		fields, ok := value.(map[string]any)
		if !ok {
			return wrong
		}
		return m.record(where, name, fields)
	}
	text, isText := value.(string)
	number, isNumber := value.(json.Number)
	day := regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(T00:00:00Z)?$`)
	switch kind {
	case "Edm.String":
		if isText {
			return nil
		}
	case "Edm.Int32":
		if isNumber && !strings.ContainsAny(number.String(), ".eE") {
			return nil
		}
	case "Edm.Double":
		if isNumber {
			return nil
		}
	case "Edm.DateTimeOffset":
		if isText && day.MatchString(text) {
			return nil
		}
	case "Edm.TimeOfDay":
		if isText && regexp.MustCompile(`^\d{2}:\d{2}:\d{2}$`).MatchString(text) {
			return nil
		}
	}
	return wrong
}

func (m metadata) record(where, typeName string, fields map[string]any) []string {
	var out []string
	for name, value := range fields {
		switch kind, known := m.types[typeName][name]; {
		case strings.HasPrefix(name, "U_"), strings.HasPrefix(name, "odata."), strings.HasPrefix(name, "@odata."):
		case !known:
			out = append(out, fmt.Sprintf("%s: %s has no property %s", where, typeName, name))
		default:
			out = append(out, m.check(where+"."+name, kind, value)...)
		}
	}
	return out
}

func decodeNumbers(t *testing.T, body []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil && err != io.EOF {
		t.Fatalf("%s: %v", body, err)
	}
	return v
}

var (
	resourcePath = regexp.MustCompile(`^/b1s/v[12]/([A-Za-z]+)(\(.*\))?(/[A-Za-z$]+)?$`)
	comparison   = regexp.MustCompile(`([A-Za-z_]+) (?:eq|ne|gt|ge|lt|le) `)
)

// Everything that the connector does, and every answer of the pretend company, agrees with the published description.
func TestTrafficIsAsPublished(t *testing.T) {
	m := readMetadata(t)
	eachVersion(t, func(t *testing.T, options ...b1fake.Option) {
		p := open(t, map[string]string{"shipping_expense": "1", "charge_expense": "2", "payment_account": "161020"}, append(options, b1fake.WithoutUserField())...)
		everything(p)
		checked := 0
		for _, e := range p.exchanges {
			u, err := url.Parse(e.url)
			if err != nil {
				t.Fatal(err)
			}
			match := resourcePath.FindStringSubmatch(u.Path)
			if match == nil {
				continue
			}
			typeName, published := m.sets[match[1]]
			if !published {
				continue
			}
			where := e.method + " " + u.Path
			for _, list := range []string{u.Query().Get("$select"), strings.ReplaceAll(u.Query().Get("$orderby"), " asc", "")} {
				for name := range strings.SplitSeq(list, ",") {
					if name != "" && m.types[typeName][name] == "" && !strings.HasPrefix(name, "U_") {
						t.Errorf("%s: %s has no property %s", where, typeName, name)
					}
				}
			}
			texts := regexp.MustCompile(`'[^']*'`).ReplaceAllString(u.Query().Get("$filter"), "''")
			for _, found := range comparison.FindAllStringSubmatch(texts, -1) {
				if m.types[typeName][found[1]] == "" && !strings.HasPrefix(found[1], "U_") {
					t.Errorf("%s: a filter over %s of %s", where, found[1], typeName)
				}
			}
			if len(e.body) > 0 {
				for _, problem := range m.record(where, typeName, decodeNumbers(t, e.body).(map[string]any)) {
					t.Error("request: " + problem)
				}
				checked++
			}
			if e.status >= 300 || len(e.answer) == 0 || match[3] != "" {
				continue
			}
			answer, _ := decodeNumbers(t, e.answer).(map[string]any)
			records := []any{answer}
			if list, found := answer["value"]; found {
				records, _ = list.([]any)
			}
			for _, r := range records {
				for _, problem := range m.record(where, typeName, r.(map[string]any)) {
					t.Error("answer: " + problem)
				}
				checked++
			}
		}
		if checked < 60 {
			t.Errorf("only %d records were checked", checked)
		}
	})
}

// everything uses each ability of a connection.
func everything(p *pretend) {
	p.Helper()
	ctx := p.Context()
	must := func(err error) {
		p.Helper()
		if err != nil {
			p.Fatal(err)
		}
	}
	_, err := p.conn.Connector.Check(ctx)
	must(err)
	who := anna()
	who.Type, who.CompanyName, who.TaxIDs = commerce.Company, "Tea & Co", []commerce.TaxID{{Value: "DE123456789"}}
	customer, err := p.conn.Customers.SaveCustomer(ctx, connector.CustomerDraft{Key: "shop-c-1", Customer: who})
	must(err)
	for _, rule := range []connector.MatchRule{connector.MatchKey, connector.MatchTaxID, connector.MatchEmail, connector.MatchPhoneName, connector.MatchCompany} {
		_, err = p.conn.Customers.FindCustomer(ctx, connector.CustomerQuery{Rule: rule, Key: "shop-c-1", Customer: who, PostalCode: "50667"})
		must(err)
	}
	_, err = p.conn.Customers.SaveCustomer(ctx, connector.CustomerDraft{Key: "shop-c-1", Customer: who, Existing: &customer})
	must(err)
	ship, err := p.conn.Addresses.SaveAddress(ctx, customer, commerce.UseShipping, commerce.Address{Name: "A", StreetAddress: "5th", PostalCode: "1", AddressLocality: "NY", AddressRegion: "NY", AddressCountry: "US"})
	must(err)
	_, err = p.conn.Items.FindItems(ctx, []string{"MUG", "Q'1"})
	must(err)
	_, err = p.conn.Stock.Stock(ctx, []string{"MUG"}, "01")
	must(err)
	for i, currency := range []money.Currency{"EUR", "USD"} {
		draft := p.withExtras(p.draft(fmt.Sprint("shop-", i), customer, currency, i == 0, sold{"MUG", "7", "50.00", "0.19"}), false)
		draft.ShipTo, draft.PaymentTerms, draft.PaymentMethod = &ship, "3", "card"
		d, err := p.conn.Orders.SaveOrder(ctx, draft)
		must(err)
		draft.Existing, draft.Rounding = &d, money.New(number("0.01"), currency)
		d, err = p.conn.Orders.SaveOrder(ctx, draft)
		must(err)
		_, err = p.conn.Orders.FindOrders(ctx, []connector.Key{draft.Key, "shop-none"})
		must(err)
		_, err = p.conn.Invoicer.Invoice(ctx, d, &connector.InvoicePayment{Amount: d.Totals.Gross, At: p.clock(), Method: "card", Reference: "ch_1"})
		must(err)
	}
	d, err := p.conn.Orders.SaveOrder(ctx, p.draft("shop-9", customer, "EUR", true, sold{"MUG", "1", "5.00", "0.19"}))
	must(err)
	_, err = p.conn.Orders.CancelOrder(ctx, d, "")
	must(err)
	for _, kind := range []commerce.Kind{commerce.KindOrder, commerce.KindCustomer} {
		p.list(connector.Query{Kind: kind, Since: p.clock().AddDate(0, 0, -1), Until: p.clock().AddDate(0, 0, 1), Limit: 1})
		_, err = p.conn.Counter.Count(ctx, connector.Query{Kind: kind})
		must(err)
	}
	p.typed(1)
	_, err = p.conn.Fetcher.Fetch(ctx, connector.Ref{Kind: commerce.KindOrder, ID: d.ID})
	must(err)
	p.healthy()
}
