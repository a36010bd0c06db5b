package notice

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/store"
)

// mailServer is a small SMTP server that is strict: it takes a mail only from somebody who has signed in, if it knows
// a user, and only over TLS, if it has it.
type mailServer struct {
	t           *testing.T
	host        string
	port        int
	user        string // "" lets everybody in
	password    string
	startTLS    bool
	implicit    bool // TLS from the begin
	refuse      string
	certificate tls.Certificate

	mu    sync.Mutex
	mails []letter
}

type letter struct {
	from      string
	to        []string
	encrypted bool
	signedIn  bool
	data      string
}

func (s *mailServer) start(t *testing.T) *mailServer {
	t.Helper()
	s.t = t
	s.certificate, _ = testCertificate(t)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if s.implicit {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{s.certificate}, MinVersion: tls.VersionTLS12})
	}
	s.host = "127.0.0.1"
	s.port = l.Addr().(*net.TCPAddr).Port
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer conn.Close()
				s.serve(conn)
			})
		}
	})
	t.Cleanup(func() { l.Close(); group.Wait() })
	return s
}

func (s *mailServer) serve(conn net.Conn) {
	encrypted, signedIn := s.implicit, s.user == ""
	in := bufio.NewReader(conn)
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(conn, format+"\r\n", args...) }
	hear := func() string {
		line, err := in.ReadString('\n')
		if err != nil {
			return ""
		}
		return strings.TrimRight(line, "\r\n")
	}
	var l letter
	say("220 mail.test")
	for {
		line := hear()
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "":
			return
		case "EHLO":
			say("250-mail.test")
			if s.startTLS && !encrypted {
				say("250-STARTTLS")
			}
			if s.user != "" {
				say("250-AUTH PLAIN LOGIN")
			}
			say("250 8BITMIME")
		case "STARTTLS":
			if !s.startTLS || encrypted {
				say("502 no")
				continue
			}
			say("220 go ahead")
			secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{s.certificate}, MinVersion: tls.VersionTLS12})
			if err := secured.Handshake(); err != nil {
				return
			}
			conn, in, encrypted = secured, bufio.NewReader(secured), true
		case "AUTH":
			signedIn = s.auth(rest, say, hear)
		case "MAIL":
			if s.startTLS && !encrypted || !signedIn {
				say("530 5.7.0 first encrypt and sign in")
				continue
			}
			l = letter{from: rest, encrypted: encrypted, signedIn: signedIn}
			say("250 ok")
		case "RCPT":
			if s.refuse != "" {
				say("%s", s.refuse)
				continue
			}
			l.to = append(l.to, rest)
			say("250 ok")
		case "DATA":
			say("354 go on")
			var data strings.Builder
			for {
				text, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if text == ".\r\n" {
					break
				}
				data.WriteString(strings.TrimPrefix(text, "."))
			}
			l.data = data.String()
			s.mu.Lock()
			s.mails = append(s.mails, l)
			s.mu.Unlock()
			say("250 queued")
		case "NOOP", "RSET":
			say("250 ok")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("502 no such command")
		}
	}
}

func (s *mailServer) auth(rest string, say func(string, ...any), hear func() string) bool {
	mechanism, first, _ := strings.Cut(rest, " ")
	decode := func(text string) string {
		plain, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return ""
		}
		return string(plain)
	}
	user, password := "", ""
	switch mechanism {
	case "PLAIN":
		parts := strings.Split(decode(first), "\x00")
		if len(parts) == 3 {
			user, password = parts[1], parts[2]
		}
	case "LOGIN":
		say("334 VXNlcm5hbWU6")
		user = decode(hear())
		say("334 UGFzc3dvcmQ6")
		password = decode(hear())
	}
	if user != s.user || password != s.password {
		say("535 5.7.8 wrong user or password")
		return false
	}
	say("235 welcome")
	return true
}

func (s *mailServer) letters() []letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

func (s *mailServer) settings(security Security) *Email {
	return &Email{
		Host: s.host, Port: s.port, Security: security, Username: s.user, Password: connector.Secret(s.password),
		From: "Orderly <orderly@example.com>", To: []string{"anna@example.com", "Ops Team <ops@example.com>"},
	}
}

// readMail gives the header and the decoded text of a mail.
func readMail(t testing.TB, data string) (mail.Header, string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	body := m.Body
	switch m.Header.Get("Content-Transfer-Encoding") {
	case "quoted-printable":
		body = quotedprintable.NewReader(m.Body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, m.Body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return m.Header, strings.ReplaceAll(string(text), "\r\n", "\n")
}

func TestAlertsArriveByMail(t *testing.T) {
	for name, c := range map[string]struct {
		server   *mailServer
		security Security
	}{
		"STARTTLS, signed in": {&mailServer{startTLS: true, user: "orderly", password: "hush hush"}, SecurityStartTLS},
		"STARTTLS, open":      {&mailServer{startTLS: true}, SecurityStartTLS},
		"TLS, signed in":      {&mailServer{implicit: true, user: "orderly", password: "hush hush"}, SecurityTLS},
		"on this machine":     {&mailServer{user: "orderly", password: "hush hush"}, SecurityNone},
	} {
		t.Run(name, func(t *testing.T) {
			f := once(t)
			s := c.server.start(t)
			f.configure(func(config *Config) { config.Email = s.settings(c.security) })
			f.write(func(ctx context.Context, tx store.Tx) error {
				config, err := f.Config(ctx)
				if err != nil {
					return err
				}
				return f.announce(ctx, tx, config, TypeAlertBegun, AlertNews{
					Rule: RulePaused, Subject: "flow/shop-erp", Title: "Flow Köln → ERP is paused", What: "The reason given: holidays.", Since: f.clock.now(),
					Orders: 3, ToDo: "Go on.", Link: "https://orderly.test/flows/shop-erp",
				}, f.clock.now())
			})
			f.send()
			if sent := f.sendings(ChannelEmail); len(sent) != 1 || sent[0].State != store.SendingSent {
				t.Fatalf("sendings %+v", sent)
			}
			letters := s.letters()
			if len(letters) != 1 {
				t.Fatalf("%d mails", len(letters))
			}
			l := letters[0]
			if !strings.HasPrefix(l.from, "FROM:<orderly@example.com>") || len(l.to) != 2 || l.to[1] != "TO:<ops@example.com>" || l.encrypted != (c.security != SecurityNone) {
				t.Errorf("envelope %+v", l)
			}
			header, text := readMail(t, l.data)
			subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
			if err != nil || subject != "Orderly: Flow Köln → ERP is paused" {
				t.Errorf("subject %q, %v", subject, err)
			}
			to, err := header.AddressList("To")
			if err != nil || len(to) != 2 || to[1].Name != "Ops Team" {
				t.Errorf("to %v, %v", to, err)
			}
			if date, err := header.Date(); err != nil || !date.Equal(f.clock.now()) {
				t.Errorf("date %v, %v", date, err)
			}
			if id := header.Get("Message-Id"); !strings.HasPrefix(id, "<msg_") || !strings.HasSuffix(id, "@example.com>") || header.Get("Auto-Submitted") != "auto-generated" {
				t.Errorf("header %v", header)
			}
			want := "The reason given: holidays.\n\nSince: " + clock(f.clock.now()) + "\nConcerned: 3 orders\n\nWhat to do: Go on.\n\nhttps://orderly.test/flows/shop-erp\n"
			if strings.TrimRight(text, "\n") != strings.TrimRight(want, "\n") {
				t.Errorf("text %q; want %q", text, want)
			}
		})
	}
}

func TestMailThatCannotBeSentSaysWhy(t *testing.T) {
	closed := (&mailServer{}).start(t)
	for name, c := range map[string]struct {
		server   *mailServer
		security Security
		change   func(e *Email)
		says     string
	}{
		"a wrong password":        {&mailServer{startTLS: true, user: "orderly", password: "right"}, SecurityStartTLS, func(e *Email) { e.Password = "wrong-hush" }, "wrong user or password"},
		"no STARTTLS":             {&mailServer{}, SecurityStartTLS, nil, "STARTTLS"},
		"TLS where there is none": {&mailServer{}, SecurityTLS, nil, "does not speak TLS"},
		"nobody listens":          {&mailServer{}, SecurityStartTLS, func(e *Email) { e.Port = closed.port }, "nobody listens"},
		"a recipient refused":     {&mailServer{startTLS: true, refuse: "550 5.1.1 no such user"}, SecurityStartTLS, nil, "no such user"},
		"another name":            {&mailServer{startTLS: true}, SecurityStartTLS, func(e *Email) { e.Host = "localhost" }, "for another name"},
	} {
		t.Run(name, func(t *testing.T) {
			f := once(t)
			if c.says == "nobody listens" {
				l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				closed.port = l.Addr().(*net.TCPAddr).Port
				l.Close()
			}
			s := c.server.start(t)
			email := s.settings(c.security)
			if c.change != nil {
				c.change(email)
			}
			f.configure(func(config *Config) { config.Email = email })
			err := f.TestChannel(t.Context(), ChannelEmail)
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "affected") {
				t.Errorf("the test gives %v; want %q", err, c.says)
			}
			if n := len(s.letters()); n != 0 {
				t.Errorf("%d mails", n)
			}
		})
	}
}

func TestWithoutEncryptionNobodyElseIsCalled(t *testing.T) {
	here, err := dialHere(t.Context(), "tcp", "127.0.0.1:"+strconv.Itoa((&mailServer{}).start(t).port))
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		ip, ok := a.(*net.IPNet)
		if !ok || ip.IP.IsLoopback() || ip.IP.To4() == nil {
			continue
		}
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort(ip.IP.String(), "0"))
		if err != nil {
			continue
		}
		defer l.Close()
		if conn, err := dialHere(t.Context(), "tcp", l.Addr().String()); err == nil {
			conn.Close()
			t.Errorf("%s is called without encryption", ip.IP)
		}
	}
}
