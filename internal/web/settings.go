package web

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/notice"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

func (s *Server) settingRoutes() []route {
	return []route{
		{pattern: "GET /settings", need: people.Viewer, serve: s.serveAlerts},
		{pattern: "POST /settings/alerts", need: people.Admin, serve: s.saveAlerts},
		{pattern: "POST /settings/channels/test", need: people.Admin, serve: s.testChannel},
		{pattern: "GET /settings/webhooks", need: people.Admin, serve: s.serveEndpoints},
		{pattern: "POST /settings/webhooks", need: people.Admin, serve: s.createEndpoint},
		{pattern: "GET /settings/webhooks/{id}", need: people.Admin, serve: s.serveEndpoint},
		{pattern: "POST /settings/webhooks/{id}/{action}", need: people.Admin, serve: s.changeEndpoint},
		{pattern: "GET /settings/sign-in", need: people.Admin, serve: s.serveProvider},
		{pattern: "POST /settings/sign-in", need: people.Admin, serve: s.saveProvider},
		{pattern: "POST /settings/sign-in/remove", need: people.Admin, serve: s.removeProvider},
	}
}

// settingTabs are the parts of the settings, with the role that sees them.
var settingTabs = []struct {
	path, title string
	need        people.Role
}{
	{"/settings", "Alerts", people.Viewer},
	{"/settings/webhooks", "Outgoing webhooks", people.Admin},
	{"/settings/sign-in", "Sign-in", people.Admin},
}

const (
	alertLimit   = 30
	sendingLimit = 50
)

// alertsForm is what the page of alerts shows.
type alertsForm struct {
	config  notice.Config
	wrong   map[string]string
	lasting []notice.Alert
	over    []notice.Alert
}

func (s *Server) serveAlerts(w http.ResponseWriter, v *visit) error {
	config, err := s.notices.Config(v.Context())
	if err != nil {
		return err
	}
	return s.showAlerts(w, v, http.StatusOK, alertsForm{config: config})
}

func (s *Server) showAlerts(w http.ResponseWriter, v *visit, status int, form alertsForm) error {
	var err error
	if form.lasting, err = s.notices.Alerts(v.Context(), false, 0, alertLimit); err != nil {
		return err
	}
	if form.over, err = s.notices.Alerts(v.Context(), true, 0, alertLimit); err != nil {
		return err
	}
	return s.write(w, v, status, s.layout(v, page{Title: "Alerts", Nav: "/settings"}, alertsPage(v, form)))
}

// saveAlerts keeps the rules and channels. What is wrong stands beside its field, with what was typed.
func (s *Server) saveAlerts(w http.ResponseWriter, v *visit) error {
	before, err := s.notices.Config(v.Context())
	if err != nil {
		return err
	}
	config, wrong := readAlerts(v, before)
	if len(wrong) == 0 {
		err := s.notices.SaveConfig(v.Context(), config, v.person.Who(), v.form("why"))
		invalid, ok := errors.AsType[*notice.InvalidError](err)
		if err != nil && !ok {
			return err
		}
		if err == nil {
			return s.done(w, v, "/settings", "The alerts are saved.")
		}
		wrong = problemsByField(invalid)
	}
	return s.showAlerts(w, v, http.StatusUnprocessableEntity, alertsForm{config: config, wrong: wrong})
}

func problemsByField(e *notice.InvalidError) map[string]string {
	out := map[string]string{}
	for _, p := range e.Problems {
		out[p.Field] = p.Message
	}
	return out
}

// alertFields are the fields of the page of alerts that show what is wrong with them.
var alertFields = []string{
	"rules.oldest_order.minutes", "rules.connection_down.minutes", "rules.subscription_lost.minutes", "rules.cause_growing.tasks", "rules.paused.minutes",
	"remind_minutes", "email.host", "email.port", "email.security", "email.username", "email.password", "email.from", "email.to", "allowed_networks",
}

// misplaced gives what is wrong with something that has no field on the page of alerts.
func (f alertsForm) misplaced() []string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(f.wrong)) {
		isChannel := strings.HasPrefix(name, "slack[")
		isField := slices.ContainsFunc(alertFields, func(field string) bool { return partOf(name, field) })
		if !isChannel && !isField {
			texts = append(texts, name+": "+f.wrong[name])
		}
	}
	return texts
}

// secretText is what stands in the empty field of a secret. One that was typed is not shown again after a mistake.
func (f alertsForm) secretText(field string, secret connector.Secret) string {
	if secret != "" && len(f.wrong) > 0 && (secret != notice.Kept() || f.wrong[field] != "") {
		return "type it again"
	}
	return keepText(secret != "")
}

// readAlerts reads the form of alerts. Secrets that were left empty stay as they are.
func readAlerts(v *visit, before notice.Config) (notice.Config, map[string]string) {
	wrong := map[string]string{}
	number := func(field string) int {
		n, err := strconv.Atoi(v.form(field))
		if err != nil {
			wrong[field] = "write a whole number"
		}
		return n
	}
	on := func(field string) bool { return v.form(field) == "yes" }
	c := before
	c.Rules = notice.Rules{
		OldestOrder:      notice.OldestOrder{On: on("rules.oldest_order.on"), Minutes: number("rules.oldest_order.minutes"), Flows: before.Rules.OldestOrder.Flows},
		ConnectionDown:   notice.Lasting{On: on("rules.connection_down.on"), Minutes: number("rules.connection_down.minutes")},
		SubscriptionLost: notice.Lasting{On: on("rules.subscription_lost.on"), Minutes: number("rules.subscription_lost.minutes")},
		CauseGrowing:     notice.Growing{On: on("rules.cause_growing.on"), Tasks: number("rules.cause_growing.tasks")},
		Paused:           notice.Lasting{On: on("rules.paused.on"), Minutes: number("rules.paused.minutes")},
		EndpointDisabled: notice.Switch{On: on("rules.endpoint_disabled.on")},
	}
	c.RemindMinutes = number("remind_minutes")
	c.AllowedNetworks = list(v.form("allowed_networks"))
	c.Email = nil
	if host := v.form("email.host"); host != "" {
		c.Email = &notice.Email{
			Host: host, Security: notice.Security(v.form("email.security")), Username: v.form("email.username"),
			Password: connector.Secret(v.PostFormValue("email.password")), From: v.form("email.from"), To: list(v.form("email.to")),
		}
		if v.form("email.port") != "" {
			c.Email.Port = number("email.port")
		}
		if c.Email.Password == "" && c.Email.Username != "" && before.Email != nil {
			c.Email.Password = notice.Kept()
		}
	}
	c.Slack = nil
	ids, names, urls := v.PostForm["slack.id"], v.PostForm["slack.name"], v.PostForm["slack.url"]
	for i := range min(len(ids), len(names), len(urls)) {
		name, url := strings.TrimSpace(names[i]), strings.TrimSpace(urls[i])
		if name == "" && url == "" {
			continue // a channel whose name was taken away is removed
		}
		channel := notice.Slack{ID: ids[i], Name: name, URL: connector.Secret(url)}
		if url == "" && slices.ContainsFunc(before.Slack, func(old notice.Slack) bool { return old.ID == ids[i] }) {
			channel.URL = notice.Kept()
		}
		c.Slack = append(c.Slack, channel)
	}
	return c, wrong
}

// list splits a text at commas, blanks and ends of lines.
func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || r == '\n' || r == '\r' || r == ' ' })
}

func (s *Server) testChannel(w http.ResponseWriter, v *visit) error {
	if err := s.notices.TestChannel(v.Context(), v.form("channel")); err != nil {
		return &problem{status: http.StatusBadGateway, title: "The test message did not arrive", text: err.Error(), back: "/settings"}
	}
	return s.done(w, v, "/settings", "The test message is sent. Look whether it has arrived.")
}

// endpointForm is what the page of outgoing webhooks shows beside the list.
type endpointForm struct {
	draft  notice.EndpointDraft
	wrong  map[string]string
	secret string // of an endpoint that was just made
}

func (s *Server) serveEndpoints(w http.ResponseWriter, v *visit) error {
	return s.showEndpoints(w, v, http.StatusOK, endpointForm{draft: notice.EndpointDraft{Events: []string{"order.synced", "order.held", "order.failed"}}})
}

func (s *Server) showEndpoints(w http.ResponseWriter, v *visit, status int, form endpointForm) error {
	endpoints, err := s.notices.Endpoints(v.Context())
	if err != nil {
		return err
	}
	return s.write(w, v, status, s.layout(v, page{Title: "Outgoing webhooks", Nav: "/settings"}, endpointsPage(v, endpoints, form)))
}

func readEndpoint(v *visit) notice.EndpointDraft {
	return notice.EndpointDraft{URL: v.form("url"), Description: v.form("description"), Events: v.PostForm["events"]}
}

func (s *Server) createEndpoint(w http.ResponseWriter, v *visit) error {
	draft := endpointForm{draft: readEndpoint(v)}
	_, secret, err := s.notices.CreateEndpoint(v.Context(), draft.draft, v.person.Who(), v.form("why"))
	if invalid, ok := errors.AsType[*notice.InvalidError](err); ok {
		draft.wrong = problemsByField(invalid)
		return s.showEndpoints(w, v, http.StatusUnprocessableEntity, draft)
	}
	if err != nil {
		return err
	}
	return s.showEndpoints(w, v, http.StatusOK, endpointForm{secret: secret})
}

func (s *Server) serveEndpoint(w http.ResponseWriter, v *visit) error {
	return s.showEndpoint(w, v, http.StatusOK, endpointForm{})
}

func (s *Server) showEndpoint(w http.ResponseWriter, v *visit, status int, form endpointForm) error {
	endpoint, err := s.notices.Endpoint(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	if form.wrong == nil {
		form.draft = notice.EndpointDraft{URL: endpoint.URL, Description: endpoint.Description, Events: endpoint.Events}
	}
	before, _ := strconv.ParseInt(v.query("before"), 10, 64) // what is no number is the first page
	sendings, err := s.notices.Sendings(v.Context(), store.SendingFilter{Endpoint: endpoint.ID, BeforeID: before, Limit: sendingLimit + 1})
	if err != nil {
		return err
	}
	next := ""
	if len(sendings) > sendingLimit {
		sendings = sendings[:sendingLimit]
		next = v.with("before", strconv.FormatInt(sendings[sendingLimit-1].ID, 10))
	}
	return s.write(w, v, status, s.layout(v, page{Title: "Outgoing webhook", Nav: "/settings"}, endpointPage(v, endpoint, sendings, form, next)))
}

func (s *Server) changeEndpoint(w http.ResponseWriter, v *visit) error {
	ctx, id, who, why := v.Context(), v.PathValue("id"), v.person.Who(), v.form("why")
	here, notice := "/settings/webhooks/"+id, ""
	var err error
	switch v.PathValue("action") {
	case "save":
		form := endpointForm{draft: readEndpoint(v)}
		err = s.notices.ChangeEndpoint(ctx, id, form.draft, who, why)
		if form.wrong = wrongEndpoint(err); form.wrong != nil {
			return s.showEndpoint(w, v, http.StatusUnprocessableEntity, form)
		}
		notice = "The endpoint is saved."
	case "remove":
		err, notice, here = s.notices.RemoveEndpoint(ctx, id, who, why), "The endpoint is removed.", "/settings/webhooks"
	case "enable":
		err, notice = s.notices.EnableEndpoint(ctx, id, who, why), "The endpoint is enabled; what waits is sent now."
	case "disable":
		err, notice = s.notices.DisableEndpoint(ctx, id, who, why), "The endpoint is disabled. Nothing is sent to it."
	case "rotate", "reveal":
		return s.showSecret(w, v, id)
	case "test":
		notice, err = s.testEndpoint(ctx, id, who, why)
	case "resend-failed":
		var n int64
		n, err = s.notices.ResendFailed(ctx, id, time.Time{}, who, why)
		notice = plural(n, "message is", "messages are") + " sent again."
	case "resend":
		sending, _ := strconv.ParseInt(v.form("sending"), 10, 64) // what is no number is no message
		err, notice = s.notices.Resend(ctx, sending, who, why), "The message is sent again."
	default:
		return s.serveNothing(w, v)
	}
	if err != nil {
		return err
	}
	return s.done(w, v, here, notice)
}

func wrongEndpoint(err error) map[string]string {
	if invalid, ok := errors.AsType[*notice.InvalidError](err); ok {
		return problemsByField(invalid)
	}
	return nil
}

// showSecret shows the secret of an endpoint: the present one, or a new one.
func (s *Server) showSecret(w http.ResponseWriter, v *visit, id string) error {
	show := s.notices.RevealSecret
	if v.PathValue("action") == "rotate" {
		show = s.notices.RotateSecret
	}
	secret, err := show(v.Context(), id, v.person.Who(), v.form("why"))
	if err != nil {
		return err
	}
	return s.showEndpoint(w, v, http.StatusOK, endpointForm{secret: secret})
}

func (s *Server) testEndpoint(ctx context.Context, id, who, why string) (string, error) {
	attempt, err := s.notices.TestEndpoint(ctx, id, who, why)
	if err != nil {
		return "", err
	}
	if attempt.Error != "" {
		return "", &problem{
			status: http.StatusBadGateway, title: "The test message did not arrive", text: attempt.Error, back: "/settings/webhooks/" + id,
		}
	}
	return fmt.Sprintf("The test message arrived: status %d after %d ms.", attempt.Status, attempt.TookMS), nil
}

// providerForm is what the page of the OpenID Connect provider shows.
type providerForm struct {
	config people.OIDCConfig
	found  bool
	wrong  map[string]string
}

func (s *Server) serveProvider(w http.ResponseWriter, v *visit) error {
	config, found, err := s.people.OIDC(v.Context())
	if err != nil {
		return err
	}
	if !found {
		config.DefaultRole = people.Viewer
	}
	return s.showProvider(w, v, http.StatusOK, providerForm{config: config, found: found})
}

func (s *Server) showProvider(w http.ResponseWriter, v *visit, status int, form providerForm) error {
	return s.write(w, v, status, s.layout(v, page{Title: "Sign-in", Nav: "/settings"}, providerPage(v, form, s.ownAddress(v)+providerDone)))
}

func (s *Server) saveProvider(w http.ResponseWriter, v *visit) error {
	config := people.OIDCConfig{
		Title: v.form("title"), Issuer: v.form("issuer"), ClientID: v.form("client_id"), ClientSecret: v.PostFormValue("client_secret"),
		Scopes: list(v.form("scopes")), Create: v.form("create") == "yes", Domains: list(v.form("domains")), RoleClaim: v.form("role_claim"),
		Roles: map[string]people.Role{}, DefaultRole: people.Role(v.form("default_role")), AssumeVerified: v.form("assume_verified") == "yes",
	}
	for line := range strings.SplitSeq(v.form("roles"), "\n") {
		if value, role, found := strings.Cut(line, "="); found {
			config.Roles[strings.TrimSpace(value)] = people.Role(strings.TrimSpace(role))
		}
	}
	err := s.people.SetOIDC(v.Context(), v.person, config, v.form("why"))
	wrong := map[string]string{}
	if input, ok := errors.AsType[*people.InputError](err); ok {
		wrong[input.Field] = input.Message
	} else if answer, ok := errors.AsType[*people.OIDCError](err); ok {
		wrong["issuer"] = answer.Error()
	}
	if len(wrong) > 0 {
		return s.showProvider(w, v, http.StatusUnprocessableEntity, providerForm{config: config, wrong: wrong})
	}
	if err != nil {
		return err
	}
	return s.done(w, v, "/settings/sign-in", "The provider is saved. Try it in another browser before you sign out.")
}

func (s *Server) removeProvider(w http.ResponseWriter, v *visit) error {
	if err := s.people.RemoveOIDC(v.Context(), v.person, v.form("why")); err != nil {
		return err
	}
	return s.done(w, v, "/settings/sign-in", "The provider is removed. People sign in by password.")
}

// roleLines are the values of a role claim as a person edits them.
func roleLines(roles map[string]people.Role) string {
	var lines []string
	for value, role := range roles {
		lines = append(lines, value+" = "+string(role))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// sendingTone is how a message to an endpoint stands.
func sendingTone(state store.SendingState) string {
	switch state {
	case store.SendingSent:
		return "good"
	case store.SendingFailed:
		return "bad"
	}
	return "info"
}

// attemptText says what came of an attempt.
func attemptText(a notice.Attempt) string {
	text := strconv.FormatInt(a.TookMS, 10) + " ms"
	if a.Status > 0 {
		text = strconv.Itoa(a.Status) + ", " + text
	}
	if a.Error != "" {
		text += ": " + a.Error
	}
	return text
}

// keepText is what stands in the empty field of a secret.
func keepText(kept bool) string {
	if kept {
		return "kept; leave empty to keep it"
	}
	return ""
}

func emailOf(c notice.Config) notice.Email {
	if c.Email == nil {
		return notice.Email{Security: notice.SecurityStartTLS}
	}
	return *c.Email
}

func portText(port int) string {
	if port == 0 {
		return ""
	}
	return strconv.Itoa(port)
}

// firstWrong is what is wrong with a field or an element of it.
func firstWrong(wrong map[string]string, field string) string {
	for _, name := range slices.Sorted(maps.Keys(wrong)) {
		if partOf(name, field) {
			return wrong[name]
		}
	}
	return ""
}

// partOf says whether a name is that of a field or of an element of it.
func partOf(name, field string) bool {
	return name == field || strings.HasPrefix(name, field+"[") || strings.HasPrefix(name, field+".")
}

func endpointName(e notice.Endpoint) string {
	if e.Description != "" {
		return e.Description
	}
	return e.URL
}

// channelName is a channel as people know it.
func channelName(c notice.Config, id string) string {
	for _, channel := range c.Slack {
		if channel.Channel() == id {
			return channel.Name
		}
	}
	return "e-mail"
}
