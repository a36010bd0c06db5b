package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

func TestRetryingACauseIsAcceptedAndCanBeFollowed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st)
		err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			_, _, err := st.SaveCause(ctx, tx, store.Cause{Flow: "orders", State: store.TaskHeld, Step: "map", Kind: "unmapped", Code: "sku", Message: "no article"}, time.Now())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		a := f.call(people.Operator, http.MethodPost, "/api/v1/causes/1/retry", `{"why":"it works"}`)
		var b desk.Bulk
		if err := json.Unmarshal([]byte(a.body), &b); err != nil || a.status != http.StatusAccepted || b.ID == "" || b.Why != "it works" {
			t.Fatalf("answered %d, %v: %s", a.status, err, a.body)
		}
		deadline := time.Now().Add(20 * time.Second)
		for b.State != desk.BulkDone && time.Now().Before(deadline) {
			a = f.call(people.Operator, http.MethodGet, "/api/v1/bulks/"+b.ID, "")
			if err := json.Unmarshal([]byte(a.body), &b); err != nil || a.status != http.StatusOK {
				t.Fatalf("answered %d, %v: %s", a.status, err, a.body)
			}
		}
		if b.State != desk.BulkDone {
			t.Errorf("it stays %+v", b)
		}
		for path, want := range map[string]int{
			"/bulks/" + b.ID + "/stop": http.StatusUnprocessableEntity, "/bulks/x/stop": http.StatusNotFound, "/causes/99/retry": http.StatusNotFound,
		} {
			if a := f.call(people.Operator, http.MethodPost, "/api/v1"+path, `{}`); a.status != want || !strings.Contains(a.body, fmt.Sprint(want)) {
				t.Errorf("%s is answered %d: %s", path, a.status, a.body)
			}
		}
	})
}
