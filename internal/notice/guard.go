package notice

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// guard keeps messages from being sent to places inside the network of this machine that people outside must not reach
// by way of Orderly: the address is judged at the moment of dialling, after names were looked up.
type guard struct {
	// allowed are the private networks that may be called; they change with the settings.
	allowed atomic.Pointer[[]netip.Prefix]
	// resolver looks names up; nil is the machine's.
	resolver *net.Resolver
}

func (g *guard) allow(list []netip.Prefix) { g.allowed.Store(&list) }

// dial connects to a public address, or to one in a network that the settings allow.
func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: connectTime, KeepAlive: 30 * time.Second, Resolver: g.resolver, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("the address %s cannot be judged: %w", address, err)
		}
		return g.judge(to.Addr())
	}}
	return dialer.DialContext(ctx, network, address)
}

// PrivateAddressError says that an endpoint is at an address that may not be called.
type PrivateAddressError struct{ Address netip.Addr }

func (e *PrivateAddressError) Error() string {
	return fmt.Sprintf("%s is no public address (it is on this machine or in a private network); if this is meant, add its network to allowed_networks in the settings of notices", e.Address)
}

func (g *guard) judge(address netip.Addr) error {
	address = address.Unmap().WithZone("")
	if allowed := g.allowed.Load(); allowed != nil && slices.ContainsFunc(*allowed, func(p netip.Prefix) bool { return p.Contains(address) }) {
		return nil
	}
	if public(address) {
		return nil
	}
	return &PrivateAddressError{Address: address}
}

// special are the blocks that are not for the public Internet, beside those that package netip knows (IANA IPv4 and IPv6
// Special-Purpose Address Registries).
func special() []string {
	return []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
	}
}

// Blocks whose addresses carry an IPv4 address, and where it begins in them.
const (
	nat64  = "64:ff9b::/96" // RFC 6052
	sixTo4 = "2002::/16"    // RFC 3056
)

func public(address netip.Addr) bool {
	if !address.IsGlobalUnicast() || address.IsPrivate() {
		return false // loopback, link-local, multicast, unspecified, private
	}
	for _, block := range special() {
		if netip.MustParsePrefix(block).Contains(address) {
			return false
		}
	}
	if address.Is6() {
		raw := address.As16()
		switch {
		case netip.MustParsePrefix(nat64).Contains(address):
			return public(netip.AddrFrom4([4]byte(raw[12:16])))
		case netip.MustParsePrefix(sixTo4).Contains(address):
			return public(netip.AddrFrom4([4]byte(raw[2:6])))
		}
		// What the Internet has given out so far: anything else is compatible or translated IPv4, or nothing yet.
		return netip.MustParsePrefix("2000::/3").Contains(address)
	}
	return true
}

// checkURL judges what can be judged of an address by reading it. Names are judged when they are dialled.
func (g *guard) checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Hostname() == "" {
		return errors.New("write an address such as https://example.com/hooks/orderly")
	}
	if u.User != nil {
		return errors.New("leave user and password out of the address: messages are signed instead")
	}
	if u.Fragment != "" {
		return errors.New("leave out what follows #: it is never sent")
	}
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	isIP := err == nil
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && (isLocalhost(host) || isIP && ip.Unmap().IsLoopback()):
	default:
		return errors.New("begin with https://; http:// is for this machine alone")
	}
	if isIP {
		return g.judge(ip)
	}
	if isLocalhost(host) {
		return g.judge(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	}
	return nil
}

func isLocalhost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// isLoopback says whether a host is this machine, by its writing.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return isLocalhost(host) || err == nil && ip.Unmap().IsLoopback()
}
