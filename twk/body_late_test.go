package twk

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// deadlines is a ResponseWriter with read deadlines.
type deadlines struct {
	http.ResponseWriter
	set   func(time.Time) // called before a deadline is noted
	until time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	if f := d.set; f != nil {
		d.set = nil
		f(t)
	}
	d.until = t
	return nil
}

// A read that begins just when the time of the effects is over does not give itself
// time again.
func TestLateReadGetsNoTime(t *testing.T) {
	w := &deadlines{ResponseWriter: httptest.NewRecorder()}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/", io.NopCloser(strings.NewReader("text")))
	b := limitBody(w, r, time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	stop := b.endWith(ctx)
	w.set = func(time.Time) { // the read has looked, and not yet set its deadline
		cancel()
		stop()
	}
	_, _ = b.Read(make([]byte, 1))
	if wait := time.Until(w.until); wait > 0 {
		t.Errorf("a read has %v", wait)
	}
}
