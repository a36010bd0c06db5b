package api

import (
	"encoding/json"
	"strings"

	"github.com/orderlyhq/orderly/money"
)

// Number is a decimal. The vendor writes numbers as JSON numbers of double precision and takes texts, too; null is zero.
type Number struct{ money.Decimal }

// UnmarshalJSON reads the digits as they stand.
func (n *Number) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	if text == "null" || text == "" {
		n.Decimal = money.Zero
		return nil
	}
	d, err := money.ParseDecimal(text)
	if err != nil {
		return err
	}
	// Doubles carry noise behind their fifteenth digit; six decimals are what Business One keeps.
	n.Decimal = d.Round(noisePlaces)
	return nil
}

const noisePlaces = 8

// Amount writes a decimal as a JSON number.
func Amount(d money.Decimal) json.Number { return json.Number(d.String()) }

// Enumerations and their members as the vendor writes them.
const (
	Yes = "tYES"
	No  = "tNO"

	StatusOpen  = "bost_Open"
	StatusClose = "bost_Close"

	AddressBillTo = "bo_BillTo"
	AddressShipTo = "bo_ShipTo"

	CardCustomer = "cCustomer"
)

// Document is a sales order, an invoice or a draft, as far as it is read.
type Document struct {
	DocEntry     int64  `json:"DocEntry"`
	DocNum       int64  `json:"DocNum"`
	DocDate      string `json:"DocDate"`
	DocDueDate   string `json:"DocDueDate"`
	DocTime      string `json:"DocTime"`
	CreationDate string `json:"CreationDate"`
	UpdateDate   string `json:"UpdateDate"`
	UpdateTime   string `json:"UpdateTime"`

	CardCode   string `json:"CardCode"`
	CardName   string `json:"CardName"`
	NumAtCard  string `json:"NumAtCard"`
	Comments   string `json:"Comments"`
	ShipToCode string `json:"ShipToCode"`
	PayToCode  string `json:"PayToCode"`

	DocCurrency string `json:"DocCurrency"`
	DocRate     Number `json:"DocRate"`
	// Amounts in the company's currency and, with FC, in the document's where that is another.
	DocTotal        Number            `json:"DocTotal"`
	DocTotalFC      Number            `json:"DocTotalFc"`
	VatSum          Number            `json:"VatSum"`
	VatSumFC        Number            `json:"VatSumFc"`
	TotalDiscount   Number            `json:"TotalDiscount"`
	TotalDiscountFC Number            `json:"TotalDiscountFC"`
	RoundingDiff    Number            `json:"RoundingDiffAmount"`
	RoundingDiffFC  Number            `json:"RoundingDiffAmountFC"`
	PaidToDate      Number            `json:"PaidToDate"`
	PaidToDateFC    Number            `json:"PaidToDateFC"`
	DiscountPercent Number            `json:"DiscountPercent"`
	FederalTaxID    string            `json:"FederalTaxID"`
	PaymentMethod   string            `json:"PaymentMethod"`
	DocumentStatus  string            `json:"DocumentStatus"`
	Cancelled       string            `json:"Cancelled"`
	CancelStatus    string            `json:"CancelStatus"`
	Confirmed       string            `json:"Confirmed"`
	Authorization   string            `json:"AuthorizationStatus"`
	Branch          int64             `json:"BPL_IDAssignedToInvoice"`
	Lines           []Line            `json:"DocumentLines"`
	Expenses        []Expense         `json:"DocumentAdditionalExpenses"`
	Addresses       *AddressExtension `json:"AddressExtension"`
}

// Line is a line of a document.
type Line struct {
	LineNum         int64   `json:"LineNum"`
	ItemCode        string  `json:"ItemCode"`
	ItemDescription string  `json:"ItemDescription"`
	Quantity        Number  `json:"Quantity"`
	UnitPrice       Number  `json:"UnitPrice"` // net, before the line's discount
	Price           Number  `json:"Price"`     // net, after it
	PriceAfterVAT   Number  `json:"PriceAfterVAT"`
	DiscountPercent Number  `json:"DiscountPercent"`
	LineTotal       Number  `json:"LineTotal"` // net, in the company's currency
	RowTotalFC      Number  `json:"RowTotalFC"`
	NetTaxAmount    Number  `json:"NetTaxAmount"`
	NetTaxAmountFC  Number  `json:"NetTaxAmountFC"`
	TaxTotal        Number  `json:"TaxTotal"`
	TaxPercent      Number  `json:"TaxPercentagePerRow"`
	VatGroup        string  `json:"VatGroup"`
	TaxCode         string  `json:"TaxCode"`
	WarehouseCode   string  `json:"WarehouseCode"`
	BarCode         string  `json:"BarCode"`
	LineStatus      string  `json:"LineStatus"`
	RemainingOpen   *Number `json:"RemainingOpenQuantity"`
	ShipDate        string  `json:"ShipDate"`
}

// Expense is freight or another cost on the document.
type Expense struct {
	LineNum     int64  `json:"LineNum"`
	ExpenseCode int64  `json:"ExpenseCode"`
	LineTotal   Number `json:"LineTotal"`
	LineTotalFC Number `json:"LineTotalFC"`
	TaxSum      Number `json:"TaxSum"`
	TaxSumFC    Number `json:"TaxSumFC"`
	TaxPercent  Number `json:"TaxPercent"`
	VatGroup    string `json:"VatGroup"`
	TaxCode     string `json:"TaxCode"`
	Remarks     string `json:"Remarks"`
	Status      string `json:"Status"`
}

// AddressExtension holds a document's own copies of its addresses.
type AddressExtension struct {
	ShipToStreet   string `json:"ShipToStreet"`
	ShipToStreetNo string `json:"ShipToStreetNo"`
	ShipToBlock    string `json:"ShipToBlock"`
	ShipToBuilding string `json:"ShipToBuilding"`
	ShipToCity     string `json:"ShipToCity"`
	ShipToZipCode  string `json:"ShipToZipCode"`
	ShipToCounty   string `json:"ShipToCounty"`
	ShipToState    string `json:"ShipToState"`
	ShipToCountry  string `json:"ShipToCountry"`
	ShipToAddress2 string `json:"ShipToAddress2"`
	ShipToAddress3 string `json:"ShipToAddress3"`
	BillToStreet   string `json:"BillToStreet"`
	BillToStreetNo string `json:"BillToStreetNo"`
	BillToBlock    string `json:"BillToBlock"`
	BillToBuilding string `json:"BillToBuilding"`
	BillToCity     string `json:"BillToCity"`
	BillToZipCode  string `json:"BillToZipCode"`
	BillToCounty   string `json:"BillToCounty"`
	BillToState    string `json:"BillToState"`
	BillToCountry  string `json:"BillToCountry"`
	BillToAddress2 string `json:"BillToAddress2"`
	BillToAddress3 string `json:"BillToAddress3"`
}

// BusinessPartner is a customer, as far as it is read.
type BusinessPartner struct {
	CardCode       string    `json:"CardCode"`
	CardName       string    `json:"CardName"`
	CardType       string    `json:"CardType"`
	CompanyPrivate string    `json:"CompanyPrivate"`
	EmailAddress   string    `json:"EmailAddress"`
	Phone1         string    `json:"Phone1"`
	Phone2         string    `json:"Phone2"`
	Cellular       string    `json:"Cellular"`
	FederalTaxID   string    `json:"FederalTaxID"`
	Currency       string    `json:"Currency"`
	ZipCode        string    `json:"ZipCode"`
	MailZipCode    string    `json:"MailZipCode"`
	FreeText       string    `json:"FreeText"`
	Valid          string    `json:"Valid"`
	Frozen         string    `json:"Frozen"`
	CreateDate     string    `json:"CreateDate"`
	UpdateDate     string    `json:"UpdateDate"`
	UpdateTime     string    `json:"UpdateTime"`
	BillToDefault  string    `json:"BilltoDefault"`
	ShipToDefault  string    `json:"ShipToDefault"`
	ContactPerson  string    `json:"ContactPerson"`
	Addresses      []Address `json:"BPAddresses"`
	Contacts       []Contact `json:"ContactEmployees"`
}

// Address is an address of a business partner. Name and type together are unique.
type Address struct {
	Name        string `json:"AddressName"`
	Type        string `json:"AddressType"`
	Name2       string `json:"AddressName2"`
	Name3       string `json:"AddressName3"`
	Street      string `json:"Street"`
	StreetNo    string `json:"StreetNo"`
	Block       string `json:"Block"`
	Building    string `json:"BuildingFloorRoom"`
	ZipCode     string `json:"ZipCode"`
	City        string `json:"City"`
	County      string `json:"County"`
	State       string `json:"State"`
	Country     string `json:"Country"`
	GlobalLocNo string `json:"GlobalLocationNumber"`
}

// Contact is a person at a business partner.
type Contact struct {
	InternalCode int64  `json:"InternalCode"`
	Name         string `json:"Name"`
	FirstName    string `json:"FirstName"`
	LastName     string `json:"LastName"`
	Email        string `json:"E_Mail"`
	Phone        string `json:"Phone1"`
	Mobile       string `json:"MobilePhone"`
	Position     string `json:"Position"`
}

// Item is an article.
type Item struct {
	ItemCode   string `json:"ItemCode"`
	ItemName   string `json:"ItemName"`
	Valid      string `json:"Valid"`
	Frozen     string `json:"Frozen"`
	Warehouses []struct {
		Code      string `json:"WarehouseCode"`
		InStock   Number `json:"InStock"`
		Committed Number `json:"Committed"`
	} `json:"ItemWarehouseInfoCollection"`
}

// VatGroup is a tax of a country with value added tax.
type VatGroup struct {
	Code     string `json:"Code"`
	Name     string `json:"Name"`
	Category string `json:"Category"`
	Inactive string `json:"Inactive"`
	EU       string `json:"EU"`
	Lines    []struct {
		From string `json:"Effectivefrom"`
		Rate Number `json:"Rate"`
	} `json:"VatGroups_Lines"`
}

// SalesTaxCode is a tax of a country with sales tax.
type SalesTaxCode struct {
	Code       string `json:"Code"`
	Name       string `json:"Name"`
	Rate       Number `json:"Rate"`
	ValidForAR string `json:"ValidForAR"`
	Inactive   string `json:"Inactive"`
}

// Currency is a currency that the company knows, under the company's own code.
type Currency struct {
	Code          string `json:"Code"`
	Name          string `json:"Name"`
	DocumentsCode string `json:"DocumentsCode"` // the international one, mostly
}

// AdminInfo is what the company is set up with.
type AdminInfo struct {
	LocalCurrency  string `json:"LocalCurrency"`
	SystemCurrency string `json:"SystemCurrency"`
	Country        string `json:"Country"`
	PriceAccuracy  *int   `json:"PriceAccuracy"`
}

// CompanyInfo names the company.
type CompanyInfo struct {
	CompanyName string `json:"CompanyName"`
	Version     Text   `json:"Version"`
}

// Text reads a text that may be written as a number.
type Text string

// UnmarshalJSON takes both forms.
func (t *Text) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, (*string)(t))
	}
	if string(data) != "null" {
		*t = Text(data)
	}
	return nil
}

// Subscription is a webhook.
type Subscription struct {
	ID     string  `json:"WebhookID"`
	URL    string  `json:"WebhookURL"`
	State  string  `json:"State"`
	Events []Topic `json:"EventCollection"`
}

// Topic is what a webhook tells of.
type Topic struct {
	Object string `json:"BusinessObject"`
	Event  string `json:"TransactionType"`
}

// UserField is a field that the company added to a table.
type UserField struct {
	Name  string `json:"Name"`
	Table string `json:"TableName"`
}

// UserText reads a text field whose name is not known in advance; "" where it is absent or null.
func UserText(record []byte, field string) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(record, &fields) != nil {
		return ""
	}
	var text Text
	if raw, found := fields[field]; !found || json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return string(text)
}
