//go:build unix

package bench

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

// subject is a way of sending to many streams.
type subject interface {
	http.Handler // GET /?topic=scope/category/id, until the context is done
	broadcast(topic, html string)
}

// app is the subject under test: a program as one writes it.
type app struct {
	http.Handler
	hub *sse.Hub
	d   *dispatch.Dispatcher[session]
}

type session struct{ twk.Session }

// meet hands the stream of its dispatch to a test.
type meet struct{}

func (meet) EffectName() string { return "bench/meet" }

// newApp returns an app; met, if not nil, is told of every stream that opens.
func newApp(o *sse.HubOptions, met func(*sse.Conn)) *app { return newAppWith(o, met, nil) }

// newAppWith is newApp with an observer.
func newAppWith(o *sse.HubOptions, met func(*sse.Conn), by sfere.AppObserver) *app {
	lift := func(s *session) *twk.Session { return &s.Session }
	var hub sse.HubOptions
	if o != nil {
		hub = *o
	}
	var options sfere.Options
	var limits dispatch.Options
	if by != nil {
		hub.OnWritten, options.Observer, limits.Observer = by.Written, by, by
	}
	a := &app{hub: sse.NewHub(&hub)}
	conns := sfere.New(&options)
	a.d = dispatch.Must(dispatch.NewWith(&limits, registry.Lift(twk.Registry(nil), lift), registry.Lift(sfere.Registry(conns), lift),
		registry.Lift(registry.New("bench", effect.Handle("Meet the stream.", func(_ context.Context, call twk.Call, _ meet) (struct{}, error) {
			met(call.Ctx().Conn)
			return struct{}{}, nil
		})), lift)))
	bridge := twk.NewBridge(a.d, func(s twk.Session) session { return session{s} }, &twk.BridgeOptions{Hub: a.hub})
	a.Handler = bridge.Handle(func(r *twk.Request) twk.Response {
		k, err := sfere.ParseKey(r.URL.Query().Get("topic"))
		if err != nil {
			return twk.BadRequest(err)
		}
		resp := twk.Stream()
		if met != nil {
			resp = resp.WithOpen(meet{})
		}
		return sfere.Hold(k, resp)
	})
	return a
}

func (a *app) broadcast(topic, html string) {
	p, err := sfere.ParsePattern(topic)
	if err == nil {
		err = a.send(p, twk.PatchElements{Elements: twk.HTML(html)})
	}
	if err != nil {
		panic(err)
	}
}

func (a *app) send(to sfere.Pattern, items ...effect.Data) error {
	return a.d.Dispatch(context.Background(), session{}, sfere.Broadcast{To: to, Effects: items}).Err()
}

// rooms holds the streams of a floor by topic.
type rooms[T any] struct {
	mu sync.Mutex
	m  map[string][]T
}

func (r *rooms[T]) add(topic string, v T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.m == nil {
		r.m = map[string][]T{}
	}
	r.m[topic] = append(r.m[topic], v)
}

// loop is the lowest floor: one goroutine writes to all. It has no answer to a
// slow client.
type loop struct {
	rooms[http.ResponseWriter]
	keys map[string][]string // topics, taken apart
	buf  []byte
}

func (l *loop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin(w)
	topic := r.URL.Query().Get("topic")
	l.add(topic, w)
	l.mu.Lock()
	if l.keys == nil {
		l.keys = map[string][]string{}
	}
	l.keys[topic] = strings.Split(topic, "/")
	l.mu.Unlock()
	<-r.Context().Done()
}

func (l *loop) broadcast(topic, html string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = event(l.buf[:0], html)
	if !strings.Contains(topic, "*") {
		l.write(l.m[topic])
		return
	}
	want := strings.Split(topic, "/")
	for name, ws := range l.m {
		if got := l.keys[name]; (want[0] == "*" || want[0] == got[0]) && (want[1] == "*" || want[1] == got[1]) && (want[2] == "*" || want[2] == got[2]) {
			l.write(ws)
		}
	}
}

func (l *loop) write(ws []http.ResponseWriter) {
	for _, w := range ws {
		_, _ = w.Write(l.buf)
		_ = http.NewResponseController(w).Flush()
	}
}

// queue is the floor with the guarantees that matter: a goroutine and a bounded
// channel for each stream, all that has gathered written with one flush.
type queue struct{ rooms[chan []byte] }

func (q *queue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin(w)
	ch := make(chan []byte, 64)
	q.add(r.URL.Query().Get("topic"), ch)
	rc := http.NewResponseController(w)
	for {
		select {
		case <-r.Context().Done():
			return
		case b := <-ch:
			_, _ = w.Write(b)
			for len(ch) > 0 {
				_, _ = w.Write(<-ch)
			}
			_ = rc.Flush()
		}
	}
}

func (q *queue) broadcast(topic, html string) {
	b := event(nil, html)
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, ch := range q.m[topic] {
		ch <- b
	}
}

func begin(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
}

func event(b []byte, html string) []byte {
	b = append(b, "event: datastar-patch-elements\ndata: elements "...)
	return append(append(b, html...), "\n\n"...)
}

// mark is in every event once, and nowhere else.
var mark = []byte("~")

// fleet is many streams on ResponseWriters that count and discard.
type fleet struct {
	done chan struct{} // told when everybody has got everything
	open sync.WaitGroup
	conn []*sink

	_      [64]byte
	groups atomic.Int64 // with something still to come
	part   [64]struct { // one counter would be what is measured
		left atomic.Int64
		_    [120]byte
	}
}

// sink is one stream of a fleet.
type sink struct {
	header  http.Header
	f       *fleet
	part    int
	pending int
	begun   bool
	_       [64]byte
}

func (s *sink) Header() http.Header              { return s.header }
func (s *sink) WriteHeader(int)                  {}
func (s *sink) SetWriteDeadline(time.Time) error { return nil }
func (s *sink) SetReadDeadline(time.Time) error  { return nil }
func (s *sink) Flush()                           { _ = s.FlushError() }
func (s *sink) Write(b []byte) (int, error) {
	s.pending += bytes.Count(b, mark)
	return len(b), nil
}

func (s *sink) FlushError() error {
	if !s.begun {
		s.begun = true
		s.f.open.Done()
	}
	if n := s.pending; n > 0 {
		s.pending = 0
		if p := &s.f.part[s.part].left; p.Add(int64(-n)) == 0 && s.f.groups.Add(-1) == 0 {
			s.f.done <- struct{}{}
		}
	}
	return nil
}

// newFleet opens n streams of s.
func newFleet(b *testing.B, s subject, n int, topic func(i int) string) *fleet {
	ctx, stop := context.WithCancel(context.Background())
	f := &fleet{done: make(chan struct{}, 1)}
	b.Cleanup(stop)
	for i := range n {
		f.open.Add(1)
		c := &sink{header: http.Header{}, f: f, part: i % len(f.part)}
		f.conn = append(f.conn, c)
		go s.ServeHTTP(c, request(topic(i)).WithContext(ctx))
		if i%1000 == 999 {
			f.open.Wait()
		}
	}
	f.open.Wait()
	time.Sleep(20 * time.Millisecond) // the last ones may not be in their room yet
	return f
}

func request(topic string) *http.Request {
	return &http.Request{
		Method: "GET", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Host: "bench", RemoteAddr: "127.0.0.1:1", Body: http.NoBody,
		URL: &url.URL{Path: "/", RawQuery: "topic=" + url.QueryEscape(topic)}, Header: http.Header{"Datastar-Request": {"true"}},
	}
}

// expectAll announces that every stream gets n events; expect that the streams
// get n in all, counted as one group.
func (f *fleet) expectAll(n int) {
	size := len(f.conn) / len(f.part)
	f.groups.Store(int64(len(f.part)))
	for i := range f.part {
		extra := 0
		if i < len(f.conn)%len(f.part) {
			extra = 1
		}
		f.part[i].left.Store(int64((size + extra) * n))
	}
}

func (f *fleet) expect(n int) {
	for _, c := range f.conn {
		c.part = 0
	}
	f.groups.Store(1)
	f.part[0].left.Store(int64(n))
}

func (f *fleet) wait(b *testing.B) {
	select {
	case <-f.done:
	case <-time.After(20 * time.Second):
		b.Fatal("not everybody has got everything")
	}
}

func payload(size int) string {
	html := fmt.Sprintf(`<div id="bench" data-t="~%032d">`, 1)
	for len(html) < size-6 {
		html += "x"
	}
	return html + "</div>"
}
