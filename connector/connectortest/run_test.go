package connectortest

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestExceptionsMustBeNeeded(t *testing.T) {
	for name, c := range map[string]struct {
		r    *recorder
		want string
	}{
		"a check that fails":          {&recorder{failures: []string{"odd"}}, ""},
		"a check that passes":         {&recorder{}, "the check passes"},
		"a check that does not apply": {&recorder{skipped: "has no connector.Lister"}, "does not apply"},
	} {
		got := c.r.needless("the vendor does so")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q; want %q", name, got, c.want)
		}
	}
}

func TestExceptionsMustNameAndReason(t *testing.T) {
	h := referenceHarness("")
	h.Exceptions = map[string]string{
		"check/good account":          "the vendor tells nobody who he is",
		"check/good acount":           "a slip of the finger",
		"stock/what is there is told": " ",
	}
	problems := h.wrongExceptions(h.checks())
	if len(problems) != 2 || !strings.Contains(problems[0], "check/good account") || !strings.Contains(problems[1], "gives no reason") {
		t.Errorf("problems %q; want one about the name and one about the reason", problems)
	}
}

func TestWhatDoesNotApplyIsToldAsSkipped(t *testing.T) {
	h := referenceHarness("")
	h.ReplayWindow = 0
	for name, want := range map[string]bool{"webhooks/an old delivery is refused": true, "webhooks/another secret is refused": false} {
		checks := h.checks()
		i := slices.IndexFunc(checks, func(c check) bool { return c.name == name })
		skipped := !want
		t.Run(name, func(t *testing.T) {
			defer func() { skipped = t.Skipped() }()
			h.run(t, checks[i])
		})
		if skipped != want {
			t.Errorf("%s: skipped is %t; want %t", name, skipped, want)
		}
	}
}

func TestRecorderEndsAsTestingDoes(t *testing.T) {
	for name, c := range map[string]struct {
		call    func(testing.TB)
		failed  bool
		skipped bool
		goesOn  bool
	}{
		"Error":   {func(t testing.TB) { t.Error("x") }, true, false, true},
		"Errorf":  {func(t testing.TB) { t.Errorf("%d", 1) }, true, false, true},
		"Fail":    {func(t testing.TB) { t.Fail() }, true, false, true},
		"Log":     {func(t testing.TB) { t.Log("x"); t.Logf("x") }, false, false, true},
		"Fatal":   {func(t testing.TB) { t.Fatal("x") }, true, false, false},
		"Fatalf":  {func(t testing.TB) { t.Fatalf("x") }, true, false, false},
		"FailNow": {func(t testing.TB) { t.FailNow() }, true, false, false},
		"Skip":    {func(t testing.TB) { t.Skip("x") }, false, true, false},
		"Skipf":   {func(t testing.TB) { t.Skipf("x") }, false, true, false},
		"SkipNow": {func(t testing.TB) { t.SkipNow() }, false, true, false},
	} {
		r, wentOn := &recorder{TB: t}, false
		r.do(func() { c.call(r); wentOn = true })
		if r.Failed() != c.failed || r.Skipped() != c.skipped || wentOn != c.goesOn {
			t.Errorf("%s: failed %t, skipped %t, went on %t", name, r.Failed(), r.Skipped(), wentOn)
		}
	}
}

// calledWire is a wire to a vendor that counts what reaches it.
func calledWire(t *testing.T) (w *wire, acted *int) {
	t.Helper()
	base, err := url.Parse("https://vendor.test/tea")
	if err != nil {
		t.Fatal(err)
	}
	w, acted = &wire{base: base}, new(int)
	w.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		*acted++
		rw.Header().Set("X-Path", r.URL.Path)
		_, _ = io.WriteString(rw, "done")
	}))
	return w, acted
}

// send makes a request and gives the answer's status and the path that the vendor saw.
func send(ctx context.Context, t *testing.T, w *wire, address string) (status int, path string, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := w.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("X-Path"), nil
}

func TestWireGoesWrongAsItIsTold(t *testing.T) {
	for kind, want := range map[faultKind]struct {
		acted  int
		status int // 0: no answer
	}{
		refused: {0, 0}, cutBefore: {0, 0}, cutAfter: {1, 0}, answered: {0, 418}, overridden: {1, 418}, hanging: {0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			w, acted := calledWire(t)
			w.always(fault{kind: kind, status: 418})
			status, _, err := send(t.Context(), t, w, "https://vendor.test/tea/pot")
			if *acted != want.acted || status != want.status {
				t.Errorf("%s: the vendor acted %d times and status %d came (%v); want %+v", kind, *acted, status, err, want)
			}
			if sent := w.exchanges(); len(sent) != 1 || sent[0].method != http.MethodPost || sent[0].safe || !sent[0].bounded {
				t.Errorf("%s: the exchange is written down as %+v", kind, sent)
			}
			w.trouble(nil)
			if status, path, err := send(t.Context(), t, w, "https://vendor.test/tea/pot"); err != nil || status != 200 || path != "/pot" {
				t.Errorf("after the trouble: %v", err)
			}
		})
	}
}

func TestWireLeadsNowhereElse(t *testing.T) {
	w, acted := calledWire(t)
	for _, address := range []string{"https://elsewhere.test/tea", "http://vendor.test/tea"} {
		if _, _, err := send(t.Context(), t, w, address); err == nil || *acted > 0 {
			t.Errorf("%s was answered", address)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := send(ctx, t, w, "https://vendor.test/tea"); err == nil || *acted > 0 || len(w.exchanges()) != 2 {
		t.Error("a request whose context had ended was sent")
	}
}

func TestWireSurvivesAVendorThatPanics(t *testing.T) {
	w, _ := calledWire(t)
	w.serve(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("odd") }))
	_, _, _ = send(t.Context(), t, w, "https://vendor.test/tea/pot")
	if len(w.panics) != 1 || !strings.Contains(w.panics[0], "POST /tea/pot: odd") {
		t.Errorf("panics %q", w.panics)
	}
}

func TestSlowWireTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, acted := calledWire(t)
		w.slow(time.Second)
		begun := time.Now()
		if _, _, err := send(t.Context(), t, w, "https://vendor.test/tea"); err != nil || time.Since(begun) != time.Second {
			t.Errorf("an exchange took %s, %v", time.Since(begun), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, _, err := send(ctx, t, w, "https://vendor.test/tea"); err == nil || *acted != 1 {
			t.Error("an exchange went on although its context had ended")
		}
	})
}

func TestStateChangesOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newState()
		var order []string
		begin := make(chan struct{})
		go func() {
			_, _ = s.Update(t.Context(), "token", func(context.Context, []byte) ([]byte, error) {
				close(begin)
				time.Sleep(time.Second)
				order = append(order, "first")
				return []byte("1"), nil
			})
		}()
		<-begin
		got, err := s.Update(t.Context(), "token", func(_ context.Context, current []byte) ([]byte, error) {
			order = append(order, "second after "+string(current))
			return append(current, '2'), nil
		})
		if err != nil || string(got) != "12" || !slices.Equal(order, []string{"first", "second after 1"}) {
			t.Errorf("%q, %v, %v", got, err, order)
		}
		if _, err := s.Update(t.Context(), "token", func(context.Context, []byte) ([]byte, error) { return nil, io.EOF }); err == nil {
			t.Error("the error of a change is lost")
		}
		if kept, err := s.Load(t.Context(), "token"); err != nil || string(kept) != "12" {
			t.Errorf("after a change that failed, %q is kept (%v)", kept, err)
		}
	})
}
