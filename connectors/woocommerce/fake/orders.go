package fake

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/money"
)

func exponent(currency string) int32 { return money.Currency(currency).Exponent() }

// statuses are those that an order may be given.
func statuses() []string {
	return []string{"auto-draft", "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft"}
}

// keep puts an order to its place in the list by time of change.
func (v *Vendor) keep(o *order, modified time.Time) {
	if i, found := v.place(o); found {
		v.byModified = slices.Delete(v.byModified, i, i+1)
	}
	o.modified = modified
	v.orders[o.id] = o
	i, _ := v.place(o)
	v.byModified = slices.Insert(v.byModified, i, o)
}

func (v *Vendor) place(o *order) (int, bool) {
	return slices.BinarySearchFunc(v.byModified, o, func(a, b *order) int {
		return cmp.Or(a.modified.Compare(b.modified), cmp.Compare(a.id, b.id))
	})
}

func (v *Vendor) forget(o *order) {
	if i, found := v.place(o); found {
		v.byModified = slices.Delete(v.byModified, i, i+1)
	}
	delete(v.orders, o.id)
}

func decimalsOf(c *call) (int32, *reply) {
	given := c.query.Get("dp")
	if given == "" {
		return -1, nil
	}
	n, err := strconv.ParseInt(given, 10, 32)
	if err != nil {
		a := invalidParameter("dp", "rest_invalid_type", "dp is not of type integer.")
		return 0, &a
	}
	return int32(max(n, 0)), nil
}

func (v *Vendor) ordersRoute(c *call) reply {
	switch c.method {
	case http.MethodGet:
		return v.listOrders(c)
	case http.MethodPost:
		return v.createOrder(c)
	}
	return noRoute()
}

func oneOf(name, value string, allowed []string) *reply {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	list := strings.Join(allowed[:len(allowed)-1], ", ") + ", and " + allowed[len(allowed)-1]
	a := invalidParameter(name, "rest_not_in_enum", name+" is not one of "+list+".").allow("GET, POST")
	return &a
}

// listOrders is the list with its filters.
func (v *Vendor) listOrders(c *call) reply {
	v.known(c, "context", "page", "per_page", "search", "after", "before", "modified_after", "modified_before", "dates_are_gmt", "exclude", "include",
		"offset", "order", "orderby", "status", "customer", "product", "dp", "exclude_meta")
	page, size, refused := v.window(c)
	if refused != nil {
		return *refused
	}
	dp, refused := decimalsOf(c)
	if refused != nil {
		return *refused
	}
	sorts := []string{"date", "id", "include", "title", "slug"}
	if v.release.modified {
		sorts = append(sorts, "modified")
	}
	for _, p := range []struct {
		name    string
		allowed []string
	}{{"order", []string{"asc", "desc"}}, {"orderby", sorts}, {"status", append([]string{"any", "trash"}, statuses()...)}} {
		if refused := oneOf(p.name, c.query.Get(p.name), p.allowed); refused != nil {
			return *refused
		}
	}
	chosen, refused := v.filter(c)
	if refused != nil {
		return *refused
	}
	total := len(chosen)
	start := min((page-1)*size, total)
	if page > 1 && start >= total {
		total = 0 // as recorded: a page behind the last says that there is nothing
	}
	items := []any{}
	for _, o := range chosen[start:min(start+size, len(chosen))] {
		items = append(items, fields(c, v.render(o, dp)))
	}
	return v.paged(c, items, total, page, size)
}

// filter chooses and sorts orders.
func (v *Vendor) filter(c *call) ([]*order, *reply) {
	type bound struct {
		at  time.Time
		set bool
	}
	bounds := map[string]bound{}
	for _, name := range []string{"after", "before", "modified_after", "modified_before"} {
		given := c.query.Get(name)
		if given == "" || !v.release.modified && strings.HasPrefix(name, "modified") {
			continue
		}
		at, err := v.moment(given, c.query.Get("dates_are_gmt"))
		if err != nil {
			a := invalidParameter(name, "rest_invalid_date", "Invalid date.")
			return nil, &a
		}
		bounds[name] = bound{at, true}
	}
	from := v.byModified
	if b := bounds["modified_after"]; b.set {
		i, _ := slices.BinarySearchFunc(from, b.at, func(o *order, at time.Time) int {
			if o.modified.After(at) {
				return 1
			}
			return -1
		})
		from = from[i:]
	}
	excluded := map[string]bool{}
	for id := range strings.SplitSeq(c.query.Get("exclude"), ",") {
		excluded[id] = true
	}
	status := cmp.Or(c.query.Get("status"), "any")
	var out []*order
	for _, o := range from {
		switch {
		case status == "any" && (o.status == "trash" || o.status == "auto-draft"),
			status != "any" && o.status != status,
			excluded[strconv.FormatInt(o.id, 10)],
			bounds["modified_before"].set && !o.modified.Before(bounds["modified_before"].at),
			bounds["after"].set && !o.created.After(bounds["after"].at),
			bounds["before"].set && !o.created.Before(bounds["before"].at),
			c.query.Get("customer") != "" && c.query.Get("customer") != strconv.FormatInt(o.customer, 10),
			c.query.Get("search") != "" && !strings.Contains(*o.billing.Email+" "+o.billing.LastName, c.query.Get("search")):
			continue
		}
		out = append(out, o)
	}
	descending := c.query.Get("order") != "asc"
	switch c.query.Get("orderby") {
	case "modified":
		if descending {
			slices.Reverse(out)
		}
	default:
		byID := c.query.Get("orderby") == "id"
		slices.SortFunc(out, func(a, b *order) int {
			n := cmp.Compare(a.id, b.id)
			if !byID {
				n = cmp.Or(a.created.Compare(b.created), n)
			}
			if descending {
				return -n
			}
			return n
		})
	}
	return out, nil
}

// moment reads a time as the recordings show it: without a zone it is the shop's own, with
// dates_are_gmt it is UTC, and with a zone and dates_are_gmt the shop's offset is added once too often.
func (v *Vendor) moment(given, flag string) (time.Time, error) {
	gmt := flag == "true" || flag == "1"
	if at, err := time.Parse(layout, given); err == nil {
		if gmt {
			return at, nil
		}
		return time.ParseInLocation(layout, given, v.zone)
	}
	at, err := time.Parse(time.RFC3339, given)
	if err != nil || !gmt {
		return at, err
	}
	v.strange("a time with a zone and dates_are_gmt: orders are missed")
	return time.Parse(layout, at.In(v.zone).Format(layout))
}

func (v *Vendor) noOrder() reply {
	return failed(http.StatusNotFound, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.", nil).allow("GET, POST, PUT, PATCH, DELETE")
}

func (v *Vendor) orderRoute(c *call, id int64) reply {
	switch c.method {
	case http.MethodGet:
		v.known(c, "context", "dp")
		o := v.orders[id]
		dp, refused := decimalsOf(c)
		switch {
		case o == nil:
			return v.noOrder()
		case refused != nil:
			return *refused
		}
		return ok(http.StatusOK, fields(c, v.render(o, dp))).allow("GET, POST, PUT, PATCH, DELETE")
	case http.MethodPut, http.MethodPost, http.MethodPatch:
		return v.updateOrder(c, id)
	case http.MethodDelete:
		return v.removeOrder(c, id)
	}
	return noRoute()
}

// orderInput is what can be written of an order.
type orderInput struct {
	Status      *string       `json:"status"`
	Currency    string        `json:"currency"`
	Customer    *int64        `json:"customer_id"`
	Billing     *addr         `json:"billing"`
	Shipping    *addr         `json:"shipping"`
	Method      *string       `json:"payment_method"`
	MethodTitle *string       `json:"payment_method_title"`
	Transaction *string       `json:"transaction_id"`
	Note        *string       `json:"customer_note"`
	SetPaid     bool          `json:"set_paid"`
	Lines       []lineInput   `json:"line_items"`
	Ships       []lineInput   `json:"shipping_lines"`
	Fees        []lineInput   `json:"fee_lines"`
	Coupons     []couponInput `json:"coupon_lines"`
	Meta        []metaInput   `json:"meta_data"`
}

type lineInput struct {
	Product     int64       `json:"product_id"`
	Variation   int64       `json:"variation_id"`
	SKU         string      `json:"sku"`
	Name        string      `json:"name"`
	Quantity    json.Number `json:"quantity"`
	Subtotal    string      `json:"subtotal"`
	Total       string      `json:"total"`
	Method      string      `json:"method_id"`
	MethodTitle string      `json:"method_title"`
}

type couponInput struct {
	Code string `json:"code"`
}

type metaInput struct {
	ID    int64           `json:"id"`
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

func (v *Vendor) read(c *call, out any) *reply {
	if len(c.body) == 0 {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(c.body)))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(out)
	if err != nil && strings.Contains(err.Error(), "unknown field") {
		// WordPress ignores what it does not know.
		v.strange("%s %s: %v", c.method, c.path, err)
		err = json.Unmarshal(c.body, out)
	}
	if err != nil {
		a := failed(http.StatusBadRequest, "rest_invalid_param", "Invalid parameter(s)", nil)
		return &a
	}
	return nil
}

func badStatus(status *string) *reply {
	if status == nil {
		return nil
	}
	return oneOf("status", *status, statuses())
}

// createOrder makes an order as POST orders does: what does not exist makes an empty line, and a
// coupon that does not exist leaves a draft behind.
func (v *Vendor) createOrder(c *call) reply {
	var in orderInput
	if refused := v.read(c, &in); refused != nil {
		return refused.allow("GET, POST")
	}
	if refused := badStatus(in.Status); refused != nil {
		return *refused
	}
	now := v.second()
	o := v.newOrder(now)
	o.createdVia, o.currency = "rest-api", cmp.Or(in.Currency, "EUR")
	o.include = v.include
	v.apply(o, in)
	for _, used := range in.Coupons {
		if _, found := v.coupons[strings.ToLower(used.Code)]; found {
			continue
		}
		message, more := `Coupon "`+used.Code+`" does not exist!`, map[string]any{}
		if v.release.rich {
			message = "Coupon &quot;" + used.Code + "&quot; cannot be applied because it does not exist."
			more["new_draft_order_id"] = o.id
			o.status = "auto-draft"
			v.keep(o, now)
		}
		return failed(http.StatusBadRequest, "woocommerce_rest_invalid_coupon", message, more).allow("GET, POST")
	}
	v.calculate(o, in)
	if in.Status != nil {
		o.status = *in.Status
	}
	if in.SetPaid {
		v.pay(o, now)
	}
	v.keep(o, now)
	v.tell(o, "order.updated", false)
	v.tell(o, "order.created", false)
	a := ok(http.StatusCreated, v.render(o, -1)).allow("GET, POST")
	a.header["Location"] = v.options.BaseURL + "/wp-json/wc/v3/orders/" + strconv.FormatInt(o.id, 10)
	return a
}

// newOrder is an empty order with its own ids.
func (v *Vendor) newOrder(now time.Time) *order {
	id := v.id()
	sum := sha256.Sum256([]byte("order " + strconv.FormatInt(id, 10)))
	none := ""
	return &order{
		id: id, number: strconv.FormatInt(id, 10), status: "pending", version: v.release.version, created: now,
		key: "wc_order_" + hex.EncodeToString(sum[:])[:13], billing: addr{Email: &none}, exact: v.atEnd,
	}
}

func (v *Vendor) id() int64 {
	v.next++
	return v.next - 1
}

func (v *Vendor) item() int64 {
	v.nextItem++
	return v.nextItem - 1
}

// pay marks an order as paid; one of downloads alone is then complete.
func (v *Vendor) pay(o *order, now time.Time) {
	if o.paid.IsZero() {
		o.paid = now
	}
	o.status = "completed"
	for _, l := range o.lines {
		if v.needsWork(l) {
			o.status = "processing"
		}
	}
	if o.status == "completed" && len(o.lines) == 0 {
		o.status = "processing"
	}
	if o.status == "completed" {
		o.completed = now
	}
}

// apply takes over what needs no calculation.
func (v *Vendor) apply(o *order, in orderInput) {
	if in.Customer != nil {
		o.customer = *in.Customer
	}
	if in.Billing != nil {
		o.billing = *in.Billing
		if o.billing.Email == nil {
			none := ""
			o.billing.Email = &none
		}
	}
	if in.Shipping != nil {
		o.shipping = *in.Shipping
		o.shipping.Email = nil
	}
	for _, p := range []struct{ to, from *string }{
		{&o.method, in.Method}, {&o.title, in.MethodTitle}, {&o.reference, in.Transaction}, {&o.note, in.Note},
	} {
		if p.from != nil {
			*p.to = *p.from
		}
	}
	for _, m := range in.Meta {
		v.setMeta(o, m)
	}
}

// setMeta changes the field with an id, else the first of a name, else makes one (WC_Data::update_meta_data).
func (v *Vendor) setMeta(o *order, in metaInput) {
	for i := range o.meta {
		if in.ID != 0 && o.meta[i].ID == in.ID || in.ID == 0 && o.meta[i].Key == in.Key {
			o.meta[i].Value = in.Value
			return
		}
	}
	o.meta = append(o.meta, meta{ID: v.metaID(), Key: in.Key, Value: in.Value})
}

func (v *Vendor) metaID() int64 {
	v.nextMeta++
	return v.nextMeta - 1
}

func (v *Vendor) updateOrder(c *call, id int64) reply {
	o := v.orders[id]
	if o == nil {
		a := v.noOrder()
		if strings.HasSuffix(c.path, "batch") {
			return failed(http.StatusBadRequest, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.", nil)
		}
		return a
	}
	var in orderInput
	if refused := v.read(c, &in); refused != nil {
		return *refused
	}
	if refused := badStatus(in.Status); refused != nil {
		return *refused
	}
	if len(in.Lines)+len(in.Ships)+len(in.Fees)+len(in.Coupons) > 0 {
		v.strange("PUT %s: changed lines are more than this pretend shop can do", c.path)
	}
	v.apply(o, in)
	now := v.second()
	if in.Status != nil {
		v.setStatus(o, *in.Status, now)
	}
	if in.SetPaid {
		v.pay(o, now)
	}
	v.keep(o, now)
	v.tell(o, "order.updated", true)
	return ok(http.StatusOK, v.render(o, -1)).allow("GET, POST, PUT, PATCH, DELETE")
}

// setStatus changes an order's status with the times that go with it.
func (v *Vendor) setStatus(o *order, status string, now time.Time) {
	o.status = status
	switch status {
	case "completed":
		o.completed = now
		if o.paid.IsZero() {
			o.paid = now
		}
	case "processing":
		if o.paid.IsZero() && o.method != "cod" {
			o.paid = now
		}
	}
}

// removeOrder puts an order into the trash, or deletes it for good with force.
func (v *Vendor) removeOrder(c *call, id int64) reply {
	v.known(c, "force")
	o := v.orders[id]
	if o == nil {
		return v.noOrder()
	}
	before := ok(http.StatusOK, v.render(o, -1)).allow("GET, POST, PUT, PATCH, DELETE")
	switch {
	case c.query.Get("force") == "true":
		v.forget(o)
	case o.status == "trash":
		return failed(http.StatusGone, "woocommerce_rest_already_trashed", "The shop_order has already been deleted.", nil)
	default:
		v.trash(o)
	}
	v.tell(o, "order.deleted", false)
	return before
}

func (v *Vendor) trash(o *order) {
	o.before = o.status
	o.meta = append(o.meta,
		meta{ID: v.metaID(), Key: "_wp_trash_meta_status", Value: text("wc-" + o.status)},
		meta{ID: v.metaID(), Key: "_wp_trash_meta_time", Value: text(strconv.FormatInt(v.now().Unix(), 10))})
	o.status = "trash"
	v.keep(o, v.second())
}

func (v *Vendor) notesRoute(c *call, id int64) reply {
	o := v.orders[id]
	if o == nil {
		return failed(http.StatusNotFound, "woocommerce_rest_order_invalid_id", "Invalid order ID.", nil)
	}
	show := func(n note) map[string]any {
		at := "orders/" + strconv.FormatInt(id, 10)
		links := v.links(at+"/notes/"+strconv.FormatInt(n.id, 10), at+"/notes", "GET", "DELETE")
		links["up"] = []any{map[string]any{"href": v.options.BaseURL + "/wp-json/wc/v3/" + at}}
		return map[string]any{
			"id": n.id, "author": "WooCommerce", "date_created": v.local(n.created), "date_created_gmt": v.gmt(n.created),
			"note": n.text, "customer_note": n.customer, "_links": links,
		}
	}
	switch c.method {
	case http.MethodGet:
		v.known(c, "type", "context")
		list := []any{}
		for _, n := range o.notes {
			if kind := c.query.Get("type"); kind == "" || kind == "any" || (kind == "customer") == n.customer {
				list = append(list, show(n))
			}
		}
		return ok(http.StatusOK, list).allow("GET, POST")
	case http.MethodPost:
		var in struct {
			Note     string `json:"note"`
			Customer bool   `json:"customer_note"`
			ByUser   bool   `json:"added_by_user"`
		}
		if refused := v.read(c, &in); refused != nil {
			return *refused
		}
		if in.Note == "" {
			return failed(http.StatusBadRequest, "rest_missing_callback_param", "Missing parameter(s): note", map[string]any{"params": []string{"note"}})
		}
		n := v.addNote(o, in.Note, in.Customer)
		a := ok(http.StatusCreated, show(n)).allow("GET, POST")
		a.header["Location"] = v.options.BaseURL + "/wp-json/wc/v3/" + c.path + "/" + strconv.FormatInt(n.id, 10)
		return a
	}
	return noRoute()
}

// addNote leaves a note; it is a comment of WordPress and does not touch the order's time of change.
func (v *Vendor) addNote(o *order, text string, customer bool) note {
	n := note{id: v.metaID(), created: v.second(), text: text, customer: customer}
	o.notes = append(o.notes, n)
	return n
}

func (v *Vendor) refundsRoute(c *call, id int64) reply {
	o := v.orders[id]
	if o == nil {
		return failed(http.StatusNotFound, "woocommerce_rest_invalid_order_id", "Invalid order ID.", nil)
	}
	dp, refused := decimalsOf(c)
	if refused != nil {
		return *refused
	}
	switch c.method {
	case http.MethodGet:
		v.known(c, "dp", "per_page", "page", "context")
		page, size, refused := v.window(c)
		if refused != nil {
			return *refused
		}
		list := []any{}
		for _, r := range slices.Backward(o.refunds) { // the newest first
			list = append(list, v.renderRefund(o, r, dp, false))
		}
		start := min((page-1)*size, len(list))
		return v.paged(c, list[start:min(start+size, len(list))], len(list), page, size)
	case http.MethodPost:
		return v.createRefund(c, o)
	}
	return noRoute()
}

func (v *Vendor) createRefund(c *call, o *order) reply {
	var in struct {
		Amount    string `json:"amount"`
		Reason    string `json:"reason"`
		APIRefund *bool  `json:"api_refund"`
	}
	if refused := v.read(c, &in); refused != nil {
		return *refused
	}
	amount, err := money.ParseDecimal(in.Amount)
	left := v.sum(o).total
	for _, r := range o.refunds {
		left = left.Sub(r.amount)
	}
	if err != nil || !amount.IsPositive() || amount.GreaterThan(left) {
		return ok(http.StatusInternalServerError, map[string]any{
			"code": "woocommerce_rest_cannot_create_order_refund", "message": "Invalid refund amount.", "data": 500,
		}).allow("GET, POST")
	}
	now := v.second()
	r := &refund{id: v.id(), created: now, amount: amount, reason: in.Reason}
	if v.release.rich {
		r.meta = []meta{{ID: v.metaID(), Key: "_refund_type", Value: text("partial")}}
	}
	o.refunds = append(o.refunds, r)
	if amount.Equal(left) {
		o.status = "refunded"
	}
	v.keep(o, now)
	v.tell(o, "order.updated", true)
	a := ok(http.StatusCreated, v.renderRefund(o, r, -1, false)).allow("GET, POST")
	a.header["Location"] = v.options.BaseURL + `/wp-json/wc/v3/orders/(?P<order_id>[\d]+)/refunds/` + strconv.FormatInt(r.id, 10)
	return a
}

func (v *Vendor) allRefunds() reply {
	list := []any{}
	for _, o := range v.byModified {
		for _, r := range o.refunds {
			list = append(list, v.renderRefund(o, r, -1, true))
		}
	}
	a := ok(http.StatusOK, list).allow("GET")
	a.header["X-WP-Total"], a.header["X-WP-TotalPages"] = strconv.Itoa(len(list)), "1"
	return a
}
