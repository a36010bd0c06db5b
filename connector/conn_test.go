package connector_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
)

// thin is a connector that can do nothing beyond the core.
type thin struct{}

func (thin) Check(context.Context) (connector.Account, error) {
	return connector.Account{Name: "thin"}, nil
}
func (thin) Close(context.Context) error { return nil }

// able has every ability. Its embedded interfaces are nil: only that it has them counts.
type able struct {
	thin
	connector.WebhookReceiver
	connector.WebhookRegistrar
	connector.Lister
	connector.Counter
	connector.Fetcher
	connector.Feedback
	connector.CustomerWriter
	connector.AddressWriter
	connector.ItemFinder
	connector.TaxLister
	connector.StockReader
	connector.OrderWriter
	connector.BatchOrderWriter
	connector.OrderConfirmer
	connector.Invoicer
}

// config opens what it is told to.
type config struct {
	shop  string
	opens connector.Connector
	err   error
}

func (c *config) Settings() []connector.Setting {
	return []connector.Setting{connector.String(&c.shop, "shop", "the shop's name", connector.Required(), connector.Example("tea"))}
}

func (c *config) Open(context.Context, connector.Env) (connector.Connector, error) {
	return c.opens, c.err
}

// source is a configuration with a decoder, which is made from the settings.
type source struct{ config }

func (s *source) Decoder() connector.Decoder { return decoder(s.shop) }

type decoder string

func (decoder) DecodeOrder(connector.Raw) (commerce.Order, error) { return commerce.Order{}, nil }
func (decoder) DecodeCustomer(connector.Raw) (commerce.Customer, error) {
	return commerce.Customer{}, nil
}

func definition(c connector.Config) connector.Definition {
	return connector.Definition{Name: "tea", New: func() connector.Config { return c }}
}

// abilities gives for each ability of a connection whether it is there.
func abilities(c *connector.Conn) map[string]bool {
	out := map[string]bool{}
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		if v.Field(i).Kind() == reflect.Interface && v.Type().Field(i).Name != "Connector" {
			out[v.Type().Field(i).Name] = !v.Field(i).IsNil()
		}
	}
	return out
}

func TestOpenFindsAbilities(t *testing.T) {
	values := map[string]string{"shop": "tea"}
	all, err := connector.Open(t.Context(), definition(&source{config{opens: able{}}}), values, connector.Env{})
	if err != nil {
		t.Fatal(err)
	}
	for name, there := range abilities(all) {
		if !there {
			t.Errorf("%s was not found", name)
		}
	}
	none, err := connector.Open(t.Context(), definition(&config{opens: thin{}}), values, connector.Env{})
	if err != nil {
		t.Fatal(err)
	}
	for name, there := range abilities(none) {
		if there {
			t.Errorf("%s was found although the connector has it not", name)
		}
	}
	if none.Connector == nil || none.Definition.Name != "tea" {
		t.Error("the core or the definition is missing")
	}
}

func TestOpenBindsBeforeTheDecoderIsMade(t *testing.T) {
	conn, err := connector.Open(t.Context(), definition(&source{config{opens: thin{}}}), map[string]string{"shop": "green"}, connector.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if conn.Decoder != decoder("green") {
		t.Errorf("the decoder is %v; want that of the settings", conn.Decoder)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	refused := connector.Invalid("shop", "is closed")
	required := definition(&config{opens: thin{}})
	required.Traits.BaseURL = connector.BaseURLRule{Required: true, Help: "the shop's address", Example: "https://tea.test"}
	for name, c := range map[string]struct {
		def    connector.Definition
		values map[string]string
		say    []string
	}{
		"a missing setting":        {definition(&config{opens: thin{}}), nil, []string{"connection berlin", "shop", "required"}},
		"a missing address":        {required, map[string]string{"shop": "tea"}, []string{"base_url", "the shop's address", "https://tea.test"}},
		"settings that do not fit": {definition(&config{err: refused}), map[string]string{"shop": "tea"}, []string{"connection berlin", "shop", "is closed"}},
		"two problems at once":     {definition(&config{opens: thin{}}), map[string]string{"shpo": "x"}, []string{"and 1 more"}},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := connector.Open(t.Context(), c.def, c.values, connector.Env{Connection: "berlin"})
			if err == nil || conn != nil {
				t.Fatalf("opened %v, %v", conn, err)
			}
			for _, part := range c.say {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
	_, err := connector.Open(t.Context(), required, map[string]string{"shop": "tea"}, connector.Env{})
	if problem, ok := errors.AsType[*connector.SettingsError](err); !ok || problem.Problems[0].Setting != "base_url" {
		t.Errorf("a missing address is %T; want a *SettingsError about base_url", err)
	}
	_, err = connector.Open(t.Context(), definition(&config{err: fmt.Errorf("open: %w", refused)}), map[string]string{"shop": "tea"}, connector.Env{})
	if connector.KindOf(err) != connector.KindInvalid {
		t.Errorf("the kind of the connector's own error is lost: %v", err)
	}
	required.Traits.BaseURL.Required = true
	if _, err := connector.Open(t.Context(), required, map[string]string{"shop": "tea"}, connector.Env{BaseURL: "https://tea.test"}); err != nil {
		t.Errorf("with the address: %v", err)
	}
}
