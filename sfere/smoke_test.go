package sfere_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/ssetest"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/sfere"
	"github.com/sfere-go/sfere/twk"
)

type app struct{ twk.Session }

// A stream is held before its effects run, receives broadcasts from outside any
// request, and is gone when its client is.
func TestHoldBroadcastClose(t *testing.T) {
	session := func(a *app) *twk.Session { return &a.Session }
	removed := make(chan sfere.Removal, 1)
	conns := sfere.NewMemory(&sfere.Options{OnRemove: func(r sfere.Removal) { removed <- r }})
	d := dispatch.Must(dispatch.New(registry.Lift(twk.Registry(nil), session), registry.Lift(sfere.Registry(conns), session)))
	bridge := twk.NewBridge(d, func(s twk.Session) app { return app{s} }, nil)
	key := sfere.ID("lobby", "ann")
	mux := http.NewServeMux()
	mux.Handle("GET /sse", bridge.Handle(func(*twk.Request) twk.Response {
		return sfere.Hold(key, twk.Stream(
			twk.PatchElements{Elements: twk.HTML(`<p id="s">Connected</p>`)},
			sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{twk.PatchSignals{Signals: map[string]any{"n": 1}}}},
		))
	}))
	srv := httptest.NewServer(mux)
	defer srv.Close()
	req, _ := http.NewRequest("GET", srv.URL+"/sse", nil)
	req.Header.Set("Datastar-Request", "true")
	s := ssetest.Open(t, srv.Client(), req)
	if e := s.Next(ssetest.Wait); e.Type != "datastar-patch-elements" {
		t.Errorf("first event is %v", e)
	}
	if e := s.Next(ssetest.Wait); e.Type != "datastar-patch-signals" {
		t.Errorf("second event is %v", e)
	}
	res := d.Dispatch(context.Background(), app{}, sfere.Broadcast{To: sfere.Everyone, Effects: effect.List{
		twk.PatchElements{Elements: twk.HTML(`<p id="s">Hello</p>`)},
	}})
	if err := res.Err(); err != nil {
		t.Fatal(err)
	}
	if r := sfere.ReportOf(res); r.Delivered != 1 {
		t.Errorf("report %+v", r)
	}
	if e := s.Next(ssetest.Wait); e.Fields()["elements"] != `<p id="s">Hello</p>` {
		t.Errorf("third event is %v", e)
	}
	s.Close()
	if r := <-removed; r.Cause != twk.CauseClient || r.Keys[0] != key.In(sfere.DefaultScope) {
		t.Errorf("removal %+v", r)
	}
	if n, _ := conns.Count(sfere.Everyone); n != 0 {
		t.Errorf("%d left", n)
	}
}
