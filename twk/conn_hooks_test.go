package twk

import (
	"context"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere/sse"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

// grab is an effect that hands the stream of its dispatch to a test.
type grab struct{}

func (grab) EffectName() string { return "test/grab" }

// serveOne runs one long stream in the bubble of the caller. The channel is
// closed when its handler has returned; stop makes its client go away. The
// stream opens once begin is called; what is done to it before is done in time.
func serveOne(t *testing.T, hub *sse.Hub, w *httptest.ResponseRecorder) (c *sse.Conn, begin func(), returned chan struct{}, stop func()) {
	t.Helper()
	conns, gate := make(chan *sse.Conn, 1), make(chan struct{})
	grabs := registry.New("test", effect.Handle("Give the stream to the test.", func(_ context.Context, call *Call, _ grab) (struct{}, error) {
		conns <- call.Ctx().Conn
		<-gate
		return struct{}{}, nil
	}))
	d := dispatch.Must(dispatch.New(Registry(nil), grabs))
	h := NewBridge(d, func(s Session) Session { return s }, &BridgeOptions{Hub: hub}).Handle(func(*Request) Response {
		return Stream(PatchSignals{Signals: map[string]any{"n": 1}}).WithOpen(grab{})
	})
	ctx, stop := context.WithCancel(t.Context())
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	r.Header.Set("Datastar-Request", "true")
	returned = make(chan struct{})
	go func() {
		defer close(returned)
		defer func() { _ = recover() }() // http.ErrAbortHandler
		h.ServeHTTP(w, r)
	}()
	return <-conns, func() { close(gate) }, returned, stop
}

// What a close hook registers with OnEnd is called also if the handler would
// have been quicker: it waits for the hooks of whoever closes the stream.
func TestCloseHooksRunBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, begin, returned, _ := serveOne(t, sse.NewHub(nil), httptest.NewRecorder())
		begin()
		synctest.Wait()
		var ended []sse.Cause
		c.OnClose(func(sse.Cause) {
			select {
			case <-returned:
				t.Error("the handler returned although a close hook is running")
			case <-time.After(time.Minute):
			}
			c.OnEnd(func(cause sse.Cause) { ended = append(ended, cause) })
		})
		c.Close(sse.CauseClosed)
		<-returned
		if len(ended) != 1 || ended[0] != sse.CauseClosed {
			t.Errorf("OnEnd was called with %v, want once with %q", ended, sse.CauseClosed)
		}
	})
}

// OnLive says when its call will not come because the stream is live already.
func TestOnLiveReportsALiveStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, begin, returned, stop := serveOne(t, sse.NewHub(nil), httptest.NewRecorder())
		called := false
		if !c.OnLive(func() { called = true }) {
			t.Error("OnLive refused before the first effects")
		}
		begin()
		synctest.Wait()
		if !called {
			t.Error("OnLive was not called")
		}
		if c.OnLive(func() { t.Error("called although it returned false") }) {
			t.Error("OnLive accepted a live stream")
		}
		stop()
		<-returned
	})
}

// OnSent tells of events that were written, not of heartbeats.
func TestOnSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := httptest.NewRecorder()
		c, begin, returned, stop := serveOne(t, sse.NewHub(&sse.HubOptions{Heartbeat: time.Second}), w)
		begin()
		n := 0
		c.OnSent(func() { n++ })
		synctest.Wait()
		n = 0 // the first effects may have been written before OnSent
		if err := c.Emit(t.Context(), &sse.Frame{bytes: []byte("event: x\n\n")}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n != 1 {
			t.Errorf("OnSent was called %d times for one write, want 1", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if c.Info().Sent < 10 {
			t.Fatalf("%d frames sent, want some heartbeats", c.Info().Sent)
		}
		if n != 1 {
			t.Errorf("OnSent was called %d times in all, want 1: heartbeats do not count", n)
		}
		stop()
		<-returned
	})
}

// A stream carries values for those who keep it.
func TestConnValue(t *testing.T) {
	var c sse.Conn
	type key struct{ n int }
	if v := c.Value(key{1}); v != nil {
		t.Errorf("no value is %v", v)
	}
	c.SetValue(key{1}, "a")
	c.SetValue(key{2}, "b")
	c.SetValue(key{1}, "c")
	if a, b := c.Value(key{1}), c.Value(key{2}); a != "c" || b != "b" {
		t.Errorf("values are %v and %v", a, b)
	}
}

// What was collected for one recipient goes out before the stream ends.
type flusher struct{ flushed bool }

func (f *flusher) Emit(context.Context, ...*sse.Frame) error { return nil }
func (f *flusher) Flush(context.Context) error               { f.flushed = true; return nil }

func TestCloseSSEFlushesItsOutlet(t *testing.T) {
	d := dispatch.Must(dispatch.New(Registry(nil)))
	out := &flusher{}
	c := &sse.Conn{done: make(chan struct{})}
	if err := d.Dispatch(t.Context(), Session{Conn: c, Out: out}, CloseSSE{}).Err(); err != nil {
		t.Fatal(err)
	}
	if !out.flushed {
		t.Error("the outlet was not flushed before the end")
	}
}
