package notice

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/mail"
	"net/url"
	"strings"
	"syscall"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// mostError bounds the text of an error that is kept, in bytes.
const mostError = 300

// inWords says what went wrong in words for people. It names no address with a path: there may be tokens in it.
func inWords(err error) string {
	var (
		private   *PrivateAddressError
		status    *StatusError
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		expired   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		sent      *gomail.SendError
		timeout   net.Error
		through   *url.Error
	)
	switch {
	case errors.As(err, &private):
		return private.Error()
	case errors.As(err, &status):
		return status.Error()
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("there is no host %s: check the name", dns.Name)
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s could not be looked up", dns.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused: nobody listens at that host and port"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no way to that host"
	case errors.As(err, &authority):
		return "its certificate is from an authority that this machine does not know"
	case errors.As(err, &host):
		return "its certificate is for another name than that of the address"
	case errors.As(err, &expired):
		return "its certificate is not valid: it must be renewed or corrected"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "it does not speak TLS at that port"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("no answer within %d seconds", int(sendTime.Seconds()))
	case errors.As(err, &sent):
		text, _, _ := strings.Cut(sent.Error(), ", affected ")
		return shorten("the mail server refused it: " + text)
	case errors.As(err, &through):
		return shorten(through.Err.Error())
	}
	return shorten(err.Error())
}

func shorten(text string) string {
	text = strings.ToValidUTF8(strings.Join(strings.Fields(text), " "), "")
	if len(text) > mostError {
		return strings.ToValidUTF8(text[:mostError], "") + "…"
	}
	return text
}

// domain is what follows @ in a mail address.
func domain(address string) string {
	if parsed, err := mail.ParseAddress(address); err == nil {
		address = parsed.Address
	}
	return address[strings.LastIndex(address, "@")+1:]
}

// clock writes a time for people.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// span writes how long something takes, in its two largest units.
func span(d time.Duration) string {
	minutes := int(max(d, 0) / time.Minute)
	days, hours := minutes/(24*60), minutes/60%24
	switch {
	case days > 0 && hours > 0:
		return fmt.Sprintf("%d d %d h", days, hours)
	case days > 0:
		return fmt.Sprintf("%d d", days)
	case hours > 0 && minutes%60 > 0:
		return fmt.Sprintf("%d h %d min", hours, minutes%60)
	case hours > 0:
		return fmt.Sprintf("%d h", hours)
	}
	return fmt.Sprintf("%d min", minutes)
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
