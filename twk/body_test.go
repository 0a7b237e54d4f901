package twk_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// An effect that reads the body gets all of it, however slowly it comes and
// whatever has been sent meanwhile, and its client gets what was sent before the
// body is complete.
func TestUploadInEffect(t *testing.T) {
	t.Parallel()
	const piece, pieces = 5000, 40
	body := make([]byte, piece*pieces)
	for i := range body {
		body[i] = byte('a' + i/1000%26)
	}
	for _, tt := range []struct {
		name  string
		http2 bool
		take  bool
		stay  bool
		head  string
	}{
		{name: "answer"},
		{name: "stream", stay: true},
		{name: "answer, take-over", take: true},
		{name: "stream, take-over", take: true, stay: true},
		{name: "answer, HTTP/2", http2: true},
		{name: "stream, HTTP/2", http2: true, stay: true},
		{name: "a client that waits to be asked", head: "100-continue"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{http2: tt.http2, hub: sse.HubOptions{TakeOver: tt.take}})
			started, read := make(chan struct{}), make(chan []byte, 1)
			r.pauses["started"] = func(context.Context, effect.Call[app]) error { <-started; return nil }
			r.pauses["upload"] = func(_ context.Context, call effect.Call[app]) error {
				b, err := io.ReadAll(call.Ctx().Request.Body)
				read <- b
				return err
			}
			effects := effect.List{n("uploading"), pause{"started"}, pause{"upload"}, n("done")}
			r.handle("POST /up", func(*twk.Request) twk.Response {
				return twk.Response{Effects: effects, Stay: tt.stay}
			})
			pr, pw := io.Pipe()
			req := r.request("POST", "/up", "", "Content-Type", "application/octet-stream", "Expect", tt.head)
			if tt.head == "" {
				req.Header.Del("Expect")
			}
			req.Body, req.ContentLength = pr, int64(len(body))
			go func() {
				for i := range pieces {
					if i == pieces/2 {
						<-started
					}
					if _, err := pw.Write(body[i*piece : (i+1)*piece]); err != nil {
						t.Errorf("sending piece %d: %v", i, err)
						break
					}
				}
				_ = pw.Close()
			}()
			s := twktest.Open(t, r.srv.Client(), req)
			if got := s.Next().Fields()["signals"]; got != `{"n":"uploading"}` {
				t.Errorf("the first event is %s", got)
			}
			close(started)
			if got := receive(t, read); !bytes.Equal(got, body) {
				t.Errorf("the effect read %d bytes, want all %d as they were sent", len(got), len(body))
			}
			if got := s.Next().Fields()["signals"]; got != `{"n":"done"}` {
				t.Errorf("the last event is %s", got)
			}
			if errs := r.errors(); len(errs) > 0 {
				t.Error(errs)
			}
		})
	}
}

// unsent is a request that announces a body.
func unsent(method, path, kind string) string {
	return method + " " + path + " HTTP/1.1\r\nHost: x\r\nDatastar-Request: true\r\nContent-Type: " + kind + "\r\nContent-Length: 1000\r\n\r\n"
}

// A body that never comes holds up neither what is sent nor the end of a stream,
// and what comes of it later is no request.
func TestUnsentBody(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"POST", "GET"} {
		for _, cause := range []sse.Cause{sse.CauseSlow, sse.CauseClosed} {
			t.Run(method+" "+string(cause), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, setup{hub: sse.HubOptions{WriteTimeout: time.Hour}})
				r.stay(method+" /s", n(1))
				nc := r.raw(unsent(method, "/s", "multipart/form-data"))
				_ = nc.SetReadDeadline(time.Now().Add(twktest.Wait))
				res, err := http.ReadResponse(bufio.NewReader(nc), nil)
				if err != nil {
					t.Fatal(err)
				}
				c := r.conn()
				until(t, "the event is written", func() bool { return c.Info().Sent == 1 })
				c.Close(cause)
				if e := r.end(); e.Cause != cause {
					t.Errorf("end %+v", e)
				}
				_, _ = io.WriteString(nc, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
				body, err := io.ReadAll(res.Body)
				if (err != nil) != cause.Cut() || strings.Count(string(body), "event: ") != 1 {
					t.Errorf("the client got %q and %v", body, err)
				}
				if !res.Close {
					t.Error("the connection is kept, with a body that is not over")
				}
				r.noEnd()
			})
		}
	}
}

// One client that announces a body and sends none does not hold up a shutdown.
func TestShutdownWithUnsentBody(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/stream", "/reads", "/answer"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{bridge: twk.BridgeOptions{BodyTimeout: time.Hour}, server: func(s *httptest.Server) { sse.ConfigureServer(s.Config, nil) }})
			r.pauses["read"] = func(_ context.Context, call effect.Call[app]) error {
				_, err := io.ReadAll(call.Ctx().Request.Body)
				return err
			}
			r.stay("POST /stream", n(1))
			r.stay("POST /reads", n(1), pause{"read"})
			r.handle("POST /answer", func(*twk.Request) twk.Response { return twk.Respond(pause{"conn"}, n(1)) })
			nc := r.raw(unsent("POST", path, "multipart/form-data"))
			_ = nc.SetReadDeadline(time.Now().Add(twktest.Wait))
			r.conn()
			if _, err := http.ReadResponse(bufio.NewReader(nc), nil); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), twktest.Wait)
			defer cancel()
			if err := sse.Shutdown(ctx, r.srv.Config, 0, r.hub); err != nil {
				t.Error(err)
			}
		})
	}
}

// The signals of a request must come in time. The connection can be used again
// after requests that were in time, however long it waits.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	const limit = 300 * time.Millisecond
	r := newRig(t, setup{bridge: twk.BridgeOptions{BodyTimeout: limit}})
	r.handle("POST /act", func(*twk.Request) twk.Response { return twk.Respond(n(1)) })
	r.handle("POST /form", func(r *twk.Request) twk.Response {
		if err := r.ParseForm(); err != nil {
			return twk.BadRequest(err)
		}
		return twk.NoContent()
	})
	for _, tt := range []struct {
		path, kind string
		drip       bool // a byte now and then
	}{
		{"/act", "application/json", false},
		{"/act", "application/json", true},
		{"/form", "application/x-www-form-urlencoded", false},
	} {
		nc := r.raw(unsent("POST", tt.path, tt.kind))
		_ = nc.SetReadDeadline(time.Now().Add(twktest.Wait))
		stop := make(chan struct{})
		if tt.drip {
			go func() {
				for tick := time.Tick(limit / 8); ; {
					select {
					case <-tick:
						_, _ = io.WriteString(nc, " ")
					case <-stop:
						return
					}
				}
			}()
		}
		res, err := http.ReadResponse(bufio.NewReader(nc), nil)
		close(stop)
		if err != nil || res.StatusCode != http.StatusRequestTimeout {
			t.Errorf("%s, drip %t: %v, %v", tt.path, tt.drip, res, err)
		}
	}
	nc := r.raw("")
	br := bufio.NewReader(nc)
	for range 3 {
		fmt.Fprint(nc, "POST /act HTTP/1.1\r\nHost: x\r\nDatastar-Request: true\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
		res, err := http.ReadResponse(br, nil)
		if err != nil || res.StatusCode != http.StatusOK || res.Close {
			t.Fatalf("%v, %v", res, err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		time.Sleep(2 * limit)
	}
}

// A body that nobody reads costs the connection nothing if it has come.
func TestIgnoredBody(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	r.handle("POST /act", func(*twk.Request) twk.Response { return twk.Respond(n(1)) })
	r.handle("POST /none", func(*twk.Request) twk.Response { return twk.Respond() })
	for _, path := range []string{"/act", "/none"} {
		nc := r.raw("")
		br := bufio.NewReader(nc)
		var got []int
		for range 3 {
			fmt.Fprintf(nc, "POST %s HTTP/1.1\r\nHost: x\r\nDatastar-Request: true\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello", path)
			res, err := http.ReadResponse(br, nil)
			if err != nil {
				t.Fatal(path, err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			got = append(got, res.StatusCode)
		}
		if diff := cmp.Diff([]int{200, 200, 200}, got); diff != "" {
			t.Error(path, diff)
		}
	}
	if log := r.log(); log != "" {
		t.Error(log)
	}
}

// An answer that reads a body ends in its time though the client goes on sending.
func TestAnswerTimeoutEndsReading(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{bridge: twk.BridgeOptions{AnswerTimeout: 200 * time.Millisecond, BodyTimeout: time.Hour}})
	r.pauses["read"] = func(_ context.Context, call effect.Call[app]) error {
		_, err := io.ReadAll(call.Ctx().Request.Body)
		return err
	}
	r.handle("POST /up", func(*twk.Request) twk.Response { return twk.Respond(n(1), pause{"read"}) })
	nc := r.raw(unsent("POST", "/up", "text/plain"))
	_ = nc.SetReadDeadline(time.Now().Add(twktest.Wait))
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for tick := time.Tick(20 * time.Millisecond); ; {
			select {
			case <-tick:
				_, _ = io.WriteString(nc, "x")
			case <-stop:
				return
			}
		}
	}()
	res, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(res.Body); err != nil || strings.Count(string(body), "event: ") != 1 {
		t.Errorf("the client got %q and %v", body, err)
	}
	if errs := r.errors(); len(errs) != 1 {
		t.Errorf("errors %v", errs)
	}
}

// A body that comes when its request has been answered is no request, and does no
// harm.
func TestLateBody(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	r.handle("POST /act", func(*twk.Request) twk.Response { return twk.Respond(n(1)) })
	r.handle("POST /none", func(*twk.Request) twk.Response { return twk.Respond() })
	next := false
	r.mux.HandleFunc("/next", func(http.ResponseWriter, *http.Request) { next = true })
	for _, path := range []string{"/act", "/none"} {
		nc := r.raw(unsent("POST", path, "text/plain"))
		_ = nc.SetReadDeadline(time.Now().Add(twktest.Wait))
		br := bufio.NewReader(nc)
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		const request = "GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
		_, _ = io.WriteString(nc, strings.Repeat(request, 1+1000/len(request)+1))
		if _, err := br.ReadByte(); err == nil {
			t.Errorf("%s: the rest of the body was answered", path)
		}
	}
	r.srv.Close()
	if log := r.log(); log != "" || next {
		t.Errorf("a body was taken for a request: %t, %s", next, log)
	}
}

// A stream whose effect waits in vain for a body is not said to have been left by
// its client.
func TestLateBodyOfStream(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{bridge: twk.BridgeOptions{BodyTimeout: 100 * time.Millisecond}})
	r.pauses["read"] = func(_ context.Context, call effect.Call[app]) error {
		_, err := io.ReadAll(call.Ctx().Request.Body)
		return err
	}
	r.stay("POST /up", n(1), pause{"read"})
	r.raw(unsent("POST", "/up", "text/plain"))
	if e := r.end(); e.Cause != sse.CauseExpired {
		t.Errorf("end %+v", e)
	}
	if errs := r.errors(); len(errs) != 1 || sse.StatusOf(errs[0]) != http.StatusRequestTimeout {
		t.Errorf("errors %v", errs)
	}
}
