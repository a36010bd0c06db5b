package fake

import "strings"

// kind is the type of a property's value.
type kind string

const (
	text     kind = "s"
	integer  kind = "i"
	double   kind = "n"
	date     kind = "d"
	clock    kind = "t"
	list     kind = "[" // of a complex type
	complexT kind = "{"
	enum     kind = "e"
)

// property is a field of a type.
type property struct {
	name string
	kind kind
	// of is the name of the enumeration or of the complex type.
	of string
	// max is the length of a text in UTF-16 units; 0 is no limit here.
	max int
}

// object is a type of the vendor's data model.
type object struct {
	name       string
	properties []property
	byName     map[string]property
	// table is where user fields of it belong; "" has none.
	table string
}

// enums are the members that the vendor takes, of the enumerations in use.
func enums() map[string]string {
	return map[string]string{
		"BoYesNoEnum": "tNO tYES", "BoStatus": "bost_Open bost_Close bost_Paid bost_Delivered", "CancelStatusEnum": "csYes csNo csCancellation",
		"BoCardTypes": "cCustomer cSupplier cLid", "BoCardCompanyTypes": "cCompany cPrivate cGovernment cEmployee", "BoAddressType": "bo_ShipTo bo_BillTo",
		"BoDocumentTypes": "dDocument_Items dDocument_Service", "BoObjectTypes": "oOrders oInvoices oBusinessPartners oItems oDrafts", "BoVatCategoryEnum": "bovcInputTax bovcOutputTax",
		"DocumentAuthorizationStatusEnum": "dasWithout dasPending dasApproved dasRejected dasGenerated dasGeneratedbyAuthorizer dasCancelled",
		"BoRcptInvTypes":                  "it_Invoice it_DownPayment it_CredItnote", "BoRcptTypes": "rCustomer rAccount rSupplier",
		"BoFieldTypes": "db_Alpha db_Memo db_Numeric db_Date db_Float", "BoFldSubTypes": "st_None st_Address st_Phone st_Time st_Rate st_Sum st_Price st_Quantity st_Percentage st_Measurement st_Link st_Image",
	}
}

func define(name, table, properties string) *object {
	o := &object{name: name, table: table, byName: map[string]property{}}
	for word := range strings.FieldsSeq(properties) {
		left, right, _ := strings.Cut(word, ":")
		p := property{name: left}
		switch {
		case strings.HasPrefix(right, "["):
			p.kind, p.of = list, strings.Trim(right, "[]")
		case strings.HasPrefix(right, "{"):
			p.kind, p.of = complexT, strings.Trim(right, "{}")
		case len(right) == 1:
			p.kind = kind(right)
		case right[0] == 's' && right[1] >= '0' && right[1] <= '9':
			p.kind = text
			for _, digit := range right[1:] {
				p.max = p.max*10 + int(digit-'0')
			}
		default:
			p.kind, p.of = enum, right
		}
		o.properties = append(o.properties, p)
		o.byName[p.name] = p
	}
	return o
}

// Types are written as words: a letter is a simple type with the length of a text behind it; a name is an enumeration, in brackets a collection, in braces a
// complex type.
const documentProperties = `DocEntry:i DocNum:i DocType:BoDocumentTypes DocDate:d DocDueDate:d TaxDate:d CardCode:s15 CardName:s100 NumAtCard:s100
	DocCurrency:s3 DocRate:n DocTotal:n DocTotalFc:n DocTotalSys:n VatSum:n VatSumFc:n VatSumSys:n TotalDiscount:n TotalDiscountFC:n DiscountPercent:n
	Rounding:BoYesNoEnum RoundingDiffAmount:n RoundingDiffAmountFC:n PaidToDate:n PaidToDateFC:n Comments:s254 Series:i PaymentGroupCode:i PaymentMethod:s15
	DocTime:t CreationDate:d UpdateDate:d UpdateTime:t Confirmed:BoYesNoEnum DocumentStatus:BoStatus Cancelled:BoYesNoEnum CancelStatus:CancelStatusEnum
	AuthorizationStatus:DocumentAuthorizationStatusEnum DocObjectCode:BoObjectTypes BPL_IDAssignedToInvoice:i ShipToCode:s50 PayToCode:s50 FederalTaxID:s32 SalesPersonCode:i
	DocumentLines:[DocumentLine] DocumentAdditionalExpenses:[DocumentAdditionalExpense] AddressExtension:{AddressExtension}`

// newSchema makes the tables of types; they are made once for each vendor, because there is no shared state.
func newSchema() map[string]*object {
	out := map[string]*object{}
	add := func(name, table, properties string) { out[name] = define(name, table, properties) }
	add("Document", "ORDR", documentProperties)
	add("DocumentLine", "RDR1", `LineNum:i ItemCode:s50 ItemDescription:s100 Quantity:n ShipDate:d Price:n PriceAfterVAT:n Currency:s3 Rate:n DiscountPercent:n
		WarehouseCode:s8 VatGroup:s8 TaxCode:s8 TaxPercentagePerRow:n UnitPrice:n LineTotal:n RowTotalFC:n GrossPrice:n GrossTotal:n GrossTotalFC:n NetTaxAmount:n NetTaxAmountFC:n
		TaxTotal:n FreeText:s100 BarCode:s254 LineStatus:BoStatus RemainingOpenQuantity:n BaseType:i BaseEntry:i BaseLine:i`)
	add("DocumentAdditionalExpense", "", `LineNum:i ExpenseCode:i LineTotal:n LineTotalFC:n VatGroup:s8 TaxCode:s8 TaxPercent:n TaxSum:n TaxSumFC:n Remarks:s254 Status:BoStatus
		BaseDocEntry:i BaseDocLine:i BaseDocType:i`)
	var address strings.Builder
	for _, prefix := range []string{"ShipTo", "BillTo"} {
		for field := range strings.FieldsSeq("Street:s100 StreetNo:s100 Block:s100 Building:s City:s100 ZipCode:s20 County:s100 State:s3 Country:s3 Address2:s50 Address3:s50") {
			address.WriteString(prefix + field + " ")
		}
	}
	add("AddressExtension", "", address.String())
	add("BusinessPartner", "OCRD", `CardCode:s15 CardName:s100 CardType:BoCardTypes GroupCode:i CompanyPrivate:BoCardCompanyTypes EmailAddress:s100 Phone1:s20 Phone2:s20 Cellular:s50
		FederalTaxID:s32 Currency:s3 ZipCode:s20 MailZipCode:s20 FreeText:s Valid:BoYesNoEnum Frozen:BoYesNoEnum CreateDate:d CreateTime:t UpdateDate:d UpdateTime:t BilltoDefault:s50
		ShipToDefault:s50 ContactPerson:s90 Series:i BPAddresses:[BPAddress] ContactEmployees:[ContactEmployee]`)
	add("BPAddress", "CRD1", `AddressName:s50 AddressType:BoAddressType AddressName2:s50 AddressName3:s50 Street:s100 StreetNo:s100 Block:s100 BuildingFloorRoom:s ZipCode:s20 City:s100
		County:s100 State:s3 Country:s3 GlobalLocationNumber:s50 BPCode:s15 RowNum:i`)
	add("ContactEmployee", "OCPR", "InternalCode:i CardCode:s15 Name:s50 FirstName:s50 LastName:s50 Position:s90 Phone1:s20 MobilePhone:s50 E_Mail:s100")
	add("Item", "OITM", `ItemCode:s50 ItemName:s100 BarCode:s254 SalesVATGroup:s8 Valid:BoYesNoEnum Frozen:BoYesNoEnum QuantityOnStock:n
		ItemWarehouseInfoCollection:[ItemWarehouseInfo]`)
	add("ItemWarehouseInfo", "", "WarehouseCode:s8 ItemCode:s50 InStock:n Committed:n Ordered:n")
	add("VatGroup", "", "Code:s8 Name:s100 Category:BoVatCategoryEnum EU:BoYesNoEnum Inactive:BoYesNoEnum VatGroups_Lines:[VatGroups_Line]")
	add("VatGroups_Line", "", "Effectivefrom:d Rate:n")
	add("SalesTaxCode", "", "Code:s8 Name:s100 Rate:n ValidForAR:BoYesNoEnum ValidForAP:BoYesNoEnum Inactive:BoYesNoEnum")
	add("Currency", "", "Code:s3 Name:s20 DocumentsCode:s3")
	add("State", "", "Code:s3 Country:s3 Name:s100")
	add("UserFieldMD", "", "FieldID:i TableName:s20 Name:s20 Description:s80 Type:BoFieldTypes SubType:BoFldSubTypes Size:i Mandatory:BoYesNoEnum")
	add("Payment", "", `DocEntry:i DocNum:i DocType:BoRcptTypes DocDate:d CardCode:s15 DocCurrency:s3 TransferAccount:s15 TransferSum:n TransferDate:d TransferReference:s27 Remarks:s254
		PaymentInvoices:[PaymentInvoice]`)
	add("PaymentInvoice", "", "LineNum:i DocEntry:i SumApplied:n AppliedFC:n InvoiceType:BoRcptInvTypes")
	// Not in the metadata that is published: webhooks came with FP 2602.
	add("EventSubscription", "", `WebhookID:s50 WebhookURL:s AuthenticationType:s AuthenticationCred:s VerifyCertificate:BoYesNoEnum Handshake:BoYesNoEnum State:s WorkMode:s
		EventCollection:[Event]`)
	add("Event", "", "BusinessObject:s TransactionType:s BizObjProps:s FilterExpr:s")
	return out
}

// set is a set of records with what they are found by.
type set struct {
	name, of, key string
	indexed       []string
	methods       string
}

func sets() []set {
	return []set{
		{name: "Orders", of: "Document", key: "DocEntry", indexed: []string{"NumAtCard"}, methods: "GET POST PATCH"},
		{name: "Drafts", of: "Document", key: "DocEntry", indexed: []string{"NumAtCard"}, methods: "GET POST PATCH DELETE"},
		{name: "Invoices", of: "Document", key: "DocEntry", indexed: []string{"NumAtCard"}, methods: "GET POST"},
		{name: "IncomingPayments", of: "Payment", key: "DocEntry", methods: "GET POST"},
		{name: "BusinessPartners", of: "BusinessPartner", key: "CardCode", indexed: []string{"EmailAddress", "CardName", "FederalTaxID"}, methods: "GET POST PATCH"},
		{name: "Items", of: "Item", key: "ItemCode", methods: "GET"},
		{name: "VatGroups", of: "VatGroup", key: "Code", methods: "GET"},
		{name: "SalesTaxCodes", of: "SalesTaxCode", key: "Code", methods: "GET"},
		{name: "Currencies", of: "Currency", key: "Code", methods: "GET"},
		{name: "States", of: "State", key: "Name", methods: "GET"},
		{name: "UserFieldsMD", of: "UserFieldMD", key: "FieldID", methods: "GET POST"},
		{name: "EventSubscriptions", of: "EventSubscription", key: "WebhookID", methods: "GET POST PATCH DELETE"},
	}
}

// Model gives the types of the data model that is here: type, property, and the property's type as the vendor's metadata writes it. Tests compare it with the
// published one.
func Model() map[string]map[string]string {
	out := map[string]map[string]string{}
	for name, o := range newSchema() {
		out[name] = map[string]string{}
		for _, p := range o.properties {
			written := ""
			switch p.kind {
			case text:
				written = "Edm.String"
			case integer:
				written = "Edm.Int32"
			case double:
				written = "Edm.Double"
			case date:
				written = "Edm.DateTimeOffset"
			case clock:
				written = "Edm.TimeOfDay"
			case list:
				written = "Collection(SAPB1." + p.of + ")"
			default:
				written = "SAPB1." + p.of
			}
			out[name][p.name] = written
		}
	}
	return out
}

// Sets gives the type of the records of each set.
func Sets() map[string]string {
	out := map[string]string{}
	for _, s := range sets() {
		out[s.name] = s.of
	}
	return out
}

// Members gives the members of each enumeration that are taken.
func Members() map[string][]string {
	out := map[string][]string{}
	for name, members := range enums() {
		out[name] = strings.Fields(members)
	}
	return out
}
