package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate writes a certificate for this machine and its key, and gives who trusts it.
func certificate(t *testing.T, dir string) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "orderly.test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(cert)
	return certFile, keyFile, roots
}

func TestServingByTLS(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile, roots := certificate(t, dir)
	o := &office{world: &world{TB: t, dir: dir, listen: freeAddress(t), data: []string{"--data", filepath.Join(dir, "data")}}}
	o.base = "https://" + o.listen
	args := append([]string{"serve", "--listen", o.listen, "--tls-cert", certFile, "--tls-key", keyFile}, o.data...)
	p := start(t, nil, args...)
	setup := p.say(t, "make the administrator at ")
	if !strings.HasPrefix(setup, o.base+"/setup?code=") {
		t.Errorf("the administrator is made at %s", setup)
	}
	if strings.Contains(p.output.String(), "warning") {
		t.Errorf("there is a warning although there is TLS:\n%s", p.output.String())
	}
	o.user(adminName, "admin")
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.PostForm(o.base+"/sign-in", url.Values{"name": {adminName}, "password": {adminPassword}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var found bool
	for _, c := range resp.Cookies() {
		if c.Name == "__Host-orderly_session" {
			found = c.Secure && c.HttpOnly && c.SameSite == http.SameSiteLaxMode && c.Path == "/"
		}
	}
	if resp.StatusCode != http.StatusSeeOther || !found {
		t.Errorf("signing in is answered %d with the cookies %v", resp.StatusCode, resp.Cookies())
	}
}

func TestWhoLetsOthersInIsWarned(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   []string
		warned bool
	}{
		{"on loopback", []string{"--listen", "127.0.0.1:0"}, false},
		{"on every address", []string{"--listen", "0.0.0.0:0"}, true},
		{"behind a proxy", []string{"--listen", "0.0.0.0:0", "--proxy", "10.0.0.0/8"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, nil, append([]string{"serve", "--data", t.TempDir()}, c.args...)...)
			p.say(t, "orderly listens at ")
			if warned := strings.Contains(p.output.String(), "lets others reach Orderly without TLS"); warned != c.warned {
				t.Errorf("warned: %t\n%s", warned, p.output.String())
			}
		})
	}
	for _, args := range [][]string{{"--proxy", "nowhere"}, {"--tls-cert", "only.pem"}, {"--tls-cert", "no.pem", "--tls-key", "no.pem"}} {
		data := filepath.Join(t.TempDir(), "data")
		if _, stderr, code := runProgram(t, nil, "", append([]string{"serve", "--data", data}, args...)...); code != 2 {
			t.Errorf("serve %v ends with %d: %s", args, code, stderr)
		}
		if _, err := os.Stat(data); !os.IsNotExist(err) {
			t.Errorf("serve %v has touched the data before it looked at its flags: %v", args, err)
		}
	}
}
