package web

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/internal/people"
)

// alertForm is the form of alerts with e-mail, all in order.
func alertForm() url.Values {
	return url.Values{
		"rules.oldest_order.minutes": {"30"}, "rules.connection_down.minutes": {"5"}, "rules.subscription_lost.minutes": {"40"},
		"rules.cause_growing.tasks": {"10"}, "rules.paused.minutes": {"60"}, "remind_minutes": {"240"},
		"email.host": {"smtp.example.com"}, "email.security": {"starttls"}, "email.username": {"orderly"}, "email.password": {"mail secret"},
		"email.from": {"orderly@example.com"}, "email.to": {"ops@example.com"},
	}
}

func TestEveryMistakeInTheAlertsIsTold(t *testing.T) {
	s := newSite(t)
	for name, c := range map[string]struct {
		field  string
		values []string
		says   []string
	}{
		"a network that is none": {"allowed_networks", []string{"10.1.0.0/16, 10.2.0.0"}, []string{`id="allowed_networks-error"`, "10.1.0.0/16, 10.2.0.0"}},
		"too many chats":         {"slack.name", slices.Repeat([]string{"#orders"}, 21), []string{"slack: at most 20 channels"}},
	} {
		form := alertForm()
		form[c.field] = c.values
		if c.field == "slack.name" {
			form["slack.id"], form["slack.url"] = slices.Repeat([]string{""}, 21), slices.Repeat([]string{"https://example.com/hook"}, 21)
		}
		s.post(people.Admin, "/settings/alerts", form).has(t, name, http.StatusUnprocessableEntity, append(c.says, `role="alert"`)...)
	}
	if saved := s.get(people.Admin, "/settings"); strings.Contains(saved.text, `value="smtp.example.com"`) {
		t.Error("what is wrong was saved")
	}
}

func TestAKeptMailPasswordIsNotSentElsewhere(t *testing.T) {
	s := newSite(t)
	form := alertForm()
	if a := s.post(people.Admin, "/settings/alerts", form); a.status != http.StatusSeeOther {
		t.Fatalf("saving: %d\n%s", a.status, mainOf(a.text))
	}
	form.Del("email.password")
	form.Set("email.to", "boss@example.com")
	if a := s.post(people.Admin, "/settings/alerts", form); a.status != http.StatusSeeOther {
		t.Errorf("another recipient: %d\n%s", a.status, mainOf(a.text))
	}
	form.Set("email.host", "smtp.example.org")
	s.post(people.Admin, "/settings/alerts", form).has(t, "another server without a password", http.StatusUnprocessableEntity, "email.password-error", `placeholder="type it again"`)
	form.Set("email.password", "other secret")
	if a := s.post(people.Admin, "/settings/alerts", form); a.status != http.StatusSeeOther {
		t.Errorf("another server with its password: %d\n%s", a.status, mainOf(a.text))
	}
	form.Del("email.password")
	form.Del("email.username")
	if a := s.post(people.Admin, "/settings/alerts", form); a.status != http.StatusSeeOther {
		t.Errorf("no user any more: %d\n%s", a.status, mainOf(a.text))
	}
}

func TestWhatCannotBeSentAgainIsExplained(t *testing.T) {
	s := newSite(t)
	made := s.post(people.Admin, "/settings/webhooks", url.Values{"url": {"https://example.com/hook"}, "events": {"order.synced"}})
	at := regexp.MustCompile(`/settings/webhooks/ep_[a-z0-9]+`).FindString(made.text)
	for _, sending := range []string{"", "x", "99", "99999999999999999999"} {
		s.post(people.Admin, at+"/resend", url.Values{"sending": {sending}}).has(t, "message "+sending, http.StatusNotFound, "no such endpoint or message")
	}
	if a := s.post(people.Admin, at+"/disable", url.Values{}); a.status != http.StatusSeeOther {
		t.Fatalf("disabling: %d", a.status)
	}
	s.post(people.Admin, at+"/resend-failed", url.Values{}).has(t, "an endpoint that is disabled", http.StatusConflict, "enable it first")
}
