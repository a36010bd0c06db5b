package fake

import (
	"encoding/json"
	"time"

	"github.com/shopspring/decimal"
)

type dec = decimal.Decimal

// order is an order as the database has it: amounts with all decimals, times in UTC.
type order struct {
	id         int64
	status     string
	currency   string
	version    string
	include    bool
	created    time.Time
	modified   time.Time
	paid       time.Time
	completed  time.Time
	customer   int64
	key        string
	number     string
	createdVia string
	cartHash   string
	ip         string
	note       string
	method     string
	title      string
	reference  string
	billing    addr
	shipping   addr
	meta       []meta
	lines      []*line
	ships      []*line
	fees       []*line
	taxLines   map[*rate]int64 // ids
	coupons    []usedCoupon
	giftCards  []giftCard
	refunds    []*refund
	notes      []note
	exact      bool   // totals are made of exact amounts
	before     string // the status before the trash
	last       []byte // body of the last webhook, which a cache may give again
}

// addr is an address in the order of fields that WooCommerce has.
type addr struct {
	FirstName string  `json:"first_name"`
	LastName  string  `json:"last_name"`
	Company   string  `json:"company"`
	Address1  string  `json:"address_1"`
	Address2  string  `json:"address_2"`
	City      string  `json:"city"`
	State     string  `json:"state"`
	Postcode  string  `json:"postcode"`
	Country   string  `json:"country"`
	Email     *string `json:"email,omitempty"` // only of billing addresses
	Phone     string  `json:"phone"`
}

type meta struct {
	ID           int64           `json:"id"`
	Key          string          `json:"key"`
	Value        json.RawMessage `json:"value"`
	DisplayKey   string          `json:"display_key,omitempty"`
	DisplayValue json.RawMessage `json:"display_value,omitempty"`
}

// line is a part of an order: an article, a delivery or a fee. Amounts are without tax.
type line struct {
	id        int64
	name      string
	product   int64
	variation int64
	sku       string
	hasSKU    bool
	parent    string
	class     string
	method    string // of a delivery
	instance  string
	quantity  dec
	subtotal  dec // before coupons
	subTax    dec
	total     dec
	tax       dec
	taxes     []lineTax
	meta      []meta
	imageText bool // the image's id is "" and not 0
}

type lineTax struct {
	rate            *rate
	total, subtotal dec
}

type usedCoupon struct {
	id   int64
	code string
	coupon
	discount, tax dec
}

// coupon is a code with its terms: percent, fixed_cart or fixed_product.
type coupon struct {
	kind   string
	amount dec
	free   bool
}

type giftCard struct {
	id     int64
	code   string
	amount dec
}

type refund struct {
	id      int64
	created time.Time
	amount  dec
	reason  string
	lines   []*line // amounts below zero; meta _refunded_item_id names the line
	ships   []*line
	meta    []meta
}

type note struct {
	id       int64
	created  time.Time
	text     string
	customer bool
}

// rate is a tax rate of the shop.
type rate struct {
	id       int64
	country  string
	name     string
	class    string
	rate     dec // 0.19 is 19 %
	shipping bool
}

type customer struct {
	id       int64
	created  time.Time
	modified time.Time // zero until it is changed
	email    string
	first    string
	last     string
	role     string
	username string
	paying   bool
	billing  addr
	shipping addr
	meta     []meta
}

// product is an article; raw is the whole record where it was loaded.
type product struct {
	id     int64
	parent int64
	sku    string
	name   string
	class  string
	price  dec
	// digital articles are not sent.
	digital bool
	raw     map[string]json.RawMessage
	// variation is the record as the parent's list of variations has it.
	variation map[string]json.RawMessage
}

func text(s string) json.RawMessage {
	out, err := json.Marshal(s)
	if err != nil {
		return json.RawMessage(`""`)
	}
	return out
}
