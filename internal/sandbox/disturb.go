package sandbox

import (
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"strconv"
	"time"
)

// maxUnread bounds what is read of a request that is not given to the vendor, in bytes.
const maxUnread = 8 << 20

// serve gives a request to the vendor, disturbed by the faults that strike it.
func (h *host) serve(w http.ResponseWriter, r *http.Request) {
	list := h.faults.api.Load()
	if list == nil {
		h.vendor.ServeHTTP(w, r)
		return
	}
	var end *armed // the fault that decides the answer: the first to strike
	var before, after time.Duration
	for _, a := range *list {
		ends := a.Kind == RateLimited || a.Kind == ServerError || a.Kind == Cut
		if ends && end != nil || !a.strikes(r.Method, r.URL.Path) {
			continue
		}
		switch {
		case ends:
			end = a
		case a.Kind == Slow && a.AfterCommit:
			after += a.Delay
		case a.Kind == Slow:
			before += a.Delay
		case a.Kind == ExpiredToken:
			h.vendor.ExpireSessions()
		}
	}
	if !wait(r, before) {
		abort(w)
		return
	}
	switch {
	case end == nil && after == 0:
		h.vendor.ServeHTTP(w, r)
	case end == nil:
		answer := &kept{header: http.Header{}}
		h.vendor.ServeHTTP(answer, r)
		if !wait(r, after) {
			abort(w)
			return
		}
		answer.send(w)
	default:
		h.end(w, r, end, after)
	}
}

// end answers in the place of the vendor, or not at all.
func (h *host) end(w http.ResponseWriter, r *http.Request, f *armed, after time.Duration) {
	if f.AfterCommit {
		h.vendor.ServeHTTP(&kept{header: http.Header{}}, r)
	} else {
		// The request is read, so that the sender has sent all of it.
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxUnread))
	}
	if !wait(r, after) {
		abort(w)
		return
	}
	switch f.Kind {
	case Cut:
		abort(w)
	case RateLimited:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
		}
		http.Error(w, "Too Many Requests", http.StatusTooManyRequests)
	case ServerError:
		status := f.Status
		if status == 0 {
			status = http.StatusInternalServerError
		}
		http.Error(w, fmt.Sprintf("%d %s", status, http.StatusText(status)), status)
	}
}

// wait passes a time; false when the sender has gone before.
func wait(r *http.Request, d time.Duration) bool {
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// abort ends the connection without an answer.
func abort(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the server resets the stream
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // the sender sees a reset, not an orderly end
	}
	_ = conn.Close()
}

// kept is an answer that is sent later, or never.
type kept struct {
	header http.Header
	status int
	body   []byte
}

func (k *kept) Header() http.Header { return k.header }

func (k *kept) WriteHeader(status int) {
	if k.status == 0 {
		k.status = status
	}
}

func (k *kept) Write(p []byte) (int, error) {
	k.WriteHeader(http.StatusOK)
	k.body = append(k.body, p...)
	return len(p), nil
}

func (k *kept) send(w http.ResponseWriter) {
	k.WriteHeader(http.StatusOK)
	maps.Copy(w.Header(), k.header)
	w.WriteHeader(k.status)
	_, _ = w.Write(k.body) // the sender may have gone
}
