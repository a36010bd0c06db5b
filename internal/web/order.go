package web

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/httpx"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/money"
)

func (s *Server) orderRoutes() []route {
	return []route{
		{pattern: "GET /orders/{id}", need: people.Viewer, serve: s.serveOrder},
		{pattern: "GET /orders/{id}/preview", need: people.Operator, serve: s.previewOrder},
		{pattern: "POST /orders/{id}/act", need: people.Operator, serve: s.actOnOrder},
		{pattern: "POST /orders/{id}/resync", need: people.Operator, serve: s.resyncOrder},
		{pattern: "POST /orders/{id}/link", need: people.Operator, serve: s.linkOrder},
	}
}

// orderView is what the screen Order shows.
type orderView struct {
	*desk.OrderStory
	list    string // the query of the list that the person came from
	before  *desk.Neighbour
	after   *desk.Neighbour
	inList  bool
	zone    string // of the source
	preview *desk.OrderPreview
}

// story reads what the screen shows.
func (s *Server) story(v *visit) (*orderView, error) {
	id, err := v.id()
	if err != nil {
		return nil, err
	}
	told, err := s.desk.Order(v.Context(), id, v.reveal)
	if err != nil {
		return nil, err
	}
	o := &orderView{OrderStory: told, list: v.query("list"), zone: s.desk.Figures().Zone(told.Task.Connection)}
	q, err := url.ParseQuery(o.list)
	if err != nil {
		return o, nil //nolint:nilerr // an address that was cut off has no list
	}
	neighbours, err := s.desk.Neighbours(v.Context(), id, desk.ParseOrderFilter(q))
	if _, wrong := errors.AsType[*desk.InputError](err); wrong {
		return o, nil // the list of an old address
	}
	o.before, o.after, o.inList = neighbours.Before, neighbours.After, true
	return o, err
}

func (s *Server) serveOrder(w http.ResponseWriter, v *visit) error {
	o, err := s.story(v)
	if err != nil {
		return err
	}
	return s.render(w, v, page{Title: o.title(), Nav: "/orders", Live: true}, orderPage(v, o))
}

// previewOrder shows the order with what delivering it now would do. It writes nothing.
func (s *Server) previewOrder(w http.ResponseWriter, v *visit) error {
	o, err := s.story(v)
	if err != nil {
		return err
	}
	if o.preview, err = s.desk.PreviewOrder(v.Context(), o.Task.ID, v.reveal); err != nil {
		return err
	}
	return s.render(w, v, page{Title: "Preview of " + o.title(), Nav: "/orders"}, orderPage(v, o))
}

func (s *Server) actOnOrder(w http.ResponseWriter, v *visit) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	action := store.Action(v.form("action"))
	acted, err := s.desk.Act(v.Context(), v.person, action, []int64{id}, v.form("why"))
	if err != nil {
		return err
	}
	return s.done(w, v, v.back(orderAddress(id)), actedText(action, acted))
}

// actedText says what an action on one order has done.
func actedText(action store.Action, acted desk.Acted) string {
	if acted.Changed == 0 {
		return "Nothing has changed: the order is in a state to which this does not apply. It may have moved on meanwhile."
	}
	return map[store.Action]string{
		store.ActionRetry:   "It is tried again now.",
		store.ActionHold:    "It is held until somebody releases it.",
		store.ActionRelease: "It goes on.",
		store.ActionSkip:    "It is left out.",
	}[action]
}

func (s *Server) resyncOrder(w http.ResponseWriter, v *visit) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	if err := s.desk.Resync(v.Context(), v.person, id, v.form("why")); err != nil {
		return err
	}
	return s.done(w, v, v.back(orderAddress(id)), "It is read from the source again and brought to the ERP.")
}

func (s *Server) linkOrder(w http.ResponseWriter, v *visit) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	document, err := s.desk.LinkDocument(v.Context(), v.person, id, v.form("document"), v.form("why"))
	if wrong, ok := errors.AsType[*desk.InputError](err); ok {
		return &problem{status: http.StatusUnprocessableEntity, title: "It was not linked", text: wrong.Message, back: v.back(orderAddress(id))}
	}
	if err != nil {
		return err
	}
	return s.done(w, v, v.back(orderAddress(id)), "It is linked to "+orID(document)+". Retry brings that document to the order's state; Skip leaves it as it is.")
}

func orID(d connector.Document) string {
	if d.Number != "" {
		return d.Number
	}
	return d.ID
}

// title is what people call the record.
func (o *orderView) title() string {
	if o.Task.Kind == string(commerce.KindCustomer) {
		return "Customer " + numberOf(o.Task)
	}
	return "Order " + numberOf(o.Task)
}

// address is this page, with the list that it was opened from.
func (o *orderView) address(path string) string {
	if o.list == "" {
		return orderAddress(o.Task.ID) + path
	}
	return orderAddress(o.Task.ID) + path + "?list=" + url.QueryEscape(o.list)
}

// back is the list that the person came from.
func (o *orderView) back() string {
	if q, err := url.ParseQuery(o.list); err == nil {
		return ordersAddress(desk.ParseOrderFilter(q))
	}
	return "/orders"
}

// can says whether an action would change the order now.
func (o *orderView) can(action store.Action) bool { return desk.Applies(action, o.Task) }

// roleWord is what a link leads to.
func roleWord(l store.Link) string {
	if l.DocumentType == "" {
		return l.Role
	}
	return l.Role + " · " + l.DocumentType
}

func linkName(l store.Link) string {
	if l.Number != "" {
		return l.Number
	}
	return l.DocumentID
}

// orderWouldText says what a delivery would do.
func orderWouldText(would string) string {
	return map[string]string{
		"create": "It would be created in the ERP.", "update": "Its document would be changed.", "cancel": "Its document would be cancelled.",
		"nothing": "Nothing would change: the document shows all of it already.", "skip": "It would be left out.", "hold": "It would be held.", "fail": "It would fail.",
	}[would]
}

func orderWouldTone(would string) string {
	switch would {
	case "create", "update", "nothing":
		return "good"
	case "hold", "cancel":
		return "warn"
	case "fail":
		return "bad"
	}
	return "info"
}

// codeText writes the ERP's values for a line.
func codeText(c connector.LineCodes) string {
	var parts []string
	switch {
	case c.Item.ID == "":
		parts = append(parts, "by the connection's own setting")
	case c.Item.Name != "":
		parts = append(parts, c.Item.SKU+" "+c.Item.Name)
	default:
		parts = append(parts, c.Item.SKU)
	}
	for _, t := range c.TaxCodes {
		parts = append(parts, "tax "+t.Code)
	}
	if c.Warehouse != "" {
		parts = append(parts, "warehouse "+c.Warehouse)
	}
	return strings.Join(parts, " · ")
}

// totalRows are the totals beside those of the document: as it is at this moment when a preview has read it.
func (o *orderView) totalRows() []desk.TotalPair {
	if o.preview == nil || o.preview.Now == nil || o.preview.Now.Totals == nil {
		return o.Totals
	}
	t := o.preview.Now.Totals
	now := []money.Money{t.Net, t.Tax, t.Gross}
	rows := make([]desk.TotalPair, len(o.Totals))
	for i, row := range o.Totals {
		rows[i] = desk.PairOf(row.Name, row.Order, &now[i])
	}
	return rows
}

// documentHead names the column of the document.
func (o *orderView) documentHead() string {
	if o.preview != nil && o.preview.Now != nil {
		return "Document, read now"
	}
	return "Document, read back"
}

func pairTone(p desk.TotalPair) string {
	switch {
	case p.Document == nil:
		return ""
	case p.Difference != nil:
		return "differs"
	}
	return "same"
}

// proofText says whether the order's own amounts add up.
func proofText(p *commerce.Proof) string {
	if p.AddsUp {
		return "The order's own amounts add up."
	}
	return plural(len(p.Differences), "amount does", "amounts do") + " not add up."
}

// addressLines are the lines of an address, as on an envelope.
func addressLines(a *commerce.Address) []string {
	if a == nil {
		return nil
	}
	var lines []string
	for _, parts := range [][]string{
		{a.Company}, {a.Name}, {orderName(a)}, {a.StreetAddress, a.HouseNumber}, {a.ExtendedAddress}, {a.DependentLocality},
		{a.PostalCode, a.AddressLocality}, {a.AddressRegion, a.AddressCountry}, {a.Phone}, {a.Email},
	} {
		if line := strings.Join(strings.Fields(strings.Join(parts, " ")), " "); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// orderName is the name of a person where no whole one is given.
func orderName(a *commerce.Address) string {
	if a.Name != "" {
		return ""
	}
	return a.GivenName + " " + a.FamilyName
}

// exchangeTone is how good or bad an answer is.
func exchangeTone(e httpx.Exchange) string {
	switch {
	case e.Status == 0 || e.Status >= 500:
		return "bad"
	case e.Status >= 400:
		return "warn"
	}
	return "good"
}

func exchangeStatus(e httpx.Exchange) string {
	if e.Status == 0 {
		return "no answer"
	}
	return fmt.Sprint(e.Status)
}

// deliveriesText says how often it was tried, and what the ERP has.
func (o *orderView) deliveriesText() string {
	tries := 0
	if n := len(o.Deliveries); n > 0 {
		tries = o.Deliveries[n-1].Number
	}
	text := plural(tries, "delivery", "deliveries")
	if t := o.Task; t.Delivered > 0 {
		text += "; the ERP has revision " + whole(t.Delivered) + " of " + whole(t.Wanted)
	}
	if o.Task.Uncertain {
		text += "; nobody knows how the last one ended, so it is looked up before anything is written"
	}
	return text
}

// momentText says more of a moment.
func momentText(m desk.Moment) string {
	var parts []string
	if m.Note != "" && m.Delivery == 0 {
		parts = append(parts, m.Note)
	}
	if m.Times > 1 {
		parts = append(parts, whole(m.Times)+" times")
	}
	switch {
	case m.Took > 0 && m.What == desk.MomentEvent:
		parts = append(parts, brief(m.Took)+" after the change there")
	case m.Took > 0:
		parts = append(parts, "took "+brief(m.Took))
	}
	return strings.Join(parts, " · ")
}

// olderText says what a timeline leaves out.
func olderText(n int) string {
	return plural(n, "older event or delivery is", "older events and deliveries are") + " not shown."
}

// deliveryTitle says what a delivery was.
func deliveryTitle(d desk.OrderDelivery) string {
	text := fmt.Sprintf("Delivery %d of revision %d: %s, ", d.Number, d.Revision, d.Outcome)
	if d.Detail == nil {
		return text + "details are no longer kept"
	}
	return text + plural(len(d.Detail.Exchanges), "request", "requests")
}

// priceText says how the order's prices are meant.
func priceText(o *commerce.Order) string {
	if o.PricesIncludeTax {
		return "prices include tax, " + string(o.DocumentCurrency)
	}
	return "prices are net, " + string(o.DocumentCurrency)
}

// retryClass makes Retry stand out where it is what helps.
func retryClass(t store.TaskRow) string {
	if t.State == store.TaskHeld || t.State == store.TaskFailed {
		return "primary"
	}
	return ""
}

// orderNoticeTone is how urgent the reason of an order's state is.
func orderNoticeTone(t store.TaskRow) string {
	switch t.State {
	case store.TaskFailed:
		return "bad"
	case store.TaskHeld:
		return "warn"
	}
	return "info"
}

// causeLink is what leads to a cause.
func causeLink(c store.Cause) string {
	if c.Tasks > 1 {
		return "Fix it for all " + plural(c.Tasks, "order", "orders") + " with this cause"
	}
	return "Fix the cause"
}

// words writes a name of the program as people do.
func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

// draftFields are the ERP's own fields that the mapping sets.
func draftFields(fields map[string]any) []commerce.Property {
	var list []commerce.Property
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		list = append(list, commerce.Property{Name: name, Value: fmt.Sprint(fields[name])})
	}
	return list
}

func paymentName(p commerce.Payment) string {
	if name := cmp.Or(p.Title, p.Method, p.Gateway); name != "" {
		return name
	}
	return "Payment"
}

// customerLines say who a customer is.
func customerLines(c commerce.Customer) []string {
	lines := []string{c.CompanyName, cmp.Or(c.DisplayName, strings.TrimSpace(c.GivenName+" "+c.FamilyName))}
	if lines[0] == lines[1] {
		lines = lines[1:]
	}
	lines = append(lines, c.Emails...)
	lines = append(lines, c.Phones...)
	for _, t := range c.TaxIDs {
		lines = append(lines, t.Value)
	}
	return slices.DeleteFunc(lines, func(line string) bool { return line == "" })
}

func contactLines(c commerce.Contact) []string {
	lines := append([]string{cmp.Or(c.Name, strings.TrimSpace(c.GivenName+" "+c.FamilyName))}, c.Emails...)
	return append(lines, c.Phones...)
}
