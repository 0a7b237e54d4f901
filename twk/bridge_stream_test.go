package twk_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// memory opens a stream without a server.
func (r *rig) memory(method, path string) *twktest.Stream {
	r.t.Helper()
	return twktest.Serve(r.t, r.mux, twktest.HTTPRequest(method, path, nil))
}

// signals are the signals of the events that have arrived.
func signals(s *twktest.Stream) (all []string) {
	for _, e := range s.Pending() {
		all = append(all, e.Fields()["signals"])
	}
	return all
}

// The effects of a response come before what others send meanwhile, those of
// other dispatches included, and do not wait for the slow ones among them.
func TestEffectsComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{hub: sse.HubOptions{MaxFrames: 1}})
		r.pauses["send"] = func(ctx context.Context, call effect.Call[app]) error {
			return r.send(call.Ctx().Conn, signal("other", 1))
		}
		r.pauses["slow"] = func(context.Context, effect.Call[app]) error { time.Sleep(time.Minute); return nil }
		r.stay("GET /sse", n(1), pause{"send"}, n(2), pause{"slow"}, n(3))
		s := r.memory("GET", "/sse")
		time.Sleep(time.Second)
		if diff := cmp.Diff([]string{`{"n":1}`, `{"n":2}`}, signals(s)); diff != "" {
			t.Errorf("while an effect takes its time (-want +got):\n%s", diff)
		}
		time.Sleep(time.Minute)
		if diff := cmp.Diff([]string{`{"n":3}`, `{"other":1}`}, signals(s)); diff != "" {
			t.Errorf("in the end (-want +got):\n%s", diff)
		}
		s.Close()
		if e := r.end(); e.Cause != sse.CauseClient || !e.Stay || e.Conn {
			t.Errorf("end %+v", e)
		}
	})
}

// A drain is told to the hook of each stream, cuts those that open late, and lets
// actions finish.
func TestDrainIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{})
		r.stay("GET /sse", n(1))
		r.pauses["slow"] = func(ctx context.Context, _ effect.Call[app]) error { time.Sleep(20 * time.Second); return ctx.Err() }
		r.handle("POST /act", func(*twk.Request) twk.Response { return twk.Respond(pause{"slow"}, n(2)) })
		held, act := r.memory("GET", "/sse"), r.memory("POST", "/act")
		synctest.Wait()
		drained := make(chan error, 1)
		go func() { drained <- r.hub.Drain(context.Background(), 0) }()
		synctest.Wait()
		late := r.memory("GET", "/sse")
		for name, s := range map[string]*twktest.Stream{"held": held, "late": late} {
			if err := s.Ended(); err == nil {
				t.Errorf("the %s stream ended normally: its client would not come back", name)
			}
		}
		time.Sleep(20 * time.Second)
		if err := act.Ended(); err != nil {
			t.Errorf("the action: %v", err)
		}
		if err := <-drained; err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{`{"n":2}`}, signals(act)); diff != "" {
			t.Errorf("the action (-want +got):\n%s", diff)
		}
		ends := []closing{r.end(), r.end()}
		slices.SortFunc(ends, func(a, b closing) int { return len(b.Path) - len(a.Path) })
		want := []closing{{Path: "/sse", Stay: true, Cause: sse.CauseShutdown}, {Path: "/act", Cause: sse.CauseDone}}
		slices.SortFunc(want, func(a, b closing) int { return len(b.Path) - len(a.Path) })
		if !slices.Contains(ends, want[0]) || !slices.Contains(ends, want[1]) {
			t.Errorf("ends %+v, want %+v", ends, want)
		}
		r.noEnd()
		if errs := r.errors(); len(errs) > 0 {
			t.Errorf("a shutdown was reported as a failure: %v", errs)
		}
	})
}

// A long stream has the header and the cookies of its response, also if its
// connection is taken over from net/http.
func TestLongStreamHeader(t *testing.T) {
	t.Parallel()
	for _, take := range []bool{false, true} {
		r := newRig(t, setup{hub: sse.HubOptions{TakeOver: take}})
		r.handle("GET /sse", func(*twk.Request) twk.Response {
			return twk.Stream(pause{"conn"}, n(1)).WithHeader("X-Test", "yes").WithCookie(&http.Cookie{Name: "a", Value: "b"})
		})
		s := r.open("/sse")
		s.Next()
		h := s.Response().Header
		if h.Get("Content-Type") != "text/event-stream" || h.Get("X-Test") != "yes" || h.Get("Set-Cookie") != "a=b" || h.Get("Date") == "" {
			t.Errorf("taken over %t: header %v", take, h)
		}
		r.conn().Close(sse.CauseClosed)
		if err := s.Ended(); err != nil {
			t.Errorf("taken over %t: %v", take, err)
		}
	}
}

// flusher is an outlet that gathers.
type flusher struct{ flushed bool }

func (f *flusher) Emit(context.Context, ...*sse.Frame) error { return nil }
func (f *flusher) Flush(context.Context) error               { f.flushed = true; return nil }

// What was collected for one recipient goes out before the stream ends.
func TestCloseSSEFlushesItsOutlet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{})
		r.stay("GET /sse")
		s := r.memory("GET", "/sse")
		c := <-r.conns
		out := &flusher{}
		if err := plain(t).Dispatch(t.Context(), twk.Session{Conn: c, Out: out}, twk.CloseSSE{}).Err(); err != nil {
			t.Fatal(err)
		}
		if !out.flushed {
			t.Error("the outlet was not flushed before the end")
		}
		if err := s.Ended(); err != nil || c.Cause() != sse.CauseClosed {
			t.Errorf("ended with %v, cause %s", err, c.Cause())
		}
	})
}
