package twk_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// HEAD is answered with the status and the header of what GET would be, runs no
// effects but those that may refuse a stream, and holds nothing open.
func TestHead(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		r := newRig(t, setup{http2: http2})
		r.stay("GET /held")
		held := r.open("/held")
		other := r.conn()
		r.pauses["no"] = func(context.Context, effect.Call[app]) error {
			return &twk.Error{Op: "opening", Status: http.StatusForbidden, Err: errBoom}
		}
		r.pauses["reuse"] = func(context.Context, effect.Call[app]) error { return twk.Reuse{Conn: other} }
		ran := func(effects ...effect.Data) []effect.Data { return append([]effect.Data{pause{"conn"}}, effects...) }
		want := map[string]answer{}
		for path, resp := range map[string]twk.Response{
			"/stream":  twk.Stream(ran(n(1))...).WithHeader("X-Test", "yes"),
			"/answer":  twk.Respond(ran(n(1))...),
			"/refused": twk.Stream(ran()...).WithOpen(pause{"no"}),
			"/open":    twk.Respond(ran()...).On(other),
			"/reuse":   twk.Stream(ran()...).WithOpen(pause{"reuse"}),
			"/page":    twk.Page(twk.HTML("<p></p>")),
		} {
			r.handle("GET "+path, func(*twk.Request) twk.Response { return resp })
			want[path] = answer{Status: http.StatusOK, Type: "text/event-stream"}
		}
		want["/refused"] = answer{Status: http.StatusForbidden, Type: "text/plain; charset=utf-8"}
		want["/open"] = answer{Status: http.StatusNoContent}
		want["/reuse"] = want["/open"]
		want["/page"] = answer{Status: http.StatusOK, Type: "text/html; charset=utf-8"}
		ctx, cancel := context.WithTimeout(t.Context(), twktest.Wait) // for a HEAD that holds a stream open
		defer cancel()
		for path, want := range want {
			got := r.do(r.request("HEAD", path, "").WithContext(ctx))
			if path == "/stream" && got.Header.Get("X-Test") != "yes" {
				t.Errorf("header %v", got.Header)
			}
			got.Header = nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("HEAD %s (-want +got):\n%s", path, diff)
			}
		}
		select {
		case <-r.conns:
			t.Error("effects ran for a HEAD")
		default:
		}
		if got := r.hub.Len(); got != 1 {
			t.Errorf("%d streams, want that of before", got)
		}
		other.Close(sse.CauseClosed)
		if got := r.do(r.request("HEAD", "/open", "")); got.Status != http.StatusGone {
			t.Errorf("an open stream that has ended: status %d", got.Status)
		}
		held.Close()
		if e := r.end(); e.Path != "/held" {
			t.Errorf("end %+v", e)
		}
		r.noEnd()
	}
}
