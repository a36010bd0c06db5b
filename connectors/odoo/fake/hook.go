package fake

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/orderlyhq/orderly/internal/fake"
)

// posts is how often one change is told. Odoo computes fields in several writes and posts for each of
// them: a dozen identical bodies for one order are normal.
const posts = 3

// watched are the models that rules are about.
var watched = []string{"sale.order", "res.partner"}

// tell sends what automation rules say about changes. Odoo has no queue for it: one attempt, one second,
// and errors are forgotten.
func (v *Vendor) tell(changes []change) {
	rules := v.tables["base.automation"]
	if v.version < 17 || v.options.Courier == nil || v.closed || len(rules.ids) == 0 {
		return
	}
	type subject struct {
		model string
		id    int64
	}
	told := map[subject]bool{}
	for _, c := range changes {
		of := subject{c.model, c.id}
		if !slices.Contains(watched, c.model) || told[of] {
			continue
		}
		told[of] = true
		for _, rule := range rules.all() {
			model := v.tables["ir.model"].get(rule.id64("model_id"))
			if !rule.flag("active") || model == nil || model.text("model") != c.model || !v.triggered(rule, c) {
				continue
			}
			for _, action := range v.tables["ir.actions.server"].by("base_automation_id", rule.id) {
				if action.text("state") == "webhook" {
					v.post(action, c)
				}
			}
		}
	}
}

func (v *Vendor) triggered(rule *record, c change) bool {
	gone := v.tables[c.model].get(c.id) == nil
	switch rule.text("trigger") {
	case "on_create_or_write":
		return !gone
	case "on_unlink":
		return gone && c.record != nil
	}
	return false
}

func (v *Vendor) post(action *record, c change) {
	t := v.tables[c.model]
	r := t.get(c.id)
	if r == nil {
		r = c.record
	}
	e := v.clerk()
	body := map[string]any{
		"_action": fmt.Sprintf("%s(#%d)", action.text("name"), action.id), "_id": c.id, "_model": c.model, "id": c.id,
	}
	for _, id := range action.ids("webhook_field_ids") {
		chosen := v.tables["ir.model.fields"].get(id)
		f := t.fields[chosen.text("name")]
		if f == nil {
			continue
		}
		value := e.shown(t, f, r)
		if pair, ok := value.([]any); ok && f.kind == "many2one" {
			value = pair[0] // bare ids, unlike reads
		}
		if f.name == "write_date" {
			value = r.written.UTC().Format("2006-01-02 15:04:05.000000")
		}
		body[f.name] = value
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err) // only values of our own are written
	}
	for range posts {
		v.options.Courier.Send(fake.Delivery{
			URL: action.text("webhook_url"),
			Header: http.Header{
				"User-Agent": {"python-requests/2.28.1"}, "Accept": {"*/*"}, "Content-Type": {"application/json"},
			},
			Body: encoded, Timeout: time.Second,
		})
	}
}

// DisableWebhooks archives every rule.
func (v *Vendor) DisableWebhooks() {
	v.mu.Lock()
	defer v.mu.Unlock()
	e := v.clerk()
	t := v.tables["base.automation"]
	for _, id := range slices.Clone(t.ids) {
		e.modify(t, id, map[string]any{"active": false}, true)
	}
}

// inbound answers a rule that is called from outside.
func (v *Vendor) inbound(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost && r.Method != http.MethodGet {
		htmlError(w, http.StatusMethodNotAllowed, "The method is not allowed for the requested URL.")
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	known := slices.ContainsFunc(v.tables["base.automation"].all(), func(rule *record) bool {
		return rule.text("webhook_uuid") == r.PathValue("uuid")
	})
	if !known {
		writeJSON(w, http.StatusNotFound, map[string]any{"status": "error"})
		return
	}
	var id any
	if r.Method == http.MethodGet {
		id = r.URL.Query().Get("_id")
	} else {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		var payload map[string]any
		if err == nil && decode(body, &payload) == nil {
			id = payload["_id"]
		}
	}
	n, err := strconv.ParseInt(pyText(id), 10, 64)
	if err != nil || v.tables["res.partner"].get(n) == nil {
		writeJSON(w, http.StatusInternalServerError, map[string]any{"status": "error"})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"status": "ok"})
}
