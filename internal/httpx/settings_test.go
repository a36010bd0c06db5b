package httpx

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/connector"
)

func TestDefaultsAreTheSystems(t *testing.T) {
	s, rest, problems := BindSettings(connector.Traits{}, nil)
	if len(problems) > 0 || len(rest) > 0 {
		t.Fatalf("%v %v", problems, rest)
	}
	if s.Timeout != 30*time.Second || s.ConnectTimeout != 10*time.Second || s.Concurrency != 4 || s.RatePerSecond != 0 || s.SettleTime != 30*time.Second {
		t.Errorf("got %+v", s)
	}
	s, _, _ = BindSettings(connector.Traits{Concurrency: 5, RatePerSecond: 2, Settle: time.Minute}, map[string]string{"rate_per_second": "1.5"})
	if s.Concurrency != 5 || s.RatePerSecond != 1.5 || s.SettleTime != time.Minute {
		t.Errorf("got %+v", s)
	}
}

func TestWhatIsNotCommonIsTheConnectors(t *testing.T) {
	values := map[string]string{"base_url": "https://erp.example.com/", "api_token": "x", "timeout": "1m"}
	s, rest, problems := BindSettings(connector.Traits{}, values)
	if len(problems) > 0 || !maps.Equal(rest, map[string]string{"api_token": "x"}) {
		t.Errorf("rest %v, problems %v", rest, problems)
	}
	if s.BaseURL != "https://erp.example.com" || s.Timeout != time.Minute || len(values) != 3 {
		t.Errorf("got %+v; values %v", s, values)
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	required := connector.Traits{BaseURL: connector.BaseURLRule{Required: true, Example: "https://acme.odoo.com", Help: "address of your Odoo"}}
	for name, c := range map[string]struct {
		traits connector.Traits
		values map[string]string
		want   []string // problems; none is none
	}{
		"nothing":                            {connector.Traits{}, nil, nil},
		"no base where there is no default":  {required, nil, []string{"base_url: is required: address of your Odoo (for example https://acme.odoo.com)"}},
		"an empty base":                      {required, map[string]string{"base_url": ""}, []string{"base_url: is empty but required"}},
		"a base":                             {required, map[string]string{"base_url": "http://localhost:8069/odoo/"}, nil},
		"a base in capitals":                 {required, map[string]string{"base_url": "HTTPS://ACME.example"}, nil},
		"a base without a scheme":            {required, map[string]string{"base_url": "acme.example"}, []string{"base_url: is no address that begins with https:// or http:// and a host"}},
		"a base of another scheme":           {required, map[string]string{"base_url": "ftp://acme.example"}, []string{"base_url: is no address"}},
		"a base without a host":              {required, map[string]string{"base_url": "https://"}, []string{"base_url: is no address"}},
		"a base with a port alone":           {required, map[string]string{"base_url": "https://:443"}, []string{"base_url: is no address"}},
		"a base that is broken":              {required, map[string]string{"base_url": "https://[::1"}, []string{"base_url: is no address"}},
		"a base with a password":             {required, map[string]string{"base_url": "https://me:hush@acme.example"}, []string{"base_url: must not hold credentials; they have settings of their own"}},
		"a base with a query":                {required, map[string]string{"base_url": "https://acme.example/?key=hush"}, []string{"base_url: must end before any ? or #"}},
		"a base with a fragment":             {required, map[string]string{"base_url": "https://acme.example/#a"}, []string{"base_url: must end before any ? or #"}},
		"a time that is none":                {connector.Traits{}, map[string]string{"timeout": "soon"}, []string{`timeout: "soon"`}},
		"a time of nothing":                  {connector.Traits{}, map[string]string{"timeout": "0s"}, []string{"timeout: 0s is not between 1ms and 10m0s"}},
		"a time without end":                 {connector.Traits{}, map[string]string{"timeout": "11m"}, []string{"timeout: 11m0s is not between 1ms and 10m0s"}},
		"a time to connect below zero":       {connector.Traits{}, map[string]string{"connect_timeout": "-1s"}, []string{"connect_timeout: -1s is not between"}},
		"nothing at once":                    {connector.Traits{}, map[string]string{"concurrency": "0"}, []string{"concurrency: 0 is not between 1 and 256"}},
		"too much at once":                   {connector.Traits{}, map[string]string{"concurrency": "257"}, []string{"concurrency: 257 is not between 1 and 256"}},
		"half a request at once":             {connector.Traits{}, map[string]string{"concurrency": "1.5"}, []string{`concurrency: "1.5"`}},
		"a rate below zero":                  {connector.Traits{}, map[string]string{"rate_per_second": "-1"}, []string{"rate_per_second: is not 0 or more"}},
		"a rate that is no number":           {connector.Traits{}, map[string]string{"rate_per_second": "NaN"}, []string{"rate_per_second: "}},
		"a rate without end":                 {connector.Traits{}, map[string]string{"rate_per_second": "Inf"}, []string{"rate_per_second: "}},
		"no rate":                            {connector.Traits{}, map[string]string{"rate_per_second": "0"}, nil},
		"no time to settle":                  {connector.Traits{}, map[string]string{"settle_time": "0s"}, nil},
		"a day to settle":                    {connector.Traits{}, map[string]string{"settle_time": "24h"}, []string{"settle_time: 24h0m0s is not between 0s and 1h"}},
		"no proxy":                           {connector.Traits{}, map[string]string{"proxy": "none"}, nil},
		"a proxy by SOCKS":                   {connector.Traits{}, map[string]string{"proxy": "socks5://proxy.example:1080"}, nil},
		"a proxy without a scheme":           {connector.Traits{}, map[string]string{"proxy": "proxy.example:3128"}, []string{"proxy: is no address that begins with http://, https:// or socks5:// and a host"}},
		"everything that is wrong, in order": {connector.Traits{}, map[string]string{"timeout": "x", "settle_time": "2h", "concurrency": "-4", "base_url": "x", "proxy": "hush"}, []string{"timeout: ", "base_url: ", "concurrency: ", "proxy: ", "settle_time: "}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, problems := BindSettings(c.traits, c.values)
			var got []string
			for _, p := range problems {
				got = append(got, p.Error())
				if strings.Contains(p.Error(), "hush") {
					t.Errorf("a secret is in %q", p)
				}
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			for i, want := range c.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
		})
	}
}

func TestSettingsAreDescribed(t *testing.T) {
	names := func(traits connector.Traits, fit func(connector.Setting) bool) (out []string) {
		for _, s := range NewSettings(traits).Settings() {
			if s.Help == "" || s.Example == "" {
				t.Errorf("%s has no help or no example", s.Name)
			}
			if fit(s) {
				out = append(out, s.Name)
			}
		}
		return out
	}
	shown := func(s connector.Setting) bool { return !s.Advanced }
	if got := names(connector.Traits{}, shown); len(got) != 0 {
		t.Errorf("shown at once by default: %v", got)
	}
	if got := names(connector.Traits{SelfSigned: true, BaseURL: connector.BaseURLRule{Required: true}}, shown); !slices.Equal(got, []string{"base_url", "ca_file"}) {
		t.Errorf("shown at once for an ERP on premises: %v", got)
	}
	for _, s := range NewSettings(connector.Traits{SelfSigned: true}).Settings() {
		if s.Name == "ca_file" && !strings.Contains(s.Help, "commonly have a certificate of their own") {
			t.Errorf("ca_file says %q", s.Help)
		}
	}
}
