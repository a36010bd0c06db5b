package notice

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestPublicAddresses(t *testing.T) {
	for address, want := range map[string]bool{
		"93.184.216.34": true, "8.8.8.8": true, "2606:2800:220:1:248:1893:25c8:1946": true, "2a00:1450:4001::1": true,
		"64:ff9b::808:808": true, "2002:808:808::1": true,

		"127.0.0.1": false, "127.8.9.1": false, "0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "192.0.0.8": false, "192.0.2.1": false, "198.18.0.1": false,
		"198.51.100.7": false, "203.0.113.9": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd00:ec2::254": false, "ff02::1": false, "fec0::1": false,
		"2001:db8::1": false, "100::1": false, "::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::127.0.0.1": false,
		"64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false, "2002:7f00:1::": false, "2002:a00:1::1": false, "64:ff9b:1::1": false,
	} {
		var g guard
		err := g.judge(netip.MustParseAddr(address))
		if got := err == nil; got != want {
			t.Errorf("%s may be called: %v; want %v", address, got, want)
		}
		if private := (*PrivateAddressError)(nil); !want && !errors.As(err, &private) {
			t.Errorf("%s gives %v", address, err)
		}
	}
}

func TestAllowedNetworks(t *testing.T) {
	var g guard
	g.allow([]netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32")})
	for address, want := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.2.0.1": false, "fd00:1::5": true, "fd00:2::5": false, "169.254.169.254": false} {
		if got := g.judge(netip.MustParseAddr(address)) == nil; got != want {
			t.Errorf("%s may be called: %v; want %v", address, got, want)
		}
	}
}

func TestAddressesOfEndpoints(t *testing.T) {
	for address, says := range map[string]string{
		"https://example.com/hooks?token=1": "", "https://example.com:8443": "", "https://93.184.216.34/": "",
		"http://example.com/": "https://", "ftp://example.com/": "https://", "example.com": "such as", "https://": "such as", "https:///x": "such as", "://": "such as",
		"https://anna:secret@example.com/": "user and password", "https://example.com/#x": "#",
		"https://127.0.0.1/": "no public address", "http://127.0.0.1:8080/": "no public address", "http://localhost/": "no public address",
		"https://LOCALHOST./": "no public address", "https://x.localhost/": "no public address", "https://[::1]/": "no public address",
		"https://169.254.169.254/latest/meta-data": "no public address", "https://10.0.0.1/": "no public address", "https://[fd00::1]/": "no public address",
		"https://[::ffff:10.0.0.1]/": "no public address",
	} {
		var g guard
		err := g.checkURL(address)
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s gives %v; want %q", address, err, says)
		}
	}
	var g guard
	g.allow([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	if err := g.checkURL("http://localhost:8080/hook"); err != nil {
		t.Error(err)
	}
}

// nameServer answers every question for an IPv4 address with one, so that names lead where the test wants.
func nameServer(t testing.TB, address string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	ip := netip.MustParseAddr(address).As4()
	go func() {
		defer close(done)
		buffer := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			question := buffer[:n]
			end := 12
			for question[end] != 0 { // labels of the name
				end += int(question[end]) + 1
			}
			end += 5 // the end of the name, type and class
			answer := append([]byte(nil), question[:end]...)
			answer[2], answer[3] = 0x84, 0 // a response, no error
			kind := binary.BigEndian.Uint16(question[end-4:])
			copy(answer[4:12], []byte{0, 1, 0, 0, 0, 0, 0, 0})
			if kind == 1 {
				answer[7] = 1
				answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				answer = append(answer, ip[:]...)
			}
			if _, err := conn.WriteTo(answer, from); err != nil {
				return
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func TestNamesThatLeadInsideAreRefusedWhenDialled(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "10.0.0.5", "169.254.169.254"} {
		f := once(t)
		f.guard.resolver = nameServer(t, address)
		e, _ := f.create("https://inside.example.com/hook") // by its name it is in order
		f.tell("{}", e.ID)
		f.send()
		s := f.sendings(e.ID)[0]
		if len(s.Attempts) != 1 || !strings.Contains(s.Attempts[0].Error, address+" is no public address") || !strings.Contains(s.Attempts[0].Error, "allowed_networks") {
			t.Errorf("%s: attempts %+v", address, s.Attempts)
		}
	}
}

func TestANameThatLeadsToAnAllowedNetworkIsCalled(t *testing.T) {
	f := once(t)
	c := catch(t)
	f.guard.resolver = nameServer(t, "127.0.0.1")
	f.allowLoopback()
	_, port, err := net.SplitHostPort(c.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	e, _ := f.create("https://example.com:" + port + "/hook") // the certificate of the test has this name
	f.tell("{}", e.ID)
	f.send()
	if s := f.sendings(e.ID)[0]; s.State != "sent" || len(c.all()) != 1 {
		t.Errorf("sending %+v", s)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	f := once(t)
	inside, c := catch(t), catch(t)
	f.allowLoopback()
	e, _ := f.create(c.URL)
	c.say(http.StatusTemporaryRedirect, "Location", inside.URL)
	f.tell("{}", e.ID)
	f.send()
	s := f.sendings(e.ID)[0]
	if len(inside.all()) != 0 || len(s.Attempts) != 1 || s.Attempts[0].Status != 307 || !strings.Contains(s.Attempts[0].Error, "redirects are not followed") {
		t.Errorf("sending %+v", s)
	}
}

func TestTheGuardFollowsTheSettings(t *testing.T) {
	f := once(t)
	c := catch(t)
	f.allowLoopback()
	e, _ := f.create(c.URL)
	f.configure(func(c *Config) { c.AllowedNetworks = nil })
	f.client.CloseIdleConnections()
	f.tell("{}", e.ID)
	f.send()
	if s := f.sendings(e.ID)[0]; len(c.all()) != 0 || !strings.Contains(s.Attempts[0].Error, "127.0.0.1 is no public address") {
		t.Errorf("sending %+v", s)
	}
}
