package record_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// app is a program with streams, whose dispatches rec sees.
func app(t *testing.T, rec *record.Recorder, rs ...registry.Registry[twk.Session]) (*sfere.App[twk.Session], *httptest.Server) {
	t.Helper()
	a := sfere.NewApp(nil, append([]registry.Registry[twk.Session]{registry.New("record", record.Interceptor[twk.Session](rec))}, rs...)...)
	srv := httptest.NewServer(a)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), twktest.Wait)
		defer cancel()
		if err := a.Hub().Drain(ctx, 0); err != nil {
			t.Error(err)
		}
		srv.Close()
		a.Conns().Close()
	})
	return a, srv
}

func request(t *testing.T, method, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Datastar-Request", "true")
	return req
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// What a recorder holds on to is bounded in bytes, whatever it is given.
func TestRecorderIsBounded(t *testing.T) {
	const limit = 2 << 20
	big := func(i int) string { return fmt.Sprint(i) + strings.Repeat("y", 300_000) }
	held := func(i int) effect.Data {
		return sfere.Broadcast{To: sfere.Category(fmt.Sprint("room", i)), Effects: effect.List{twk.PatchElements{Elements: twk.HTML(big(i))}}}
	}
	for _, tt := range []struct {
		reason string
		item   func(i int) effect.Data
	}{
		{"long texts", func(i int) effect.Data { return Do{Name: big(i)} }},
		{"a broadcast of long markup that reaches nobody", held},
		{"long signals", func(i int) effect.Data { return twk.PatchSignals{Signals: map[string]any{"a": big(i)}} }},
		{"many signals", func(i int) effect.Data {
			m := map[string]int{}
			for k := range 4000 {
				m[fmt.Sprint(i, k)] = k
			}
			return twk.PatchSignals{Signals: m}
		}},
		{"a long list", func(i int) effect.Data { return twk.PatchSignals{Signals: map[string]any{"a": make([]int, 50_000+i)}} }},
		{"long JSON", func(i int) effect.Data { return effect.Raw{Effect: "test/gone", Args: []byte(`"` + big(i) + `"`)} }},
		{"a piece of something long", func(i int) effect.Data { return Do{Name: big(i)[:100+i]} }},
		{"long errors", func(i int) effect.Data { return Fail{Text: big(i)} }},
		{"long results", func(i int) effect.Data { return Give{Text: big(i)} }},
		{"a name that is long", func(i int) effect.Data { return effect.Raw{Effect: big(i)} }},
		{"many small ones", func(i int) effect.Data {
			l := effect.List{}
			for k := range 100 {
				l = append(l, Do{Name: fmt.Sprint(i, k)})
			}
			return effect.Batch{Effects: l}
		}},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			rec := record.NewWith(&record.Options{Entries: 10_000, Bytes: limit})
			d := dispatch.Must(dispatch.New(
				registry.New("record", record.Interceptor[twk.Session](rec)), twk.Registry(nil), sfere.Registry(sfere.New(nil)), hostile(),
			))
			before := heap()
			n := 100
			if testing.Short() {
				n = 30
			}
			for i := range n {
				d.Dispatch(t.Context(), twk.Session{}, tt.item(i), effect.Raw{Effect: fmt.Sprint("none/", i)}) // no two are alike
			}
			if grown := int64(heap()) - int64(before); grown > 2*limit {
				t.Errorf("%d dispatches keep %d kB, want at most about %d kB", n, grown>>10, limit>>10)
			}
			if got := rec.Stats().Bytes; got > limit || got <= 0 {
				t.Errorf("the recorder reckons %d bytes, want at most %d", got, limit)
			}
			if got := len(rec.Summaries()); got < 5 {
				t.Errorf("only %d dispatches are kept", got)
			}
			runtime.KeepAlive(rec)
		})
	}
}

// Fail fails with a text, Give returns one.
type Fail struct {
	Text string `json:"text"`
}

func (Fail) EffectName() string { return "test/fail" }

type Give struct {
	Text string `json:"text"`
}

func (Give) EffectName() string { return "test/give" }

func hostile() registry.Registry[twk.Session] {
	return registry.New("hostile",
		effect.Handle("Nothing.", func(context.Context, twk.Call, Do) (any, error) { return nil, nil }),
		effect.Handle("Fail.", func(_ context.Context, _ twk.Call, f Fail) (any, error) { return nil, errors.New(f.Text) }),
		effect.Handle("Give.", func(_ context.Context, _ twk.Call, g Give) (string, error) { return g.Text, nil }),
	)
}

// What is cut says so.
func TestRecorderCuts(t *testing.T) {
	rec := record.New(0)
	d := dispatch.Must(dispatch.New(registry.New("record", record.Interceptor[twk.Session](rec)), twk.Registry(nil), hostile()))
	long := strings.Repeat("y", 200_000)
	d.Dispatch(t.Context(), twk.Session{Out: &twk.Collector{}}, twk.PatchElements{Elements: twk.HTML(long), Selector: "#a"}, Give{Text: long}, Fail{Text: long})
	steps := rec.Recent()[0].Steps
	p := steps[0].Item.(twk.PatchElements)
	if s := string(p.Elements.(twk.HTML)); len(s) > record.MaxValue || !strings.HasPrefix(s, "yyy") || !strings.Contains(s, "bytes left out") || p.Selector != "#a" {
		t.Errorf("kept are %d bytes that end in %q, selector %q", len(s), s[len(s)-30:], p.Selector)
	}
	for i, s := range steps {
		if s.Omitted < 200_000-record.MaxValue || s.Omitted > 1_000_000 {
			t.Errorf("step %d: %d bytes are said to be left out", i, s.Omitted)
		}
	}
	if text := steps[2].Error.Error(); len(text) > 8<<10 || !strings.Contains(text, "bytes left out") {
		t.Errorf("an error is kept with %d bytes", len(text))
	}
}

// A ticker drowns neither what people did nor what failed.
func TestRecorderSurvivesTickers(t *testing.T) {
	rec := record.New(50)
	a, srv := app(t, rec, hostile())
	a.Handle("POST /do", func(*twk.Request) twk.Response { return twk.Respond(Do{Name: "by hand"}) })
	do := func() {
		t.Helper()
		resp, err := srv.Client().Do(request(t, "POST", srv.URL+"/do"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	do()
	a.Dispatch(t.Context(), Fail{Text: "once"})
	for i := range 300 {
		a.Dispatch(t.Context(), sfere.Broadcast{To: sfere.Category("clock"), Effects: effect.List{twk.PatchSignals{Signals: map[string]any{"n": i}}}})
		a.Dispatch(t.Context(), sfere.Broadcast{To: sfere.Category("prices"), Effects: effect.List{twk.PatchSignals{Signals: map[string]any{"n": i}}}})
		a.Dispatch(t.Context(), Fail{Text: "always"})
	}
	times := map[string]int{}
	for _, d := range rec.Recent() {
		times[strings.Join(append(d.Names, d.Targets...), " ")] += d.Times
	}
	delete(times, "twk/sse-closed")
	want := map[string]int{"test/do": 1, "test/fail": 301, "sfere/broadcast /clock/*": 300, "sfere/broadcast /prices/*": 300}
	if diff := cmp.Diff(want, times); diff != "" {
		t.Errorf("dispatches by name (-want +got):\n%s", diff)
	}
	var failures []string
	for _, f := range rec.Failures(0) {
		failures = append(failures, fmt.Sprint(f.Times, " ", f.Step.Error))
	}
	if diff := cmp.Diff([]string{"300 always", "1 once"}, failures); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	for i := range 200 { // all different
		a.Dispatch(t.Context(), Do{}, effect.Raw{Effect: "test/do", Args: fmt.Appendf(nil, `{"name":"%d"}`, i)}, Give{})
		do()
	}
	if got := rec.Find(record.Filter{Failed: true, Text: "once"}, 0); len(got) != 1 {
		t.Errorf("a failure was pushed out by what did not fail: %d found", len(got))
	}
}

// One broadcast to many is shown once, with a count of what was the same.
func TestRecorderJoinsRecipients(t *testing.T) {
	rec := record.New(0)
	a, srv := app(t, rec, registry.New("own", effect.Handle("Something for one recipient.", func(ctx context.Context, call twk.Call, d Do) (any, error) {
		to, _ := sfere.RecipientOf(ctx)
		if to.Key.ID == "p3" {
			return nil, errors.New("not for you")
		}
		return nil, errors.New("a bug in a view")
	})))
	a.Handle("GET /s", func(r *twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("room", r.URL.Query().Get("id")), twk.Stream(twk.PatchSignals{Signals: map[string]any{"hello": 1}}))
	})
	const n = 20
	for i := range n {
		twktest.Open(t, srv.Client(), request(t, "GET", fmt.Sprint(srv.URL, "/s?id=p", i))).Next()
	}
	a.Dispatch(t.Context(), sfere.Broadcast{To: sfere.Category("room"), Effects: effect.List{Do{}}})
	d := rec.Recent()[0]
	got := map[string]int{}
	for _, inner := range d.Steps[0].Nested {
		for _, s := range inner.Steps {
			if s.Error != nil && inner.Stream != 0 {
				got[s.Error.Error()] += inner.Times
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"a bug in a view": n - 1, "not for you": 1}, got); diff != "" {
		t.Errorf("failures by recipients (-want +got):\n%s", diff)
	}
	if len(d.Steps[0].Nested) > 4 || d.Continuations < n {
		t.Errorf("%d continuations are kept of %d", len(d.Steps[0].Nested), d.Continuations)
	}
}

// A dispatch tells where it comes from.
func TestRecorderOrigin(t *testing.T) {
	rec := record.New(0)
	a, srv := app(t, rec, hostile())
	a.Handle("GET /s/{id}", func(r *twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("room", r.PathValue("id")), twk.Stream(Do{}))
	})
	a.Handle("POST /reset/{token}/{name}", func(*twk.Request) twk.Response { return twk.Respond(Do{}) })
	stream := twktest.Open(t, srv.Client(), request(t, "GET", srv.URL+"/s/ann?a=b"))
	resp, err := srv.Client().Do(request(t, "POST", srv.URL+"/reset/tok123456/ann?password=hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	a.Dispatch(t.Context(), sfere.Broadcast{To: sfere.Category("room"), Effects: effect.List{twk.PatchSignals{Signals: map[string]any{"n": 1}}}})
	stream.Next()
	type from struct {
		Request, Key string
		Stream       bool
		Targets      []string
	}
	var got []from
	for _, d := range rec.Recent() {
		if d.Names[0] == "twk/sse-closed" {
			continue
		}
		got = append(got, from{d.Request, d.Key, d.Stream != 0, d.Targets})
	}
	want := []from{
		{Targets: []string{"/room/*"}},
		{Request: "POST /reset/" + record.Hidden + "/ann", Stream: true},
		{Request: "GET /s/ann", Key: "default/room/ann", Stream: true},
		{Request: "GET /s/ann", Key: "default/room/ann", Stream: true, Targets: []string{"/room/ann"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("origins, newest first (-want +got):\n%s\n%+v", diff, rec.Summaries())
	}
}

// counted is content that counts how often it is rendered.
type counted struct{ n *atomic.Int64 }

func (c counted) Render(_ context.Context, w io.Writer) error {
	c.n.Add(1)
	_, err := io.WriteString(w, `<p id="a">x</p>`)
	return err
}

// A recorder looks without asking: what may run once for all recipients still does.
func TestRecorderLetsBroadcastsRunOnce(t *testing.T) {
	rec := record.New(0)
	a, srv := app(t, rec)
	a.Handle("GET /s", func(r *twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("room", r.URL.Query().Get("id")), twk.Stream(twk.PatchSignals{Signals: map[string]any{"hello": 1}}))
	})
	for i := range 5 {
		twktest.Open(t, srv.Client(), request(t, "GET", fmt.Sprint(srv.URL, "/s?id=p", i))).Next()
	}
	var n atomic.Int64
	res := a.Dispatch(t.Context(), sfere.Broadcast{To: sfere.Category("room"), Effects: effect.List{twk.PatchElements{Elements: counted{&n}}}})
	if got := n.Load(); got != 1 || sfere.ReportOf(res).Delivered != 5 {
		t.Errorf("the content was rendered %d times, want 1; %+v", got, sfere.ReportOf(res))
	}
}
