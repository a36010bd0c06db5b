package connector

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/money"
)

// Key is our name for a source record, written into the destination's document so that it can be
// found again. It has at most 40 characters, all of them letters, digits, "-" or "_".
type Key string

// maxKey bounds a Key so that it fits into the shortest searchable field of the systems we know.
const maxKey = 40

// NewKey makes the key of a record: "<connection>-<source id>" for an order and
// "<connection>-<first letter of the kind>-<source id>" for another record, with a hash in place of
// an id that is too long or has characters other than letters and digits. Names of connections have
// no "-", so two records never share a key.
func NewKey(connection string, ref Ref) Key {
	prefix := connection + "-"
	if ref.Kind != commerce.KindOrder {
		prefix += string(ref.Kind[:min(1, len(ref.Kind))]) + "-"
	}
	if len(prefix)+len(ref.ID) <= maxKey && !strings.ContainsFunc(ref.ID, notInKey) {
		return Key(prefix + ref.ID)
	}
	sum := sha256.Sum256([]byte(connection + "\x00" + string(ref.Kind) + "\x00" + ref.ID))
	hash := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:10]))
	return Key(connection[:min(len(connection), maxKey-len(hash)-2)] + "--" + hash)
}

func notInKey(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '_'
}

// DocumentState is how far a document has come in the destination.
type DocumentState string

// Document states.
const (
	DocumentDraft     DocumentState = "draft"     // may still be changed
	DocumentConfirmed DocumentState = "confirmed" // a sales order in force
	DocumentInvoiced  DocumentState = "invoiced"
	DocumentClosed    DocumentState = "closed"
	DocumentCancelled DocumentState = "cancelled"
	DocumentPending   DocumentState = "pending" // accepted; the system tells later what became of it
	DocumentRejected  DocumentState = "rejected"
	DocumentUnknown   DocumentState = "unknown"
)

// Document is something that exists in a destination: a sales order, a business partner, an invoice.
type Document struct {
	Type   string        `json:"type"` // the system's own name: "sale.order", "Orders"
	ID     string        `json:"id"`
	Number string        `json:"number,omitempty"` // as people see it
	URL    string        `json:"url,omitempty"`    // where people see it
	Key    Key           `json:"key,omitempty"`
	State  DocumentState `json:"state,omitempty"`
	Reason string        `json:"reason,omitempty"` // of a rejection or a pending approval
	// Totals are the document's own, read back; nil where this answer did not have them.
	Totals *DocumentTotals `json:"totals,omitempty"`
	// Lines are the document's own, read back, in its order; nil where this answer did not have them.
	Lines []DocumentLine `json:"lines,omitempty"`
}

// LineKind is what a line of a document is for.
type LineKind string

// Line kinds.
const (
	LineGoods    LineKind = "goods"
	LineShipping LineKind = "shipping"
	LineCharge   LineKind = "charge"
	LineDiscount LineKind = "discount" // of the whole order, below zero
	LineRounding LineKind = "rounding"
)

// DocumentLine is a line of a document as the destination keeps it: goods, shipping, a charge, a
// discount or a rounding, but no section and no note. An amount that stands in the document's head
// and changes what its lines add up to, such as a rounding, is a line without an article.
type DocumentLine struct {
	Kind LineKind `json:"kind,omitempty"` // "" where the document does not tell
	// ItemID is the article as Item.ID has it, and SKU as people of the destination know it; "" where
	// the line has none.
	ItemID   string        `json:"item_id,omitempty"`
	SKU      string        `json:"sku,omitempty"`
	Name     string        `json:"name,omitempty"`
	Quantity money.Decimal `json:"quantity"` // 1 for an amount that has none
	Net      money.Money   `json:"net"`      // of the whole line, less its own discounts
	// Tax is the tax of Net; nil where the destination does not give it by line.
	Tax *money.Money `json:"tax,omitempty"`
}

// DocumentTotals is what the destination worked out.
type DocumentTotals struct {
	Net   money.Money `json:"net"`
	Tax   money.Money `json:"tax"`
	Gross money.Money `json:"gross"`
}

// MatchRule is a way of finding a customer.
type MatchRule string

// Match rules.
const (
	MatchKey       MatchRule = "external_id" // our key, or the source's id, written when we made it
	MatchTaxID     MatchRule = "tax_id"
	MatchEmail     MatchRule = "email"
	MatchPhoneName MatchRule = "phone_and_name"
	MatchCompany   MatchRule = "company_and_postcode"
)

// CustomerQuery asks for customers by one rule; which fields count depends on it.
type CustomerQuery struct {
	Rule     MatchRule
	Key      Key
	Customer commerce.Customer
	// PostalCode goes with MatchCompany.
	PostalCode string
}

// Candidate is a customer that a rule found.
type Candidate struct {
	Document
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
}

// CustomerDraft is what a customer in the destination is to become.
type CustomerDraft struct {
	Key      Key
	Customer commerce.Customer
	// Existing is the customer to update; nil creates one.
	Existing *Document
	// Fields are the destination's own fields as mapping rules set them.
	Fields map[string]any
}

// CustomerWriter finds and saves customers.
type CustomerWriter interface {
	// FindCustomer gives the customers that the rule finds, at most a handful; none is no error. A
	// rule that the system cannot search by finds nothing.
	FindCustomer(ctx context.Context, q CustomerQuery) ([]Candidate, error)
	// SaveCustomer creates or updates a customer with its addresses and contacts. An update fills
	// and changes what the draft has and never empties what it has not.
	SaveCustomer(ctx context.Context, draft CustomerDraft) (Document, error)
}

// AddressWriter is had by systems whose addresses are records of their own that an order points at.
type AddressWriter interface {
	// SaveAddress gives the customer's address record for a use: one whose content is the same, or a
	// new one. Existing ones are never changed, because older orders point at them.
	SaveAddress(ctx context.Context, customer Document, use commerce.AddressUse, address commerce.Address) (Document, error)
}

// Item is an article of the destination.
type Item struct {
	ID       string `json:"id"`
	SKU      string `json:"sku"`
	Name     string `json:"name,omitempty"`
	Inactive bool   `json:"inactive,omitempty"`
}

// ItemFinder finds articles by SKU.
type ItemFinder interface {
	// FindItems gives every article for each SKU, compared exactly; a SKU that nothing has is absent
	// from the map. Two articles for one SKU are both given: a person decides.
	FindItems(ctx context.Context, skus []string) (map[string][]Item, error)
}

// TaxCode is a tax that the destination knows for sales.
type TaxCode struct {
	Code     string        `json:"code"`
	Name     string        `json:"name"`
	Rate     money.Decimal `json:"rate"` // 0.19 is 19 %
	Included bool          `json:"included_in_price"`
	Country  string        `json:"country,omitempty"`
	Default  bool          `json:"default,omitempty"` // the one to prefer among equals
}

// TaxLister lists the taxes for sales.
type TaxLister interface {
	Taxes(ctx context.Context) ([]TaxCode, error)
}

// StockLevel is how much of an article there is.
type StockLevel struct {
	SKU       string        `json:"sku"`
	Warehouse string        `json:"warehouse,omitempty"`
	OnHand    money.Decimal `json:"on_hand"`
	Available money.Decimal `json:"available"` // on hand less reserved
}

// StockReader reads stock. A warehouse of "" is all of them together. A SKU that nothing has is
// absent.
type StockReader interface {
	Stock(ctx context.Context, skus []string, warehouse string) ([]StockLevel, error)
}

// LineCodes are the destination's values for a line, a shipping line, a charge or a discount.
type LineCodes struct {
	Item      Item
	TaxCodes  []TaxCode
	Warehouse string
}

// OrderDraft is what a sales order in the destination is to become: the canonical order, and the
// destination's values that mapping and matching found for it.
type OrderDraft struct {
	Key      Key
	Order    commerce.Order
	Customer Document
	BillTo   *Document // address records, where the system has an AddressWriter
	ShipTo   *Document

	// Lines, Shipping, Charges and Discounts run parallel to the order's lists. Discounts that are
	// allocated have no codes.
	Lines     []LineCodes
	Shipping  []LineCodes
	Charges   []LineCodes
	Discounts []LineCodes

	PaymentMethod string // the destination's code; "" leaves it to the destination
	PaymentTerms  string
	Warehouse     string

	// Rounding is an amount, mostly a cent, by which the destination's own total must be moved to
	// equal the source's; zero in a first write. RoundingItem carries it where a line does.
	Rounding     money.Money
	RoundingItem Item

	// Fields are the destination's own fields as mapping rules set them.
	Fields map[string]any
	// Existing is the document to bring to this state; nil creates one.
	Existing *Document
}

// OrderWriter finds and writes sales orders.
type OrderWriter interface {
	// FindOrders looks documents up by key, many at once; a key that nothing has is absent. Cancelled
	// documents are given too, with their state. Two documents for one key are both given.
	FindOrders(ctx context.Context, keys []Key) (map[Key][]Document, error)
	// ReadOrder reads a document with its totals and lines.
	ReadOrder(ctx context.Context, id string) (Document, error)
	// SaveOrder creates the document, or brings the existing one to the draft's state: with lines and
	// amounts as they stand, whatever they were. It does all or nothing. KindMaybeApplied says that
	// the outcome is unknown; KindUnmapped that a value has no counterpart, with the field;
	// KindConflict that the document is in a state that does not allow the change.
	SaveOrder(ctx context.Context, draft OrderDraft) (Document, error)
	// CancelOrder cancels the document; one that is cancelled already is a success.
	CancelOrder(ctx context.Context, doc Document, reason string) (Document, error)
}

// BatchOrderWriter writes several new sales orders in one call, each with an outcome of its own.
type BatchOrderWriter interface {
	// SaveOrders gives as many outcomes as there are drafts, in their order. It is only given drafts
	// without an Existing document.
	SaveOrders(ctx context.Context, drafts []OrderDraft) []Outcome
}

// Outcome is what became of one part of a batch.
type Outcome struct {
	Document Document
	Err      error
}

// OrderConfirmer puts a draft document in force.
type OrderConfirmer interface {
	// ConfirmOrder confirms the document; one that is confirmed already is a success.
	ConfirmOrder(ctx context.Context, doc Document) (Document, error)
}

// Invoicer makes the invoice of a sales order.
type Invoicer interface {
	// FindInvoice gives the invoice that exists for the order, or nil.
	FindInvoice(ctx context.Context, order Document) (*Document, error)
	// Invoice makes and posts the invoice of the whole order. paid, if not nil, registers the
	// buyer's payment of that amount at that time.
	Invoice(ctx context.Context, order Document, paid *InvoicePayment) (Document, error)
}

// InvoicePayment is money that the buyer has already paid.
type InvoicePayment struct {
	Amount    money.Money
	At        time.Time
	Method    string
	Reference string
}

// Status is what a destination made of an order, for its source.
type Status struct {
	Document Document
	Message  string
}

// Feedback writes the destination's number and state back to the source.
type Feedback interface {
	WriteBack(ctx context.Context, ref Ref, status Status) error
}
