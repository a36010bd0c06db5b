package httpx

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/orderlyhq/orderly/connector"
)

// maxCAFile bounds a file of certificates, in bytes; all that browsers trust is a quarter of it.
const maxCAFile = 1 << 20

// newTransport makes the transport under everything: certificates are always verified.
func newTransport(s *Settings) (*http.Transport, error) {
	roots, err := roots(s.CAFile)
	if err != nil {
		return nil, &connector.SettingError{Setting: "ca_file", Message: err.Error()}
	}
	proxy, err := proxyURL(s.Proxy)
	if err != nil {
		return nil, &connector.SettingError{Setting: "proxy", Message: err.Error()}
	}
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: s.ConnectTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    s.ConnectTimeout,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
		MaxIdleConns:           s.Concurrency,
		MaxIdleConnsPerHost:    s.Concurrency,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 1 << 20,
	}
	switch {
	case s.Proxy == ProxyNone:
		t.Proxy = nil
	case proxy != nil:
		t.Proxy = http.ProxyURL(proxy)
	}
	return t, nil
}

// roots gives the machine's certificate authorities and those of a file; nil is the machine's.
func roots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	pem, err := io.ReadAll(io.LimitReader(f, maxCAFile+1))
	if err != nil {
		return nil, err
	}
	if len(pem) > maxCAFile {
		return nil, fmt.Errorf("%s is longer than %d bytes", path, maxCAFile)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", path)
	}
	return pool, nil
}

// maxRedirects is how many redirects a request follows.
const maxRedirects = 5

// followRedirect follows a redirect only where nothing can be lost or leak: on the same host, over
// the same scheme, and only for requests that read. The others are answered with the redirect.
func followRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	reads := first.Method == http.MethodGet || first.Method == http.MethodHead
	if !reads && (req.Method != first.Method || !callOf(first).Safe) {
		return http.ErrUseLastResponse
	}
	if len(via) > maxRedirects || !sameOrigin(first.URL, req.URL) {
		return http.ErrUseLastResponse
	}
	return nil
}

// sameOrigin says whether two addresses have one scheme, host and port (RFC 6454).
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && a.Hostname() == b.Hostname() && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}

// fixOf says what a person can do about an error of the transport; "" where nothing is known.
func fixOf(err error) string {
	var (
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		dns     *net.DNSError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &unknown):
		return "if the system has a certificate of its own, name the file of its authority in ca_file"
	case errors.As(err, &host):
		return "use the host name that the system's certificate is for in base_url"
	case errors.As(err, &invalid):
		return "the system's certificate must be renewed or corrected"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "check the host name in base_url"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "the system does not answer with TLS: check scheme and port in base_url"
	}
	return ""
}
