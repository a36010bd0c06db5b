package httpx

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/secret"
)

// gateTo makes a gate over the real network.
func gateTo(t *testing.T, change func(*Settings), options ...func(*Options)) *Gate {
	t.Helper()
	o := Options{Connection: "erp", Settings: NewSettings(connector.Traits{})}
	o.Settings.Proxy = ProxyNone
	change(o.Settings)
	for _, option := range options {
		option(&o)
	}
	gate, err := NewGate(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gate.Close)
	return gate
}

func tlsServer(t *testing.T) (*httptest.Server, string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.Proto) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes fail on purpose
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	write(t, file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	return server, file
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	server, ca := tlsServer(t)
	for name, c := range map[string]struct {
		ca, host string
		fix      string
	}{
		"with the authority's file":   {ca, "127.0.0.1", ""},
		"without it":                  {"", "127.0.0.1", "name the file of its authority in ca_file"},
		"under another host name":     {ca, "localhost", "use the host name that the system's certificate is for in base_url"},
		"a server that speaks no TLS": {ca, "plain", "the system does not answer with TLS: check scheme and port in base_url"},
	} {
		t.Run(name, func(t *testing.T) {
			gate := gateTo(t, func(s *Settings) { s.CAFile = c.ca })
			address, err := url.Parse(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			base := "https://" + net.JoinHostPort(c.host, address.Port())
			if c.host == "plain" {
				plain := httptest.NewServer(http.NotFoundHandler())
				defer plain.Close()
				base = "https://" + strings.TrimPrefix(plain.URL, "http://")
			}
			client := &Client{Base: base, HTTP: gate.Client()}
			resp, err := client.Do(t.Context(), Call{Method: "POST", Path: "/x", JSON: 1})
			if c.fix == "" {
				if err != nil {
					t.Fatal(err)
				}
				if string(resp.Body) != "HTTP/2.0" {
					t.Errorf("the system was asked over %s", resp.Body)
				}
				return
			}
			if kindOf(err) != connector.KindUnavailable || !strings.Contains(detail(t, err).Fix, c.fix) {
				t.Errorf("got %v, want a fix that says %q", err, c.fix)
			}
		})
	}
}

func TestAHostThatDoesNotExistIsSaid(t *testing.T) {
	err := fmt.Errorf("dial: %w", &net.DNSError{Err: "no such host", Name: "acme.invalid", IsNotFound: true})
	if got := transportError(Call{}, false, err); got.Fix != "check the host name in base_url" {
		t.Errorf("fix %q", got.Fix)
	}
	if got := transportError(Call{}, false, &net.DNSError{Err: "the resolver is down", IsTemporary: true}); got.Fix != "" {
		t.Errorf("fix %q for what may pass", got.Fix)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	server.StartTLS()
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	write(t, file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	gate := gateTo(t, func(s *Settings) { s.CAFile = file })
	if _, err := (&Client{Base: server.URL, HTTP: gate.Client()}).Do(t.Context(), Call{Method: "POST", Path: "/x"}); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("got %v", err)
	}
}

func TestFilesOfAuthoritiesThatCannotBeUsed(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "empty.pem"), nil)
	write(t, filepath.Join(folder, "key.pem"), []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	write(t, filepath.Join(folder, "der.pem"), []byte{0x30, 0x82, 1, 2})
	write(t, filepath.Join(folder, "long.pem"), make([]byte, maxCAFile+1))
	for file, want := range map[string]string{
		"none.pem":  "no such file",
		"empty.pem": "holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)",
		"key.pem":   "holds no certificate in PEM form",
		"der.pem":   "holds no certificate in PEM form",
		"long.pem":  "is longer than 1048576 bytes",
		"":          "is a directory",
	} {
		t.Run(file, func(t *testing.T) {
			settings := NewSettings(connector.Traits{})
			settings.CAFile = folder + "/" + file
			_, err := NewGate(Options{Settings: settings})
			problem, ok := errors.AsType[*connector.SettingError](err)
			if !ok || problem.Setting != "ca_file" || !strings.Contains(problem.Message, want) {
				t.Errorf("got %v, want ca_file and %q", err, want)
			}
		})
	}
}

func TestProxies(t *testing.T) {
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.RequestURI+" "+r.Header.Get("Proxy-Authorization"))
		_, _ = fmt.Fprint(w, "through the proxy")
	}))
	defer proxy.Close()
	direct := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "directly") }))
	defer direct.Close()

	redactor := secret.NewRedactor()
	withPassword := strings.Replace(proxy.URL, "http://", "http://user:pass-of-proxy@", 1)
	for name, c := range map[string]struct{ setting, want, asked string }{
		"a proxy":                 {proxy.URL, "through the proxy", direct.URL + "/x "},
		"a proxy with a password": {withPassword, "through the proxy", direct.URL + "/x Basic dXNlcjpwYXNzLW9mLXByb3h5"},
		"none":                    {ProxyNone, "directly", ""},
		"that of the environment": {"", "directly", ""}, // which is not used for this machine
	} {
		t.Run(name, func(t *testing.T) {
			asked = nil
			gate := gateTo(t, func(s *Settings) { s.Proxy = c.setting }, func(o *Options) { o.Redactor = redactor })
			ctx, trace := WithTrace(t.Context())
			resp, err := (&Client{Base: direct.URL, HTTP: gate.Client()}).Do(ctx, Call{Path: "/x"})
			if err != nil {
				t.Fatal(err)
			}
			if string(resp.Body) != c.want || strings.Join(asked, ",") != c.asked {
				t.Errorf("it went %q and the proxy heard %q; want %q and %q", resp.Body, asked, c.want, c.asked)
			}
			if seen := fmt.Sprintf("%+v", trace.Exchanges()); strings.Contains(seen, "pass-of-proxy") || strings.Contains(seen, "dXNlcjpw") {
				t.Errorf("the proxy's password is in the trace: %s", seen)
			}
		})
	}
	if got := redactor.Text("the password is pass-of-proxy"); strings.Contains(got, "pass-of-proxy") {
		t.Errorf("the proxy's password is not masked: %s", got)
	}
	for setting, want := range map[string]bool{ProxyNone: false, "": true, proxy.URL: true} {
		if got := gateTo(t, func(s *Settings) { s.Proxy = setting }).transport.Proxy != nil; got != want {
			t.Errorf("proxy %q: a proxy may be used: %v", setting, got)
		}
	}
	settings := NewSettings(connector.Traits{})
	settings.Proxy = "proxy:3128"
	if _, err := NewGate(Options{Settings: settings}); err == nil || !strings.HasPrefix(err.Error(), "proxy: ") {
		t.Errorf("a proxy that is no address: %v", err)
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400) }))
	connections := 0
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections++
		}
	}
	server.Start()
	defer server.Close()
	gate := gateTo(t, func(*Settings) {})
	client := &Client{Base: server.URL, HTTP: gate.Client()}
	for range 5 {
		if _, err := client.Do(t.Context(), Call{Path: "/x"}); kindOf(err) != connector.KindInvalid {
			t.Fatal(err)
		}
	}
	if connections != 1 {
		t.Errorf("%d connections for five requests one after another", connections)
	}
}
