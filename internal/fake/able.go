package fake

import "github.com/orderlyhq/orderly/commerce"

// What only some fakes can do is told by small interfaces. The conformance suite asks for each of
// them where a connector has the ability that it tests.

// Changer is an ERP in which a clerk changes and cancels sales orders; shops do so by PutOrder.
type Changer interface {
	ChangeOrder(id string, order commerce.Order) error
}

// Canceller is an ERP in which a clerk cancels a sales order.
type Canceller interface {
	CancelOrder(id string) error
}

// Deleter is a system in which orders can vanish without a trace.
type Deleter interface {
	DeleteOrder(id string) error
}

// CustomerKeeper is an ERP in which a clerk makes and changes customers; it works as Shop.PutCustomer.
type CustomerKeeper interface {
	PutCustomer(customer commerce.Customer) (commerce.Customer, error)
}

// Restricter is a system that can take the rights to orders away from the account.
type Restricter interface {
	Restrict()
}

// Subscriber is a system in which the merchant enters the address for webhooks by hand, for all
// topics that the connector understands.
type Subscriber interface {
	Subscribe(address string) error
}

// Disabler is a system that switches subscriptions off when deliveries fail, and does so at once.
type Disabler interface {
	DisableWebhooks()
}
