package notice

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/orderlyhq/orderly/internal/store"
)

// emailReceiver sends a mail to all recipients.
func (n *Notices) emailReceiver(e Email) *receiver {
	return &receiver{id: ChannelEmail, form: "email", together: 1, send: func(ctx context.Context, m store.Message, at time.Time) outcome {
		news, err := readAlert(m)
		if err == nil {
			err = n.mail(ctx, e, m.UID, news, at)
		}
		return outcome{err: err}
	}}
}

func (n *Notices) mail(ctx context.Context, e Email, uid string, news AlertNews, at time.Time) error {
	m := mail.NewMsg()
	if err := m.From(e.From); err != nil {
		return fmt.Errorf("the sender: %w", err)
	}
	if err := m.To(e.To...); err != nil {
		return fmt.Errorf("the recipients: %w", err)
	}
	m.Subject(news.headline())
	m.SetDateWithValue(at)
	m.SetMessageIDWithValue(uid + "@" + domain(e.From)) // the same at each attempt
	m.SetGenHeader("Auto-Submitted", "auto-generated")  // RFC 3834: nobody shall answer automatically
	m.SetUserAgent(n.agent)
	m.SetBodyString(mail.TypeTextPlain, news.text())
	way := &mailWay{to: e, tls: &tls.Config{ServerName: e.Host, RootCAs: n.roots, MinVersion: tls.VersionTLS12}}
	defer way.close()
	client, err := way.client()
	if err != nil {
		return err
	}
	return client.DialAndSendWithContext(ctx, m)
}

// mailWay is the connection to a mail server. It is dialled and closed here, because the client leaves it open when
// something goes wrong before it has signed in.
type mailWay struct {
	to   Email
	tls  *tls.Config
	conn net.Conn
}

// client gives a client that signs in only where nobody listens.
func (w *mailWay) client() (*mail.Client, error) {
	options := []mail.Option{mail.WithTimeout(connectTime), mail.WithTLSConfig(w.tls), mail.WithDialContextFunc(w.dial)}
	auth := mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, mail.SMTPAuthPlain, mail.SMTPAuthLogin, mail.SMTPAuthCramMD5)
	switch w.to.Security {
	case SecurityTLS:
		options = append(options, mail.WithSSL(), mail.WithPort(465))
	case SecurityNone:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS), mail.WithPort(25))
		auth = mail.WithOpportunisticSMTPAuth(mail.SMTPAuthPlainNoEnc, mail.SMTPAuthLoginNoEnc)
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory), mail.WithPort(587))
	}
	if w.to.Port > 0 {
		options = append(options, mail.WithPort(w.to.Port))
	}
	if w.to.Username != "" {
		options = append(options, auth, mail.WithUsername(w.to.Username), mail.WithPassword(string(w.to.Password)))
	}
	client, err := mail.NewClient(w.to.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("the mail server: %w", err)
	}
	return client, nil
}

func (w *mailWay) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	switch w.to.Security {
	case SecurityTLS:
		conn, err = (&tls.Dialer{Config: w.tls}).DialContext(ctx, network, address)
	case SecurityNone:
		conn, err = dialHere(ctx, network, address)
	default:
		conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
	}
	w.conn = conn
	return conn, err
}

func (w *mailWay) close() {
	if w.conn != nil {
		_ = w.conn.Close() // it is closed already when all went well
	}
}

// dialHere connects to this machine alone, whatever a name says.
func dialHere(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if to, ok := conn.RemoteAddr().(*net.TCPAddr); !ok || !to.IP.IsLoopback() {
		return nil, errors.Join(errors.New("without encryption only a mail server on this machine is called"), conn.Close())
	}
	return conn, nil
}
