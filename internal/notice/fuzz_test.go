package notice

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"testing"
	"time"
)

// FuzzRetryAfter: whatever an endpoint answers, the wait is never before now, and seconds are seconds.
func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, seed := range []string{
		"", "0", "120", "-1", "4294967295", "4294967296", "1e9", " 5", "Sun, 01 Mar 2026 12:05:00 GMT", "Sun, 01 Mar 2020 12:05:00 GMT",
		"Sunday, 01-Mar-26 12:05:00 GMT", "Sun Mar  1 12:05:00 2026", "Fri, 31 Dec 9999 23:59:59 GMT", "soon",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		wait := retryAfter(value, now)
		if wait < 0 {
			t.Errorf("%q waits %s", value, wait)
		}
		if at, err := http.ParseTime(value); err == nil && !at.After(now) && wait != 0 {
			t.Errorf("%q is over and waits %s", value, wait)
		}
		if seconds, err := strconv.ParseUint(value, 10, 31); err == nil && wait != time.Duration(seconds)*time.Second {
			t.Errorf("%q waits %s", value, wait)
		}
	})
}

// FuzzCheckURL: what is taken can be called, in secret or on this machine, and at no address that is private by its writing.
func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{
		"https://example.com/hooks/orderly", "https://example.com:8443/?a=b", "http://localhost:8080/hook", "http://127.0.0.1/", "http://[::1]/", "https://10.0.0.1/",
		"https://[fd00::1]/", "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::a00:1]/", "https://[fe80::1%25eth0]/", "https://user:secret@example.com/", "https://example.com/#part",
		"https://", "https:///path", "ftp://example.com", "//example.com", "HTTPS://EXAMPLE.COM", "https://a.localhost./", "https://127.1/", "https://exa mple.com", "https://example.com:x/", "javascript:alert(1)",
	} {
		f.Add(seed)
	}
	var nowhere, here guard
	here.allow([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")})
	f.Fuzz(func(t *testing.T, text string) {
		for _, g := range []*guard{&nowhere, &here} {
			if g.checkURL(text) != nil {
				continue
			}
			u, err := url.Parse(text)
			if err != nil {
				t.Fatalf("%q is taken and is no address: %v", text, err)
			}
			if _, err := http.NewRequestWithContext(t.Context(), http.MethodPost, text, http.NoBody); err != nil {
				t.Errorf("%q is taken and cannot be called: %v", text, err)
			}
			loopback := isLoopback(u.Hostname())
			if u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
				t.Errorf("%q is taken", text)
			}
			if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !public(ip.Unmap().WithZone("")) && (g == &nowhere || !loopback) {
				t.Errorf("%q is taken, at a private address", text)
			}
			if loopback && g == &nowhere {
				t.Errorf("%q is taken, on this machine", text)
			}
		}
	})
}
