package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/api"
	"github.com/orderlyhq/orderly/internal/notice"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

func TestListsAreReadToTheirEndByCursor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st)
		endpoint := f.endpoint()
		f.write(func(ctx context.Context, tx store.Tx) error {
			now := time.Now()
			for i := range 5 {
				if _, err := st.SaveAlert(ctx, tx, store.Alert{Rule: notice.RulePaused, Subject: fmt.Sprint(i), Title: "paused", Since: now, Begun: now, Told: now}); err != nil {
					return err
				}
				if _, err := st.AddMessage(ctx, tx, "order.synced", []byte("{}"), []string{endpoint}, now, now); err != nil {
					return err
				}
				if err := st.Audit(ctx, tx, "anna", "look", "list/1", "", "", now); err != nil {
					return err
				}
			}
			return nil
		})
		for _, path := range []string{"/alerts?", "/webhook-endpoints/" + endpoint + "/messages?", "/audit?subject=list/&"} {
			for limit := 1; limit <= 6; limit++ {
				if pages, items := f.pages(path, limit); pages != (5+limit-1)/limit || items != 5 {
					t.Errorf("%s by %d at once is %d pages of %d items; want all 5 on as few as there can be", path, limit, pages, items)
				}
			}
		}
	})
}

// pages reads a list page by page and counts the pages and the different items.
func (f *fixture) pages(path string, limit int) (pages, items int) {
	f.t.Helper()
	seen := map[int64]bool{}
	for cursor := ""; pages < 20; pages++ {
		a := f.call(people.Admin, http.MethodGet, fmt.Sprintf("%s%slimit=%d%s", api.Base, path, limit, cursor), "")
		var list struct {
			Items []struct{ ID int64 }
			Next  string
		}
		if err := json.Unmarshal([]byte(a.body), &list); err != nil || a.status != http.StatusOK {
			f.t.Fatalf("%s is answered %d: %s", path, a.status, a.body)
		}
		for _, item := range list.Items {
			seen[item.ID] = true
		}
		if list.Next == "" {
			return pages + 1, len(seen)
		}
		cursor = "&cursor=" + list.Next
	}
	return pages, len(seen)
}

func (f *fixture) write(fn func(ctx context.Context, tx store.Tx) error) {
	f.t.Helper()
	if err := f.store.Write(f.t.Context(), fn); err != nil {
		f.t.Fatal(err)
	}
}

// endpoint adds an endpoint and gives its id.
func (f *fixture) endpoint() string {
	f.t.Helper()
	a := f.call(people.Admin, http.MethodPost, "/api/v1/webhook-endpoints", `{"url":"https://example.com/hook","description":"","events":["order.synced"]}`)
	var made struct{ ID string }
	if err := json.Unmarshal([]byte(a.body), &made); err != nil || !strings.HasPrefix(made.ID, store.EndpointPrefix) {
		f.t.Fatalf("adding an endpoint is answered %d: %s", a.status, a.body)
	}
	return made.ID
}
