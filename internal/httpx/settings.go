package httpx

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
)

// Bounds and defaults of the settings that every connection has.
const (
	defaultTimeout        = 30 * time.Second
	defaultConnectTimeout = 10 * time.Second
	defaultConcurrency    = 4
	defaultSettle         = 30 * time.Second

	maxTimeout     = 10 * time.Minute
	maxConcurrency = 256
)

// ProxyNone is the value of the proxy setting that uses no proxy, whatever the environment says.
const ProxyNone = "none"

// Settings are the settings that every connection has, whatever its system.
type Settings struct {
	BaseURL        string // without a trailing slash
	Timeout        time.Duration
	ConnectTimeout time.Duration
	Concurrency    int
	RatePerSecond  float64 // 0 is no limit of our own
	CAFile         string
	Proxy          string // "", ProxyNone or an address
	SettleTime     time.Duration

	traits connector.Traits
}

// NewSettings gives the settings of a connection with the defaults of its system.
func NewSettings(traits connector.Traits) *Settings {
	return &Settings{
		Timeout:        defaultTimeout,
		ConnectTimeout: defaultConnectTimeout,
		Concurrency:    cmp.Or(traits.Concurrency, defaultConcurrency),
		RatePerSecond:  traits.RatePerSecond,
		SettleTime:     cmp.Or(traits.Settle, defaultSettle),
		traits:         traits,
	}
}

// Settings describes each setting, bound to the fields of the receiver.
func (s *Settings) Settings() []connector.Setting {
	base := []connector.Option{connector.Example(cmp.Or(s.traits.BaseURL.Example, "https://erp.example.com"))}
	if s.traits.BaseURL.Required {
		base = append(base, connector.Required())
	} else {
		base = append(base, connector.Advanced())
	}
	caHelp := "PEM file with further certificate authorities to trust, beside those of the machine"
	ca := []connector.Option{connector.Example("/etc/ssl/erp-ca.pem")}
	if s.traits.SelfSigned {
		caHelp += "; installations of this system commonly have a certificate of their own"
	} else {
		ca = append(ca, connector.Advanced())
	}
	return []connector.Setting{
		connector.String(&s.BaseURL, "base_url", cmp.Or(s.traits.BaseURL.Help, "address of the system, when it is not the usual one"), base...),
		connector.Duration(&s.Timeout, "timeout", "how long one request may take, from sending it to the end of the answer", connector.Advanced(), connector.Example("30s")),
		connector.Duration(&s.ConnectTimeout, "connect_timeout", "how long connecting may take, and the TLS handshake after it", connector.Advanced(), connector.Example("10s")),
		connector.Int(&s.Concurrency, "concurrency", "requests at once, and so records at once", connector.Advanced(), connector.Example("4")),
		connector.Number(&s.RatePerSecond, "rate_per_second", "requests a second on average; 0 is no limit", connector.Advanced(), connector.Example("2.5")),
		connector.String(&s.CAFile, "ca_file", caHelp, ca...),
		connector.String(&s.Proxy, "proxy", "address of an HTTP proxy; empty follows HTTPS_PROXY of the environment, none uses no proxy", connector.Advanced(), connector.Example("http://proxy.example.com:3128")),
		connector.Duration(&s.SettleTime, "settle_time", "how long a request without a clear answer may still take effect; only then is its result searched for", connector.Advanced(), connector.Example("30s")),
	}
}

// BindSettings takes the settings that every connection has out of a connection's values, and gives
// the rest, which is the connector's own. It gives every problem found.
func BindSettings(traits connector.Traits, values map[string]string) (s *Settings, rest map[string]string, problems []*connector.SettingError) {
	s = NewSettings(traits)
	settings := s.Settings()
	rest = maps.Clone(values)
	common := map[string]string{}
	for _, setting := range settings {
		if value, ok := values[setting.Name]; ok {
			common[setting.Name] = value
			delete(rest, setting.Name)
		}
	}
	problems = connector.Bind(settings, common)
	return s, rest, append(problems, s.check(problems)...)
}

// check finds what is wrong with values that could be read; a setting with a problem already is
// not judged twice.
func (s *Settings) check(known []*connector.SettingError) []*connector.SettingError {
	var found []*connector.SettingError
	fail := func(name, format string, args ...any) {
		if !slices.ContainsFunc(known, func(p *connector.SettingError) bool { return p.Setting == name }) {
			found = append(found, &connector.SettingError{Setting: name, Message: fmt.Sprintf(format, args...)})
		}
	}
	if s.BaseURL != "" {
		clean, why := cleanBase(s.BaseURL)
		if why != "" {
			fail("base_url", "%s", why)
		}
		s.BaseURL = clean
	}
	for name, d := range map[string]time.Duration{"timeout": s.Timeout, "connect_timeout": s.ConnectTimeout} {
		if d <= 0 || d > maxTimeout {
			fail(name, "%s is not between 1ms and %s", d, maxTimeout)
		}
	}
	if s.SettleTime < 0 || s.SettleTime > time.Hour {
		fail("settle_time", "%s is not between 0s and 1h", s.SettleTime)
	}
	if s.Concurrency < 1 || s.Concurrency > maxConcurrency {
		fail("concurrency", "%d is not between 1 and %d", s.Concurrency, maxConcurrency)
	}
	if s.RatePerSecond < 0 || math.IsNaN(s.RatePerSecond) || math.IsInf(s.RatePerSecond, 0) {
		fail("rate_per_second", "is not 0 or more")
	}
	if _, err := proxyURL(s.Proxy); err != nil {
		fail("proxy", "%v", err)
	}
	slices.SortFunc(found, func(a, b *connector.SettingError) int { return strings.Compare(a.Setting, b.Setting) })
	return found
}

// cleanBase gives a base address without its trailing slash, or says why it cannot be one.
func cleanBase(text string) (clean, why string) {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return text, "is no address that begins with https:// or http:// and a host"
	case u.User != nil:
		return text, "must not hold credentials; they have settings of their own"
	case u.RawQuery != "" || u.Fragment != "":
		return text, "must end before any ? or #"
	}
	return strings.TrimRight(u.String(), "/"), ""
}

// proxyURL reads the proxy setting; nil is none of our own.
func proxyURL(text string) (*url.URL, error) {
	if text == "" || text == ProxyNone {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5") {
		return nil, fmt.Errorf("is no address that begins with http://, https:// or socks5:// and a host")
	}
	return u, nil
}
