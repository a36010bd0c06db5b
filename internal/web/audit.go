package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

func (s *Server) auditRoutes() []route {
	return []route{{pattern: "GET /audit", need: people.Viewer, serve: s.serveAudit}}
}

// auditPage is how many entries a page of the audit shows.
const auditLimit = 50

func (s *Server) serveAudit(w http.ResponseWriter, v *visit) error {
	f := store.AuditFilter{Who: v.query("who"), Action: v.query("action"), Subject: v.query("subject"), Limit: auditLimit + 1}
	if text := v.query("since"); text != "" {
		since, err := time.Parse(time.DateOnly, text)
		if err != nil {
			// Without the day that was meant, any list would be the wrong one.
			return s.write(w, v, http.StatusUnprocessableEntity, s.layout(v, page{Title: "Audit", Nav: "/audit"}, auditPage(v, nil, "The day must be written like 2026-01-31.", "")))
		}
		f.Since = since
	}
	f.BeforeID, _ = strconv.ParseInt(v.query("before"), 10, 64) // what is no number is the first page
	entries, err := s.desk.Audit(v.Context(), f)
	if err != nil {
		return err
	}
	next := ""
	if len(entries) > auditLimit {
		entries = entries[:auditLimit]
		next = v.with("before", strconv.FormatInt(entries[auditLimit-1].ID, 10))
	}
	return s.render(w, v, page{Title: "Audit", Nav: "/audit", Live: v.query("before") == ""}, auditPage(v, entries, "", next))
}

// subjectAddress is the page of what an entry of the audit is about; "" when it has none.
func subjectAddress(subject string) string {
	kind, name, _ := strings.Cut(subject, "/")
	switch kind {
	case "task":
		return "/orders/" + name
	case "cause":
		return "/causes/" + name
	case "connection":
		return "/connections/" + name
	case "flow":
		return "/flows/" + name
	case "user":
		return "/people"
	}
	return ""
}
