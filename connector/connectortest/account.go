package connectortest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/money"
)

// accountChecks are about Connector.Check: who we are, and what the account may do.
func accountChecks() []check {
	return []check{
		{name: "check/good account", run: goodAccount},
		{name: "check/checking changes nothing", run: checkingChangesNothing},
		{name: "check/opening makes no call", run: openingMakesNoCall},
		{name: "check/wrong credentials are not accepted", run: wrongCredentials},
		{name: "check/a missing right is forbidden", run: missingRight},
		{name: "check/a system that is down is unavailable", run: systemIsDown},
		{name: "check/a proxy's page is neither the account nor its fault", run: proxyAnswers},
		{name: "check/an ended session is renewed once", run: sessionIsRenewedOnce},
		{name: "check/callers at once share the renewal", run: renewalIsShared},
	}
}

// account checks the connection, which must work.
func (f *fixture) account(conn *connector.Conn) connector.Account {
	f.Helper()
	account, err := conn.Connector.Check(f.ctx())
	if err != nil {
		f.Fatalf("check: %v", err)
	}
	return account
}

func goodAccount(f *fixture) {
	account := f.account(f.conn)
	if account.Name == "" && account.ID == "" {
		f.Error("the account has neither name nor id: nobody can see which one is connected")
	}
	if account.Currency != "" && !money.Currency(account.Currency).Known() {
		f.Errorf("the account's currency %q is none of ISO 4217", account.Currency)
	}
	if _, err := time.LoadLocation(account.TimeZone); err != nil {
		f.Errorf("the account's time zone %q is no IANA name", account.TimeZone)
	}
	if skew := time.Until(account.ServerTime).Abs(); !account.ServerTime.IsZero() && skew > time.Minute {
		f.Errorf("the server's time is told as %s, %s away from its clock", account.ServerTime, skew)
	}
	for _, finding := range account.Findings {
		if finding.Level != "warning" && finding.Level != "error" {
			f.Errorf("finding %q has the level %q, which is neither warning nor error", finding.Text, finding.Level)
		}
		if finding.Text == "" || finding.Fix == "" {
			f.Errorf("finding %+v says not both what is the matter and what to do", finding)
		}
		f.noSecretsIn("a finding", finding.Text+finding.Fix)
	}
}

func checkingChangesNothing(f *fixture) {
	f.wire.trouble(nil)
	f.account(f.conn)
	for _, e := range f.wire.exchanges() {
		if !e.safe {
			f.Errorf("checking sends %s %s", e.method, f.path(e))
		}
	}
}

func openingMakesNoCall(f *fixture) {
	f.wire.trouble(nil)
	f.open(f.values)
	if sent := f.wire.exchanges(); len(sent) > 0 {
		f.Errorf("opening sends %s %s: only Check may", sent[0].method, f.path(sent[0]))
	}
}

// stranger is a connection that has signed in nowhere yet.
func (f *fixture) stranger(values map[string]string) *connector.Conn {
	f.Helper()
	kept := f.state
	f.state = newState()
	defer func() { f.state = kept }()
	return f.open(values)
}

// wrongCredentials makes the secrets wrong, all of them and one after another. A secret that the account
// does not use may be wrong, but nothing may be taken for anything else than a wrong secret.
func wrongCredentials(f *fixture) {
	f.disorder = true
	all := maps.Clone(f.values)
	names := []string{}
	for name, value := range f.secrets() {
		names = append(names, name)
		all[name] = wrong(value)
	}
	if len(names) == 0 {
		f.applies = false
		f.Skip("no setting is secret")
	}
	refused := func(what string, values map[string]string, may bool) {
		_, err := f.stranger(values).Connector.Check(f.ctx())
		if err == nil && may {
			return
		}
		if err == nil || connector.KindOf(err) != connector.KindAuth {
			f.Errorf("with %s wrong: %v (%s); want KindAuth", what, err, connector.KindOf(err))
			return
		}
		f.noSecretsIn("the error", err.Error())
		for _, name := range names {
			if strings.Contains(err.Error(), values[name]) {
				f.Errorf("the error holds the value of %s", name)
			}
		}
	}
	refused("every secret", all, false)
	for _, name := range slices.Sorted(slices.Values(names)) {
		refused(name, f.with(name, wrong(f.values[name])), true)
	}
}

// wrong is a secret of the same form and length that is another one.
func wrong(secret string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r < 'z', r >= 'A' && r < 'Z', r >= '0' && r < '9':
			return r + 1
		case r == 'z' || r == 'Z' || r == '9':
			return r - 1
		}
		return r
	}, secret)
}

func missingRight(f *fixture) {
	if f.vendor.Restrict == nil {
		f.Fatal("the harness has no Restrict: nobody knows what a missing right looks like")
	}
	f.disorder = true
	f.vendor.Restrict()
	_, err := f.stranger(f.values).Connector.Check(f.ctx())
	if err == nil || connector.KindOf(err) != connector.KindForbidden {
		f.Errorf("without the right to orders: %v (%s); want KindForbidden", err, connector.KindOf(err))
	}
}

func systemIsDown(f *fixture) {
	f.disorder = true
	for _, down := range []fault{
		{kind: refused}, {kind: cutBefore},
		{kind: answered, status: http.StatusBadGateway, body: "<html>bad gateway</html>"},
		{kind: answered, status: http.StatusServiceUnavailable, body: "<html>be right back</html>"},
	} {
		conn := f.stranger(f.values)
		f.wire.always(down)
		_, err := conn.Connector.Check(f.ctx())
		f.wire.trouble(nil)
		if err == nil || connector.KindOf(err) != connector.KindUnavailable {
			f.Errorf("%s %d: %v (%s); want KindUnavailable", down.kind, down.status, err, connector.KindOf(err))
		}
	}
}

func proxyAnswers(f *fixture) {
	f.disorder = true
	conn := f.stranger(f.values)
	f.wire.always(fault{kind: answered, status: http.StatusOK, body: "<html><h1>Welcome to the hotel's network</h1></html>"})
	_, err := conn.Connector.Check(f.ctx())
	f.wire.trouble(nil)
	if kind := connector.KindOf(err); err == nil || (kind != connector.KindUnavailable && kind != connector.KindInvalid) {
		f.Errorf("a proxy's page gives %v (%s); want KindUnavailable or KindInvalid: the account is not at fault", err, kind)
	}
}

// requests is how many requests a check of the account takes.
func (f *fixture) requests() int {
	f.Helper()
	f.wire.trouble(nil)
	f.account(f.conn)
	return len(f.wire.exchanges())
}

func sessionIsRenewedOnce(f *fixture) {
	if f.vendor.ExpireSessions == nil {
		f.applies = false
		f.Skip("the vendor has no sessions")
	}
	f.account(f.conn)
	before := f.requests()
	f.vendor.ExpireSessions()
	f.account(f.conn)
	if after := f.requests(); after != before {
		f.Errorf("after the renewal a check takes %d requests, before it took %d: what was renewed is not kept", after, before)
	}
}

func renewalIsShared(f *fixture) {
	if f.vendor.ExpireSessions == nil {
		f.applies = false
		f.Skip("the vendor has no sessions")
	}
	f.account(f.conn)
	f.vendor.ExpireSessions()
	f.wire.slow(50 * time.Millisecond)
	var group sync.WaitGroup
	failed := make([]error, 4)
	for i := range failed {
		group.Go(func() { _, failed[i] = f.conn.Connector.Check(f.ctx()) })
	}
	group.Wait()
	for i, err := range failed {
		if err != nil {
			f.Errorf("caller %d of four at once: %v", i+1, err)
		}
	}
}
