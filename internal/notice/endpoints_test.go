package notice

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderlyhq/orderly/internal/store"
)

func TestEndpointsAreMadeChangedAndRemoved(t *testing.T) {
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		draft := EndpointDraft{URL: " https://example.com/hook ", Description: "the warehouse", Events: []string{"order.synced", "order.held", "order.synced"}}
		e, secret, err := f.CreateEndpoint(ctx, draft, "anna", "new warehouse")
		if err != nil || e.URL != "https://example.com/hook" || !slices.Equal(e.Events, []string{"order.held", "order.synced"}) || !strings.HasPrefix(e.ID, "ep_") {
			f.t.Fatalf("endpoint %+v, %v", e, err)
		}
		if _, err := secretKey(secret); err != nil {
			f.t.Error(err)
		}
		if again, err := f.RevealSecret(ctx, e.ID, "anna", "lost it"); err != nil || again != secret {
			f.t.Errorf("the secret is %s, %v", again, err)
		}
		draft = EndpointDraft{URL: "https://example.org/", Description: "the other one", Events: []string{"order.failed"}}
		if err := f.ChangeEndpoint(ctx, e.ID, draft, "anna", "moved"); err != nil {
			f.t.Fatal(err)
		}
		if err := f.DisableEndpoint(ctx, e.ID, "anna", "holidays"); err != nil {
			f.t.Fatal(err)
		}
		want := Endpoint{
			ID: e.ID, URL: draft.URL, Description: draft.Description, Events: draft.Events, Disabled: true, DisabledAt: f.clock.now(),
			CreatedAt: f.clock.now(), UpdatedAt: f.clock.now(),
		}
		if diff := cmp.Diff(want, f.endpointNow(e.ID)); diff != "" {
			f.t.Errorf("endpoint (-want +got):\n%s", diff)
		}
		if err := f.EnableEndpoint(ctx, e.ID, "anna", "back"); err != nil {
			f.t.Fatal(err)
		}
		if err := f.RemoveEndpoint(ctx, e.ID, "anna", "no more"); err != nil {
			f.t.Fatal(err)
		}
		if got, want := f.audit(), "create, reveal secret, change, disable, enable, remove"; got != want {
			f.t.Errorf("audit %s; want %s", got, want)
		}
		for name, err := range map[string]error{
			"change": f.ChangeEndpoint(ctx, e.ID, draft, "anna", ""), "disable": f.DisableEndpoint(ctx, e.ID, "anna", ""), "enable": f.EnableEndpoint(ctx, e.ID, "anna", ""),
			"remove": f.RemoveEndpoint(ctx, e.ID, "anna", ""), "resend": f.Resend(ctx, 99, "anna", ""),
		} {
			if !errors.Is(err, ErrNotFound) {
				f.t.Errorf("%s of what is gone gives %v", name, err)
			}
		}
	})
}

// audit gives the actions in the audit, oldest first.
func (f *fixture) audit() string {
	f.t.Helper()
	var actions []string
	err := f.store.Read(f.t.Context(), func(ctx context.Context, tx store.Tx) error {
		actions = actions[:0]
		rows, err := tx.Query(ctx, `SELECT action FROM audit WHERE who = 'anna' ORDER BY id`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var action string
			if err := rows.Scan(&action); err != nil {
				return err
			}
			actions = append(actions, action)
		}
		return rows.Err()
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return strings.Join(actions, ", ")
}

func TestWrongEndpointsAreRefusedByField(t *testing.T) {
	f := once(t)
	for name, c := range map[string]struct {
		draft EndpointDraft
		field string
	}{
		"no address":         {EndpointDraft{Events: []string{"order.held"}}, "url"},
		"http":               {EndpointDraft{URL: "http://example.com", Events: []string{"order.held"}}, "url"},
		"private":            {EndpointDraft{URL: "https://10.0.0.1", Events: []string{"order.held"}}, "url"},
		"long address":       {EndpointDraft{URL: "https://example.com/" + strings.Repeat("x", mostURL), Events: []string{"order.held"}}, "url"},
		"long description":   {EndpointDraft{URL: "https://example.com", Description: strings.Repeat("x", mostDescription+1), Events: []string{"order.held"}}, "description"},
		"no events":          {EndpointDraft{URL: "https://example.com"}, "events"},
		"an unknown event":   {EndpointDraft{URL: "https://example.com", Events: []string{"order.held", "order.lost"}}, "events[1]"},
		"events with blanks": {EndpointDraft{URL: "https://example.com", Events: []string{"order.held order.synced"}}, "events[0]"},
	} {
		_, _, err := f.CreateEndpoint(t.Context(), c.draft, "anna", "")
		wrong, ok := errors.AsType[*InvalidError](err)
		if !ok || len(wrong.Problems) != 1 || wrong.Problems[0].Field != c.field || !strings.Contains(wrong.Error(), c.field) {
			t.Errorf("%s gives %v", name, err)
		}
	}
}

func TestASecretIsRotatedWithoutAGap(t *testing.T) {
	each(t, func(f *fixture) {
		c := catch(f.t)
		f.allowLoopback()
		e, old := f.create(c.URL)
		present, err := f.RotateSecret(f.t.Context(), e.ID, "anna", "somebody left")
		if err != nil || present == old {
			f.t.Fatalf("rotated to %s, %v", present, err)
		}
		if until := f.endpointNow(e.ID).OldSecretUntil; until.Sub(f.clock.now()) != 24*time.Hour {
			f.t.Errorf("the old secret signs until %s", until)
		}
		both := map[time.Duration]bool{0: true, 24*time.Hour - time.Second: true, 24 * time.Hour: false}
		begin := f.clock.now()
		for _, after := range []time.Duration{0, 24*time.Hour - time.Second, 24 * time.Hour} {
			f.clock.move(begin.Add(after).Sub(f.clock.now()))
			f.tell("{}", e.ID)
			f.send()
			got := c.all()[len(c.all())-1]
			if err := verify(f.t, present, got.header, got.body); err != nil {
				f.t.Errorf("after %s by the present secret: %v", after, err)
			}
			if err := verify(f.t, old, got.header, got.body); (err == nil) != both[after] {
				f.t.Errorf("after %s by the old secret: %v", after, err)
			}
		}
		if !f.endpointNow(e.ID).OldSecretUntil.IsZero() {
			f.t.Error("the old secret is still shown")
		}
	})
}

func TestOneMessageIsSentAgainWithItsID(t *testing.T) {
	f := once(t)
	c := catch(t)
	f.allowLoopback()
	e, _ := f.create(c.URL)
	ids := f.tell("{}", e.ID)
	f.send()
	if err := f.Resend(t.Context(), ids[0], "anna", "they lost it"); err != nil {
		t.Fatal(err)
	}
	f.send()
	got := c.all()
	if len(got) != 2 || got[0].header.Get("webhook-id") != got[1].header.Get("webhook-id") {
		t.Errorf("%d messages", len(got))
	}
	if s := f.sendings(e.ID); len(s) != 1 || len(s[0].Attempts) != 2 {
		t.Errorf("sendings %+v", s)
	}
}

func TestPeopleWhoChangeAnEndpointAtOnceUndoNothing(t *testing.T) {
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		e, _ := f.create("https://example.com/hook")
		draft := func(i int) EndpointDraft {
			return EndpointDraft{URL: fmt.Sprintf("https://example.com/%d", i), Events: []string{"order.held"}}
		}
		for i := range 20 {
			var secret string
			var rotated, changed error
			var group sync.WaitGroup
			group.Go(func() { secret, rotated = f.RotateSecret(ctx, e.ID, "anna", "") })
			group.Go(func() { changed = f.ChangeEndpoint(ctx, e.ID, draft(i), "anna", "") })
			group.Wait()
			if err := errors.Join(rotated, changed); err != nil {
				f.t.Fatal(err)
			}
			if now, err := f.RevealSecret(ctx, e.ID, "anna", ""); err != nil || now != secret {
				f.t.Fatalf("round %d: the rotated secret is undone, %v", i, err)
			}
			if now := f.endpointNow(e.ID); now.URL != draft(i).URL || now.OldSecretUntil.IsZero() {
				f.t.Fatalf("round %d: the change is undone: %+v", i, now)
			}
		}
		for i := range 20 {
			e, _ := f.create("https://example.com/hook")
			var changed, removed error
			var group sync.WaitGroup
			group.Go(func() { changed = f.ChangeEndpoint(ctx, e.ID, draft(i), "anna", "") })
			group.Go(func() { removed = f.RemoveEndpoint(ctx, e.ID, "anna", "") })
			group.Wait()
			if removed != nil || changed != nil && !errors.Is(changed, ErrNotFound) {
				f.t.Fatalf("change %v, remove %v", changed, removed)
			}
			if now, err := f.Endpoint(ctx, e.ID); !errors.Is(err, ErrNotFound) {
				f.t.Fatalf("round %d: the removed endpoint is back: %+v, %v", i, now, err)
			}
		}
	})
}
