package web

import (
	"net/http"
	"time"

	"github.com/orderlyhq/orderly/internal/people"
)

const livePath = "/live"

func (s *Server) liveRoutes() []route {
	return []route{{pattern: "GET " + livePath, need: people.Viewer, serve: s.serveLive}}
}

const (
	// liveTime is how long a stream lasts before the browser opens a new one: so a session that has
	// ended is noticed.
	liveTime = 5 * time.Minute
	// heartbeat keeps proxies from closing a stream in which nothing happens.
	heartbeat = 20 * time.Second
	// writeTime bounds one write to a reader who may have gone.
	writeTime = 10 * time.Second
)

// serveLive tells a page that something has changed, by server-sent events; the page then asks for
// itself again and takes over what differs.
func (s *Server) serveLive(w http.ResponseWriter, v *visit) error {
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // so that nginx passes events on at once
	send := func(text string) bool {
		if control.SetWriteDeadline(time.Now().Add(writeTime)) != nil {
			return false
		}
		_, err := w.Write([]byte(text))
		return err == nil && control.Flush() == nil
	}
	changes, stop := s.desk.Watch()
	defer stop()
	end := time.NewTimer(liveTime)
	defer end.Stop()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for alive := send("retry: 2000\n\n"); alive; {
		select {
		case <-changes:
			alive = send("event: changed\ndata: \n\n")
		case <-beat.C:
			alive = send(": alive\n\n")
		case <-end.C:
			return nil
		case <-v.Context().Done():
			return nil
		case <-s.ended:
			return nil
		}
	}
	return nil
}
