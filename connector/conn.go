package connector

import (
	"context"
	"fmt"
)

// Conn is an open connection with its abilities, found once. A nil ability is one that the system or
// the account does not have.
type Conn struct {
	Definition Definition
	Connector  Connector
	Decoder    Decoder

	Receiver  WebhookReceiver
	Registrar WebhookRegistrar
	Lister    Lister
	Counter   Counter
	Fetcher   Fetcher
	Feedback  Feedback

	Customers CustomerWriter
	Addresses AddressWriter
	Items     ItemFinder
	Taxes     TaxLister
	Stock     StockReader
	Orders    OrderWriter
	Batch     BatchOrderWriter
	Confirmer OrderConfirmer
	Invoicer  Invoicer
}

// Open binds values to a fresh configuration, opens the connection and finds its abilities. Problems
// with settings come back as a *SettingsError.
func Open(ctx context.Context, def Definition, values map[string]string, env Env) (*Conn, error) {
	config := def.New()
	if problems := Bind(config.Settings(), values); len(problems) > 0 {
		return nil, &SettingsError{Connection: env.Connection, Problems: problems}
	}
	if def.Traits.BaseURL.Required && env.BaseURL == "" {
		return nil, &SettingsError{Connection: env.Connection, Problems: []*SettingError{{
			Setting: "base_url",
			Message: fmt.Sprintf("is required: %s (for example %s)", def.Traits.BaseURL.Help, def.Traits.BaseURL.Example),
		}}}
	}
	c, err := config.Open(ctx, env)
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", env.Connection, err)
	}
	conn := &Conn{Definition: def, Connector: c}
	if source, ok := config.(SourceConfig); ok {
		conn.Decoder = source.Decoder()
	}
	conn.Receiver, _ = c.(WebhookReceiver)
	conn.Registrar, _ = c.(WebhookRegistrar)
	conn.Lister, _ = c.(Lister)
	conn.Counter, _ = c.(Counter)
	conn.Fetcher, _ = c.(Fetcher)
	conn.Feedback, _ = c.(Feedback)
	conn.Customers, _ = c.(CustomerWriter)
	conn.Addresses, _ = c.(AddressWriter)
	conn.Items, _ = c.(ItemFinder)
	conn.Taxes, _ = c.(TaxLister)
	conn.Stock, _ = c.(StockReader)
	conn.Orders, _ = c.(OrderWriter)
	conn.Batch, _ = c.(BatchOrderWriter)
	conn.Confirmer, _ = c.(OrderConfirmer)
	conn.Invoicer, _ = c.(Invoicer)
	return conn, nil
}

// SettingsError is everything that is wrong with a connection's settings.
type SettingsError struct {
	Connection string
	Problems   []*SettingError
}

func (e *SettingsError) Error() string {
	text := fmt.Sprintf("connection %s: %s", e.Connection, e.Problems[0])
	if more := len(e.Problems) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}
