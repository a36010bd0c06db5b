package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderlyhq/orderly/internal/store"
)

func TestTheDefaultsAreInOrder(t *testing.T) {
	if problems := DefaultConfig().Check(); len(problems) != 0 {
		t.Errorf("%+v", problems)
	}
	f := once(t)
	c, err := f.Config(t.Context())
	if diff := cmp.Diff(DefaultConfig(), c); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// fullConfig has everything, with secrets.
func fullConfig() Config {
	c := DefaultConfig()
	c.Rules.OldestOrder.Flows = map[string]int{"shop-erp": 15}
	c.Rules.Paused.On = false
	c.Email = &Email{
		Host: "smtp.example.com", Security: SecurityStartTLS, Username: "orderly", Password: "hush-mail", From: "orderly@example.com", To: []string{"ops@example.com"},
	}
	c.Slack = []Slack{{Name: "#orders", URL: "https://hooks.example.com/hush-one"}, {Name: "#ops", URL: "https://hooks.example.com/hush-two"}}
	c.AllowedNetworks = []string{"10.1.0.0/16"}
	return c
}

func TestSettingsAreKeptSealedAndNeverShowSecrets(t *testing.T) {
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		if err := f.SaveConfig(ctx, fullConfig(), "anna", "first"); err != nil {
			f.t.Fatal(err)
		}
		c, err := f.Config(ctx)
		if err != nil || c.Email.Password != "hush-mail" || c.Slack[1].URL != "https://hooks.example.com/hush-two" || c.Slack[0].ID == "" || c.Slack[0].ID == c.Slack[1].ID {
			f.t.Fatalf("config %+v, %v", c, err)
		}
		want := fullConfig()
		want.Slack[0].ID, want.Slack[1].ID = c.Slack[0].ID, c.Slack[1].ID
		if diff := cmp.Diff(want, c); diff != "" {
			f.t.Errorf("(-want +got):\n%s", diff)
		}
		shown, err := json.Marshal(c)
		if err != nil || strings.Contains(string(shown)+fmt.Sprintf("%v %+v %#v", c.Slack, c.Slack, *c.Email), "hush") {
			f.t.Errorf("shown are %s, %v", shown, err)
		}
		f.noRowHas("hush")

		// A form gives back what it was shown, with one change, in another order and with a channel gone.
		var edited Config
		if err := json.Unmarshal(shown, &edited); err != nil {
			f.t.Fatal(err)
		}
		edited.RemindMinutes = 30
		edited.Slack = []Slack{edited.Slack[1]}
		f.tell("{}", c.Slack[0].Channel())
		if err := f.SaveConfig(ctx, edited, "anna", "second"); err != nil {
			f.t.Fatal(err)
		}
		want.RemindMinutes, want.Slack = 30, want.Slack[1:]
		if c, err = f.Config(ctx); err != nil {
			f.t.Fatal(err)
		}
		if diff := cmp.Diff(want, c); diff != "" {
			f.t.Errorf("after the form (-want +got):\n%s", diff)
		}
		if len(f.sendings(slackPrefix+want.Slack[0].ID)) != 0 || f.audit() != "change, change" {
			f.t.Errorf("audit %s", f.audit())
		}
	})
}

// noRowHas fails when a secret can be read in the rows that settings leave.
func (f *fixture) noRowHas(secret string) {
	f.t.Helper()
	for _, query := range []string{`SELECT value FROM sealed_settings`, `SELECT detail FROM audit`, `SELECT value FROM meta`} {
		err := f.store.Read(f.t.Context(), func(ctx context.Context, tx store.Tx) error {
			rows, err := tx.Query(ctx, query)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var value []byte
				if err := rows.Scan(&value); err != nil {
					return err
				}
				if strings.Contains(string(value), secret) {
					f.t.Errorf("%s gives %q", query, value)
				}
			}
			return rows.Err()
		})
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

func TestWrongSettingsAreRefusedByField(t *testing.T) {
	for field, change := range map[string]func(c *Config){
		"rules.oldest_order.minutes":        func(c *Config) { c.Rules.OldestOrder.Minutes = 0 },
		"rules.oldest_order.flows.shop-erp": func(c *Config) { c.Rules.OldestOrder.Flows["shop-erp"] = -1 },
		"rules.connection_down.minutes":     func(c *Config) { c.Rules.ConnectionDown.Minutes = -5 },
		"rules.subscription_lost.minutes":   func(c *Config) { c.Rules.SubscriptionLost.Minutes = mostMinutes + 1 },
		"rules.cause_growing.tasks":         func(c *Config) { c.Rules.CauseGrowing.Tasks = 0 },
		"rules.paused.minutes":              func(c *Config) { c.Rules.Paused.Minutes = 0 },
		"remind_minutes":                    func(c *Config) { c.RemindMinutes = -1 },
		"email.host":                        func(c *Config) { c.Email.Host = "" },
		"email.port":                        func(c *Config) { c.Email.Port = 65536 },
		"email.security":                    func(c *Config) { c.Email.Security = SecurityNone },
		"email.username":                    func(c *Config) { c.Email.Username = "" },
		"email.password":                    func(c *Config) { c.Email.Password = "" },
		"email.from":                        func(c *Config) { c.Email.From = "orderly" },
		"email.to":                          func(c *Config) { c.Email.To = nil },
		"email.to[1]":                       func(c *Config) { c.Email.To = []string{"ops@example.com", "ops"} },
		"slack[0].name":                     func(c *Config) { c.Slack[0].Name = " " },
		"slack[1].url":                      func(c *Config) { c.Slack[1].URL = "https://192.168.1.1/hook" },
		"slack":                             func(c *Config) { c.Slack = make([]Slack, mostChannels+1) },
		"allowed_networks[0]":               func(c *Config) { c.AllowedNetworks[0] = "10.1.0.0" },
		"allowed_networks":                  func(c *Config) { c.AllowedNetworks = strings.Fields(strings.Repeat("10.0.0.0/8 ", mostNetworks+1)) },
	} {
		c := fullConfig()
		change(&c)
		problems := c.Check()
		if len(problems) == 0 || problems[0].Field != field || problems[0].Message == "" {
			t.Errorf("%s: problems %+v", field, problems)
		}
	}
	f := once(t)
	c := fullConfig()
	c.Email.Host = ""
	err := f.SaveConfig(t.Context(), c, "anna", "")
	if wrong, ok := errors.AsType[*InvalidError](err); !ok || wrong.Problems[0].Field != "email.host" {
		t.Errorf("saving gives %v", err)
	}
	if c, err := f.Config(t.Context()); err != nil || c.Email != nil {
		t.Errorf("kept %+v, %v", c, err)
	}
}

func TestASecretThatIsNotThereStaysEmpty(t *testing.T) {
	f := once(t)
	c := DefaultConfig()
	c.Slack = []Slack{{ID: "made-up", Name: "#x", URL: Kept()}}
	if err := f.SaveConfig(t.Context(), c, "anna", ""); err == nil || !strings.Contains(err.Error(), "slack[0].url") {
		t.Errorf("saving a secret that was never given gives %v", err)
	}
}

func TestAPasswordGoesToItsServerAlone(t *testing.T) {
	for name, change := range map[string]func(e *Email){
		"another server":     func(e *Email) { e.Host = "smtp.example.org" },
		"another port":       func(e *Email) { e.Port = 2525 },
		"another protection": func(e *Email) { e.Security = SecurityTLS },
	} {
		t.Run(name, func(t *testing.T) {
			f := once(t)
			if err := f.SaveConfig(t.Context(), fullConfig(), "anna", ""); err != nil {
				t.Fatal(err)
			}
			c := fullConfig()
			c.Email.Password = Kept()
			change(c.Email)
			err := f.SaveConfig(t.Context(), c, "anna", "")
			if wrong, ok := errors.AsType[*InvalidError](err); !ok || len(wrong.Problems) != 1 || wrong.Problems[0].Field != "email.password" {
				t.Errorf("saving without the password gives %v", err)
			}
			c.Email.Password = "hush-other"
			if err := f.SaveConfig(t.Context(), c, "anna", ""); err != nil {
				t.Errorf("saving with the password gives %v", err)
			}
			c.Email.To, c.Email.Password = []string{"other@example.com"}, Kept()
			if err := f.SaveConfig(t.Context(), c, "anna", ""); err != nil {
				t.Errorf("saving another recipient gives %v", err)
			}
			if now, err := f.Config(t.Context()); err != nil || now.Email.Password != "hush-other" {
				t.Errorf("kept %+v, %v", now.Email, err)
			}
		})
	}
}
