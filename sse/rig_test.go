package sse_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk/twktest"
)

// takeOver runs all tests over sockets with connections that are taken over
// from net/http. It is asked during tests only, so that go test knows that their
// outcome depends on it.
var takeOver = sync.OnceValue(func() bool { return os.Getenv("SFERE_TAKEOVER") != "" })

// rig is a hub behind a real server.
type rig struct {
	t      testing.TB
	hub    *sse.Hub
	mux    *http.ServeMux
	srv    *httptest.Server
	conns  chan *sse.Conn // every long stream that stay has opened
	closed chan closing   // every end that ServeOptions.Closed was told of

	mu   sync.Mutex
	errs []error       // of Serve
	logs *bytes.Buffer // of the server
}

// closing is what was told of the end of a stream.
type closing struct {
	Path  string
	Cause sse.Cause
}

// setup is what tests change about a rig.
type setup struct {
	hub    sse.HubOptions
	wrap   func(http.Handler) http.Handler
	server func(*httptest.Server)
	http2  bool
}

// newRig starts a server, which ends with the test.
func newRig(t testing.TB, s setup) *rig {
	t.Helper()
	r := newBench(t, s)
	var h http.Handler = r.mux
	if s.wrap != nil {
		h = s.wrap(h)
	}
	r.srv = httptest.NewUnstartedServer(h)
	r.srv.Config.ErrorLog = log.New(lockedWriter{r}, "", 0)
	if s.server != nil {
		s.server(r.srv)
	}
	if s.http2 {
		r.srv.EnableHTTP2 = true
		r.srv.StartTLS()
	} else {
		r.srv.Start()
	}
	t.Cleanup(r.stop)
	return r
}

// newBench is newRig without a server, for tests in memory.
func newBench(t testing.TB, s setup) *rig {
	t.Helper()
	if takeOver() {
		s.hub.TakeOver = true
	}
	return &rig{
		t: t, hub: sse.NewHub(&s.hub), mux: http.NewServeMux(),
		conns: make(chan *sse.Conn, 1024), closed: make(chan closing, 1<<16), logs: &bytes.Buffer{},
	}
}

type lockedWriter struct{ r *rig }

func (w lockedWriter) Write(b []byte) (int, error) {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	return w.r.logs.Write(b)
}

// stop ends all streams and the server, and waits for their goroutines.
func (r *rig) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := r.hub.Drain(ctx, 0); err != nil {
		r.t.Errorf("drain: %v", err)
	}
	r.srv.Client().CloseIdleConnections()
	r.srv.CloseClientConnections()
	r.srv.Close()
}

// handle serves a stream at pattern.
func (r *rig) handle(pattern string, o sse.ServeOptions, first func(context.Context, *sse.Conn) error) {
	r.mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
		own := o
		own.Closed = func(c *sse.Conn) {
			if o.Closed != nil {
				o.Closed(c)
			}
			r.closed <- closing{req.URL.Path, c.Cause()}
		}
		if err := r.hub.Serve(w, req, &own, first); err != nil {
			r.mu.Lock()
			r.errs = append(r.errs, err)
			r.mu.Unlock()
			sse.Refuse(w, err)
		}
	})
}

// stay serves a long stream at pattern, and hands the stream to the test.
func (r *rig) stay(pattern string, frames ...*sse.Frame) {
	r.handle(pattern, sse.ServeOptions{}, func(ctx context.Context, c *sse.Conn) error {
		r.conns <- c
		return first(ctx, c, frames...)
	})
}

// short serves a short response at pattern.
func (r *rig) short(pattern string, frames ...*sse.Frame) {
	r.handle(pattern, sse.ServeOptions{Short: true}, func(ctx context.Context, c *sse.Conn) error {
		return first(ctx, c, frames...)
	})
}

// first sends frames one by one, as the first effects of a stream.
func first(ctx context.Context, c *sse.Conn, frames ...*sse.Frame) error {
	for _, f := range frames {
		if err := c.EmitFirst(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// request makes a request with pairs of a header.
func (r *rig) request(method, path string, header ...string) *http.Request {
	r.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, r.srv.URL+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	return req
}

// answer is a whole response.
type answer struct {
	Status int
	Body   string
	Header http.Header
}

func (r *rig) do(req *http.Request) answer {
	r.t.Helper()
	res, err := r.srv.Client().Do(req)
	if err != nil {
		r.t.Errorf("%s %s: %v", req.Method, req.URL.Path, err)
		return answer{}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Errorf("%s %s: reading the body: %v", req.Method, req.URL.Path, err)
	}
	return answer{res.StatusCode, string(body), res.Header}
}

// open opens a stream; see twktest.Open.
func (r *rig) open(path string, header ...string) *twktest.Stream {
	r.t.Helper()
	return twktest.Open(r.t, r.srv.Client(), r.request("GET", path, header...))
}

// conn waits for the next stream that stay opens.
func (r *rig) conn() *sse.Conn { r.t.Helper(); return receive(r.t, r.conns) }

// end waits for the next end of a stream.
func (r *rig) end() closing { r.t.Helper(); return receive(r.t, r.closed) }

// noEnd checks that no further stream has ended, once all are gone.
func (r *rig) noEnd() {
	r.t.Helper()
	until(r.t, "all streams are gone", func() bool { return r.hub.Len() == 0 })
	select {
	case c := <-r.closed:
		r.t.Errorf("one more end: %+v", c)
	default:
	}
}

// errors returns the errors of Serve so far.
func (r *rig) errors() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]error(nil), r.errs...)
}

// log returns what the server has logged.
func (r *rig) log() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.logs.String()
}

// send sends frames to c, each by itself.
func (r *rig) send(c *sse.Conn, frames ...*sse.Frame) error {
	var errs []error
	for _, f := range frames {
		errs = append(errs, c.Emit(context.Background(), f))
	}
	return errors.Join(errs...)
}

// n is an event with the value v.
func n(v any) *sse.Frame { return with(v, sse.FrameOptions{}) }

// with is n with options. The event is one that the reader of package twktest
// finds in order.
func with(v any, o sse.FrameOptions) *sse.Frame {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	f, err := sse.NewFrame(sse.Event{Type: "datastar-patch-signals", Data: []string{"n " + string(text)}}, &o)
	if err != nil {
		panic(err)
	}
	return f
}

// got1 returns the value of an event, as JSON.
func got1(e twktest.Event) string { return e.Fields()["n"] }

// got returns the values of what a client has received.
func got(t *testing.T, body string) (ns []string) {
	t.Helper()
	events, err := twktest.All(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	for _, e := range events {
		ns = append(ns, got1(e))
	}
	return ns
}

func receive[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(twktest.Wait):
		t.Fatal("nothing came in time")
		panic("unreachable")
	}
}

func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(twktest.Wait); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not true: %s", what)
		}
	}
}

// raw sends text over a connection of its own, which reads nothing by itself.
func (r *rig) raw(text string) net.Conn {
	r.t.Helper()
	addr := r.srv.Listener.Addr().String()
	var c net.Conn
	var err error
	if strings.HasPrefix(r.srv.URL, "https:") {
		c, err = tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test server
	} else {
		c, err = net.Dial("tcp", addr)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		r.t.Fatal(err)
	}
	return c
}
