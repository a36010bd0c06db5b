package flow_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/mapping"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/money"
)

func TestAnOrderBecomesOneDocument(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		for i := range 20 {
			o.observe("order", fmt.Sprintf("100%02d", i), sale(fmt.Sprintf("100%02d", i), "10.00"))
		}
		o.work()
		o.work()
		for i := range 20 {
			row := o.expect(fmt.Sprintf("100%02d", i), store.TaskSynced, "")
			if row.Document == "" || row.Delivered != 1 {
				o.Errorf("%+v has no document or revision", row)
			}
		}
		if n := len(o.erp.orders); n != 20 {
			o.Errorf("%d documents; want 20", n)
		}
		if n := len(o.erp.customers); n != 1 {
			o.Errorf("%d customers for one e-mail address that orders at the same moment in four lanes; want 1", n)
		}
		story, err := o.store.TaskStory(o.Context(), o.task("10000").ID)
		if err != nil || len(story.Deliveries) != 1 || !strings.Contains(string(story.Deliveries[0].Detail), `"compared"`) {
			o.Errorf("the delivery's story is incomplete: %v, %+v", err, story.Deliveries)
		}
	})
}

func TestWhatIsUnclearIsLookedUpAfterTheSettleTime(t *testing.T) {
	lost := func(what string) func(string) error {
		done := false
		return func(call string) error {
			if call == what && !done {
				done = true
				return &connector.Error{Kind: connector.KindMaybeApplied, Message: "no answer came"}
			}
			return nil
		}
	}
	for _, call := range []string{"create order", "save customer", "update order", "cancel order"} {
		for _, effect := range []string{"took effect", "did not take effect"} {
			t.Run(call+" "+effect, func(t *testing.T) {
				each(t, func(_ *testing.T, o *office) {
					if call == "update order" || call == "cancel order" {
						o.observe("order", "1001", sale("1001", "10.00"))
						o.work()
					}
					if effect == "took effect" {
						o.erp.lost = lost(call)
					} else {
						o.erp.fail = lost(call)
					}
					changed := sale("1001", "20.00")
					if call == "cancel order" {
						changed.OrderState = commerce.StateCancelled
					}
					o.observe("order", "1001", changed)
					o.work()
					row := o.expect("1001", store.TaskWaiting, "no answer came")
					if early := row.Due.Sub(o.now()); early < 29*time.Second {
						o.Errorf("looked up after %s; the system may still act for 30s", early)
					}
					before := len(o.erp.calls)
					o.work()
					if len(o.erp.calls) != before {
						o.Errorf("calls before the settle time is over: %v", o.erp.calls[before:])
					}
					o.later(10 * time.Minute)
					o.work()
					o.expect("1001", store.TaskSynced, "")
					if len(o.erp.orders) != 1 || len(o.erp.customers) != 1 {
						o.Errorf("%d documents and %d customers; want one of each", len(o.erp.orders), len(o.erp.customers))
					}
				})
			})
		}
	}
}

func TestACrashAfterTheCallLeavesOneDocument(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.lanes = 1
		o.observe("order", "1001", sale("1001", "10.00"))
		// A run that takes the record, writes the document and ends before it records anything.
		works, err := o.store.TakeTasks(o.Context(), "erp", 0, "dead", o.now(), 30*time.Second, 10)
		if err != nil || len(works) != 1 {
			o.Fatalf("%d works, %v", len(works), err)
		}
		draft := connector.OrderDraft{Key: connector.NewKey("shop", connector.Ref{Kind: "order", ID: "1001"}), Order: sale("1001", "10.00")}
		if _, err := o.erp.SaveOrder(o.Context(), draft); err != nil {
			o.Fatal(err)
		}
		o.work()
		o.expect("1001", store.TaskWaiting, "")
		o.later(31 * time.Second)
		o.work()
		o.expect("1001", store.TaskSynced, "")
		if len(o.erp.orders) != 1 {
			o.Errorf("%d documents; want 1", len(o.erp.orders))
		}
	})
}

func TestTotals(t *testing.T) {
	for _, c := range []struct {
		name   string
		drift  string
		order  commerce.Order
		state  store.TaskState
		reason string
		round  string
	}{
		{name: "equal", order: sale("1001", "10.00"), state: store.TaskSynced, round: "0"},
		{name: "a cent is settled by a rounding", drift: "0.01", order: sale("1001", "10.00"), state: store.TaskSynced, round: "-0.01"},
		{name: "a cent less is settled by a rounding", drift: "-0.01", order: sale("1001", "10.00"), state: store.TaskSynced, round: "0.01"},
		{name: "more is held", drift: "0.10", order: sale("1001", "10.00"), state: store.TaskHeld, reason: "has 12.00 EUR"},
		{name: "an order that contradicts itself is held", order: func() commerce.Order {
			o := sale("1001", "10.00")
			o.Totals.TaxInclusive.Amount = o.Totals.TaxInclusive.Amount.Add(decimal.New(1, 0))
			return o
		}(), state: store.TaskHeld, reason: "do not add up"},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(_ *testing.T, o *office) {
				if c.drift != "" {
					o.erp.drift = decimal.RequireFromString(c.drift)
				}
				o.observe("order", "1001", c.order)
				o.work()
				o.expect("1001", c.state, c.reason)
				if c.round != "" && !o.erp.orders[0].rounding.Amount.Equal(decimal.RequireFromString(c.round)) {
					o.Errorf("rounding %s; want %s", o.erp.orders[0].rounding, c.round)
				}
			})
		})
	}
}

func TestWhatAPersonMustDecideIsHeldAndGoesOnWhenFixed(t *testing.T) {
	for _, c := range []struct {
		name         string
		order        commerce.Order
		setup, fix   func(o *office)
		reason, code string
	}{
		{
			name: "an unknown SKU", order: sale("1001", "10.00", func(o *commerce.Order) { o.Lines[0].SKU = "NEW" }),
			fix:    func(o *office) { o.erp.items["NEW"] = []connector.Item{{ID: "n", SKU: "NEW"}} },
			reason: `lines[0].sku "NEW"`, code: "sku",
		},
		{
			name: "an unknown SKU that a row maps", order: sale("1001", "10.00", func(o *commerce.Order) { o.Lines[0].SKU = "OLD" }),
			fix:    func(o *office) { o.config.Mapping.Items = mapping.Table{"OLD": "A"} },
			reason: "OLD", code: "sku",
		},
		{
			name: "two articles of one SKU", order: sale("1001", "10.00"),
			setup:  func(o *office) { o.erp.items["A"] = append(o.erp.items["A"], connector.Item{ID: "2", SKU: "A"}) },
			fix:    func(o *office) { o.erp.items["A"] = o.erp.items["A"][:1]; o.later(time.Hour) },
			reason: "2 articles", code: "sku_ambiguous",
		},
		{
			name: "an unmapped tax", order: sale("1001", "10.00", func(o *commerce.Order) {
				o.Lines[0].Taxes[0].Rate = decimal.RequireFromString("0.21")
			}),
			fix:    func(o *office) { o.config.Mapping.Taxes = mapping.Table{"21%": "S19"} },
			reason: "no tax for sales of this rate", code: "tax",
		},
		{
			name: "an ambiguous customer", order: sale("1001", "10.00"),
			setup: func(o *office) {
				o.erp.customers = []*partner{{id: "C1", email: "anna@example.com"}, {id: "C2", email: "anna@example.com"}}
			},
			fix:    func(o *office) { o.erp.customers[1].email = "" },
			reason: "2 customers", code: "customer_ambiguous",
		},
		{
			name: "two documents with the key", order: sale("1001", "10.00"),
			setup: func(o *office) {
				o.erp.orders = []*document{
					{Document: connector.Document{ID: "1", Key: "shop-1001", State: connector.DocumentConfirmed}},
					{Document: connector.Document{ID: "2", Key: "shop-1001", State: connector.DocumentConfirmed}},
				}
			},
			fix:    func(o *office) { o.erp.orders[1].State = connector.DocumentCancelled },
			reason: "2 documents", code: "duplicate_document",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(_ *testing.T, o *office) {
				if c.setup != nil {
					c.setup(o)
				}
				o.observe("order", "1001", c.order)
				o.work()
				o.expect("1001", store.TaskHeld, c.reason)
				causes, err := o.store.Causes(o.Context(), store.CauseFilter{})
				if err != nil || len(causes) != 1 || causes[0].Code != c.code || causes[0].Fix == "" {
					o.Fatalf("causes %+v, %v; want one with code %s and a fix", causes, err, c.code)
				}
				c.fix(o)
				o.retry("1001")
				o.work()
				o.expect("1001", store.TaskSynced, "")
				if causes, err := o.store.Causes(o.Context(), store.CauseFilter{}); err != nil || len(causes) != 0 {
					o.Errorf("the cause stays open: %+v, %v", causes, err)
				}
			})
		})
	}
}

func TestFailures(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   error
		state store.TaskState
		tries int // after which the record stays as it is
		wait  time.Duration
	}{
		{name: "a system that is down is waited for, for ever", err: &connector.Error{Kind: connector.KindUnavailable, Message: "down"}, state: store.TaskWaiting, tries: 40},
		{name: "the vendor's wait is obeyed", err: &connector.Error{Kind: connector.KindRateLimited, RetryAfter: 7 * time.Minute, Message: "slow"}, state: store.TaskWaiting, tries: 1, wait: 7 * time.Minute},
		{name: "refused credentials do not use up the attempts", err: &connector.Error{Kind: connector.KindAuth, Message: "who"}, state: store.TaskWaiting, tries: 40, wait: time.Minute},
		{name: "data that is refused fails at once", err: connector.Invalid("note", "is too long"), state: store.TaskFailed, tries: 1},
		{name: "missing rights are tried again and then fail", err: &connector.Error{Kind: connector.KindForbidden, Message: "may not"}, state: store.TaskFailed, tries: 12},
		{name: "a bug is tried again and then fails", err: errors.New("oops"), state: store.TaskFailed, tries: 12},
		{name: "a document in the way is held", err: &connector.Error{Kind: connector.KindConflict, Message: "locked"}, state: store.TaskHeld, tries: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(_ *testing.T, o *office) {
				o.erp.fail = func(call string) error {
					if call == "create order" {
						return c.err
					}
					return nil
				}
				o.observe("order", "1001", sale("1001", "10.00"))
				for range c.tries {
					o.work()
					o.later(20 * time.Minute)
				}
				row := o.expect("1001", c.state, "")
				if row.Reason == "" {
					o.Error("no reason is given")
				}
				if wait := row.Due.Sub(o.now()) + 20*time.Minute; c.wait > 0 && wait < c.wait {
					o.Errorf("waits %s; want at least %s", wait, c.wait)
				}
				if o.erp.fail = nil; c.state == store.TaskFailed {
					o.retry("1001")
				}
				if c.state != store.TaskHeld {
					o.later(time.Hour)
					o.work()
					o.expect("1001", store.TaskSynced, "")
				}
			})
		})
	}
}

func TestAReasonNamesNoEMailAddress(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		var who string
		o.erp.fail = func(call string) error {
			if call == "create order" {
				return &connector.Error{Kind: connector.KindConflict, Message: "the customer " + who + "@example.com is locked"}
			}
			return nil
		}
		for number, name := range map[string]string{"1001": "anna", "1002": "bo"} {
			who = name
			o.observe("order", number, sale(number, "10.00"))
			o.work()
			row := o.expect(number, store.TaskHeld, "is locked")
			if strings.Contains(row.Reason, "@") {
				o.Errorf("the reason is %q", row.Reason)
			}
		}
		causes, err := o.store.Causes(o.Context(), store.CauseFilter{})
		if err != nil || len(causes) != 1 || causes[0].Message != "the customer … is locked" {
			o.Errorf("the causes are %+v, %v; want one, in which nobody is named", causes, err)
		}
	})
}

func TestAFailureOfTheWholeSystemGivesTheRestBack(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.lanes = 1
		for i := range 8 {
			o.observe("order", fmt.Sprint(1000+i), sale(fmt.Sprint(1000+i), "10.00"))
		}
		o.erp.fail = func(call string) error {
			if call == "create order" {
				return &connector.Error{Kind: connector.KindUnavailable, Message: "down"}
			}
			return nil
		}
		o.work()
		if n := o.erp.count("create order"); n != 1 {
			o.Errorf("%d orders were sent to a system that is down; want 1", n)
		}
		for i := range 8 {
			if row := o.expect(fmt.Sprint(1000+i), store.TaskWaiting, ""); row.Attempts != 0 {
				o.Errorf("record %s has used up %d attempts", row.SourceID, row.Attempts)
			}
		}
	})
}

func TestAPayloadThatCannotBeDecodedFailsAndIsDecodedAgainOnRetry(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.observeBody("order", "1001", []byte(`{"lines": "none"}`))
		o.work()
		o.expect("1001", store.TaskFailed, "body")
		o.observe("order", "1001", sale("1001", "10.00"))
		o.work()
		o.expect("1001", store.TaskSynced, "")
	})
}

func TestABodyThatCannotBeOpenedFailsAloneAndSaysSo(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.observation(store.Observation{Kind: "order", SourceID: "1001", Hash: "a", Body: []byte("not sealed by this installation")})
		o.observe("order", "1002", sale("1002", "10.00"))
		o.work()
		o.expect("1001", store.TaskFailed, "what is stored of the record cannot be read")
		o.expect("1002", store.TaskSynced, "")
	})
}

func TestChangesAfterDelivery(t *testing.T) {
	shipped := sale("1001", "10.00", func(o *commerce.Order) {
		o.FulfillmentState = commerce.FulfillmentShipped
		o.Lines[0].Fulfilled = decimal.New(1, 0)
	})
	cancelled := sale("1001", "10.00", func(o *commerce.Order) { o.OrderState = commerce.StateCancelled })
	for _, c := range []struct {
		name    string
		config  func(*flow.Config)
		change  commerce.Order
		state   store.TaskState
		updates int
		cancels int
		gross   string
	}{
		{name: "an edit is applied", change: sale("1001", "20.00"), state: store.TaskSynced, updates: 1, gross: "23.8"},
		{name: "a shipment writes nothing", change: shipped, state: store.TaskSynced, gross: "11.9"},
		{name: "an edit is held by policy", config: func(c *flow.Config) { c.Orders.Edits = flow.ReactHold }, change: sale("1001", "20.00"), state: store.TaskHeld, gross: "11.9"},
		{name: "an edit is ignored by policy", config: func(c *flow.Config) { c.Orders.Edits = flow.ReactIgnore }, change: sale("1001", "20.00"), state: store.TaskSynced, gross: "11.9"},
		{name: "a cancellation is applied", change: cancelled, state: store.TaskSynced, cancels: 1, gross: "11.9"},
		{name: "a cancellation is held by policy", config: func(c *flow.Config) { c.Orders.Cancellations = flow.ReactHold }, change: cancelled, state: store.TaskHeld, gross: "11.9"},
		{name: "a cancellation is ignored by policy", config: func(c *flow.Config) { c.Orders.Cancellations = flow.ReactIgnore }, change: cancelled, state: store.TaskSynced, gross: "11.9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(_ *testing.T, o *office) {
				if c.config != nil {
					c.config(&o.config)
				}
				o.observe("order", "1001", sale("1001", "10.00"))
				o.work()
				o.observe("order", "1001", c.change)
				o.work()
				o.expect("1001", c.state, "")
				if n := o.erp.count("update order"); n != c.updates {
					o.Errorf("%d updates; want %d", n, c.updates)
				}
				if n := o.erp.count("cancel order"); n != c.cancels {
					o.Errorf("%d cancellations; want %d", n, c.cancels)
				}
				if got := o.erp.orders[0].Totals.Gross.Amount.String(); got != c.gross || len(o.erp.orders) != 1 {
					o.Errorf("%d documents, gross %s; want one with %s", len(o.erp.orders), got, c.gross)
				}
			})
		})
	}
}

func TestRulesThatLeaveRecordsOut(t *testing.T) {
	for _, c := range []struct {
		name   string
		config func(*flow.Config)
		order  commerce.Order
		reason string
	}{
		{"a filter", func(c *flow.Config) { c.Filter = "order.totals.payable.amount > 100" }, sale("1001", "10.00"), "filter"},
		{"a payment state", func(c *flow.Config) { c.Orders.PaymentStates = []commerce.PaymentState{commerce.PaymentAuthorized} }, sale("1001", "10.00"), "payment is paid"},
		{"a test order", nil, sale("1001", "10.00", func(o *commerce.Order) { o.Test = true }), "test order"},
		{"cancelled before it was delivered", nil, sale("1001", "10.00", func(o *commerce.Order) { o.OrderState = commerce.StateCancelled }), "before it was delivered"},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(_ *testing.T, o *office) {
				if c.config != nil {
					c.config(&o.config)
				}
				o.observe("order", "1001", c.order)
				o.work()
				o.expect("1001", store.TaskSkipped, c.reason)
				if len(o.erp.orders) != 0 {
					o.Error("a document was made")
				}
			})
		})
	}
}

func TestDeletedInTheSource(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.observe("order", "1001", sale("1001", "10.00"))
		o.work()
		o.observation(store.Observation{Kind: "order", SourceID: "1001", Deleted: true})
		o.work()
		o.expect("1001", store.TaskSynced, "")
		if o.erp.orders[0].State != connector.DocumentCancelled {
			o.Errorf("the document is %s", o.erp.orders[0].State)
		}
	})
}

func TestGuests(t *testing.T) {
	other := func(o *commerce.Order) { o.Buyer.Emails = []string{"bob@example.com"} }
	nobody := func(o *commerce.Order) { o.Buyer.Emails = nil }
	for _, c := range []struct {
		policy flow.GuestPolicy
		want   int
	}{{flow.GuestsByEmail, 3}, {flow.GuestsPerOrder, 4}, {flow.GuestsOneAccount, 0}} {
		t.Run(string(c.policy), func(t *testing.T) {
			each(t, func(_ *testing.T, o *office) {
				o.config.Customers.Guests, o.config.Customers.GuestAccount = c.policy, "COLLECTIVE"
				o.observe("order", "1001", sale("1001", "10.00"))
				o.observe("order", "1002", sale("1002", "10.00"))
				o.observe("order", "1003", sale("1003", "10.00", other))
				o.observe("order", "1004", sale("1004", "10.00", nobody))
				o.work()
				for _, id := range []string{"1001", "1002", "1003", "1004"} {
					o.expect(id, store.TaskSynced, "")
				}
				if n := len(o.erp.customers); n != c.want {
					o.Errorf("%d customers; want %d", n, c.want)
				}
			})
		})
	}
}

func TestACustomerThatIsGoneInTheDestinationIsMadeAnew(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.observe("order", "1001", sale("1001", "10.00"))
		o.work()
		o.erp.customers = []*partner{{id: "OTHER"}}
		o.observe("order", "1002", sale("1002", "10.00"))
		o.work()
		o.expect("1002", store.TaskWaiting, "no such customer")
		o.later(time.Minute)
		o.work()
		o.expect("1002", store.TaskSynced, "")
		if len(o.erp.customers) != 2 {
			o.Errorf("%d customers; want the other and a new one", len(o.erp.customers))
		}
	})
}

func TestCustomersAreCarriedAndShareWhatOrdersMade(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		account := func(email string) commerce.Customer {
			return commerce.Customer{Source: commerce.Source{ExternalID: "7"}, DisplayName: "Anna", Emails: []string{email}}
		}
		o.observe("order", "1001", sale("1001", "10.00", func(o *commerce.Order) { o.Buyer = account("anna@example.com") }))
		o.work()
		o.observe("customer", "7", account("anna@example.com"))
		o.observe("customer", "8", commerce.Customer{Source: commerce.Source{ExternalID: "8"}, DisplayName: "Bob", Emails: []string{"bob@example.com"}})
		o.work()
		o.expect("7", store.TaskSynced, "")
		o.expect("8", store.TaskSynced, "")
		o.observe("customer", "7", account("anna@new.example.com"))
		o.work()
		o.expect("7", store.TaskSynced, "")
		if len(o.erp.customers) != 2 || o.erp.customers[0].email != "anna@new.example.com" {
			o.Errorf("customers %+v; want two, the first with its new address", o.erp.customers)
		}
		saves := o.erp.count("save customer")
		o.observe("customer", "7", account("anna@new.example.com"))
		o.work()
		if n := o.erp.count("save customer"); n != saves {
			o.Error("a customer that has not changed was written again")
		}
	})
}

func TestConfirmAndInvoice(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.erp.draft = true
		o.config.Orders.Invoice = flow.InvoicePaid
		o.observe("order", "1001", sale("1001", "10.00", func(o *commerce.Order) { o.PaymentState = commerce.PaymentPending }))
		o.work()
		o.expect("1001", store.TaskSynced, "")
		if o.erp.orders[0].State != connector.DocumentConfirmed || len(o.erp.invoices) != 0 {
			o.Fatalf("state %s, %d invoices; want confirmed without one", o.erp.orders[0].State, len(o.erp.invoices))
		}
		o.observe("order", "1001", sale("1001", "10.00"))
		o.work()
		o.observe("order", "1001", sale("1001", "10.00", func(o *commerce.Order) { o.FulfillmentState = commerce.FulfillmentShipped }))
		o.work()
		if n := o.erp.count("invoice"); n != 1 {
			o.Errorf("%d invoices; want 1", n)
		}
		if n := o.erp.count("update order"); n != 0 {
			o.Errorf("the document was written %d times although nothing in it has changed", n)
		}
	})
}

func TestADocumentThatWaitsForAnApproval(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.erp.pending = true
		o.observe("order", "1001", sale("1001", "10.00"))
		o.work()
		o.expect("1001", store.TaskWaiting, "credit limit")
		o.later(10 * time.Minute)
		o.work()
		o.expect("1001", store.TaskWaiting, "credit limit")
		o.erp.orders[0].State = connector.DocumentConfirmed
		o.later(10 * time.Minute)
		o.work()
		o.expect("1001", store.TaskSynced, "")
		if len(o.erp.orders) != 1 {
			o.Errorf("%d documents; want 1", len(o.erp.orders))
		}
	})
}

func TestNewOrdersGoTogetherWhereTheSystemTakesSeveral(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.lanes = 1
		o.open(batching{o.erp})
		for i := range 5 {
			o.observe("order", fmt.Sprint(1000+i), sale(fmt.Sprint(1000+i), "10.00"))
		}
		o.observe("order", "BAD", sale("BAD", "10.00"))
		o.work()
		for i := range 5 {
			o.expect(fmt.Sprint(1000+i), store.TaskSynced, "")
		}
		o.expect("BAD", store.TaskFailed, "is refused")
		if n := o.erp.count("batch"); n != 1 || o.erp.count("create order") != 0 || len(o.erp.orders) != 5 {
			o.Errorf("%d batches, %d single calls, %d documents; want 1, 0, 5", n, o.erp.count("create order"), len(o.erp.orders))
		}
	})
}

func TestStoppingRecordsWhatWasDone(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.lanes = 1
		o.observe("order", "1001", sale("1001", "10.00"))
		ctx, cancel := context.WithCancel(o.Context())
		o.erp.lost = func(call string) error {
			if call == "create order" {
				cancel() // Orderly is told to stop while the document is made
			}
			return nil
		}
		if _, err := o.runner.RunLane(ctx, "erp", 0, "run", time.Hour); err != nil && !errors.Is(err, context.Canceled) {
			o.Fatal(err)
		}
		o.expect("1001", store.TaskSynced, "")
	})
}

func TestAPausedDestinationIsLeftAlone(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.dest.Paused = true
		o.observe("order", "1001", sale("1001", "10.00"))
		o.work()
		o.expect("1001", store.TaskWaiting, "")
		if len(o.erp.calls) != 0 {
			o.Errorf("calls: %v", o.erp.calls)
		}
	})
}

func TestMoneyInLinksIsExact(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.observe("order", "1001", sale("1001", "0.10"))
		o.work()
		story, err := o.store.TaskStory(o.Context(), o.task("1001").ID)
		if err != nil || len(story.Links) != 1 {
			o.Fatalf("%d links, %v", len(story.Links), err)
		}
		if l := story.Links[0]; !decimal.RequireFromString(l.Gross).Equal(decimal.RequireFromString("0.12")) || l.Currency != "EUR" || l.CustomerID != "C1" {
			o.Errorf("link %+v", l)
		}
	})
}

func TestScheduleAndSince(t *testing.T) {
	for _, text := range []string{"10m", "*/10 * * * *", "@hourly", "off", ""} {
		if _, err := flow.ParseSchedule(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"10", "every day", "-5m", "10ms", "* * *"} {
		if _, err := flow.ParseSchedule(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
	c := flow.NewConfig()
	c.Since, c.Orders.Attempts, c.Customers.Guests = "yesterday", 0, flow.GuestsOneAccount
	tolerance := money.Zero.Sub(decimal.New(1, 0))
	c.Orders.Tolerance, c.Records, c.Filter, c.Triggers.Schedule = &tolerance, nil, "1 +", "soon"
	got := map[string]bool{}
	for _, p := range c.Check() {
		got[p.Path] = true
	}
	for _, path := range []string{"since", "orders.attempts", "customers.guest_account", "orders.tolerance", "records", "filter", "triggers.schedule"} {
		if !got[path] {
			t.Errorf("the mistake in %s is not found", path)
		}
	}
	if problems := flow.NewConfig().Check(); len(problems) > 0 {
		t.Errorf("the defaults have problems: %v", problems)
	}
}
