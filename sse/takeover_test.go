//go:build linux

package sse_test

import (
	"fmt"
	"net"
	"net/http"
	"runtime"
	"testing"

	"github.com/sfere-go/sfere/sse"
)

func newTaken(t *testing.T, o sse.HubOptions) *rig {
	t.Helper()
	o.TakeOver = true
	return newRig(t, setup{hub: o})
}

// What cannot be taken over stays with net/http.
func TestTakeOverFallsBack(t *testing.T) {
	wrapped := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(struct {
				http.ResponseWriter
				http.Flusher
			}{w, w.(http.Flusher)}, r)
		})
	}
	for name, s := range map[string]setup{
		"http2":      {http2: true, hub: sse.HubOptions{TakeOver: true}},
		"middleware": {wrap: wrapped, hub: sse.HubOptions{TakeOver: true}},
		"writers":    {hub: sse.HubOptions{TakeOver: true, Writers: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, s)
			r.stay("GET /sse", n(1))
			st := r.open("/sse")
			c := r.conn()
			st.Next()
			st.Close()
			if e := r.end(); e.Cause != sse.CauseClient {
				t.Errorf("end %+v", e)
			}
			_ = c
		})
	}
}

// Many streams need few goroutines, and none when they are gone.
func TestTakeOverGoroutines(t *testing.T) {
	const streams = 200
	r := newTaken(t, sse.HubOptions{})
	r.stay("GET /sse", n(1))
	before := runtime.NumGoroutine()
	var ncs []net.Conn
	for range streams {
		ncs = append(ncs, r.raw(fmt.Sprintf(rawGet, "/sse")))
		r.conn()
	}
	until(t, "the handlers have returned", func() bool { return runtime.NumGoroutine() < before+10 })
	if r.hub.Len() != streams {
		t.Errorf("%d streams, want %d", r.hub.Len(), streams)
	}
	for _, nc := range ncs {
		nc.Close()
	}
	for range streams {
		if e := r.end(); e.Cause != sse.CauseClient {
			t.Errorf("end %+v", e)
		}
	}
	r.noEnd()
	until(t, "the poller is gone", func() bool { return runtime.NumGoroutine() <= before })
}
