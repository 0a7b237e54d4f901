package twk_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// steps is what effects of a test have done.
type steps struct {
	mu  sync.Mutex
	all []string
}

func (s *steps) add(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, what)
}

func (s *steps) list() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// The effects of an answer run to their end although its client leaves in the
// middle; those of a stream stop with its client.
func TestAnswerRunsToItsEnd(t *testing.T) {
	t.Parallel()
	answer := func(items ...effect.Data) func(*sse.Conn) twk.Response {
		return func(*sse.Conn) twk.Response { return twk.Respond(items...) }
	}
	list := []effect.Data{n("here"), pause{"leaves"}, pause{"save"}, pause{"tell"}}
	for _, tt := range []struct {
		name, reason string
		resp         func(viewer *sse.Conn) twk.Response
		onViewer     bool // the answer itself goes to the stream of the viewer
		want         []string
	}{
		{"answer", "somebody asked for it; half of it is worse than late", answer(list...), false, []string{"saved", "told"}},
		{"on another stream", "likewise if the answer goes there", func(viewer *sse.Conn) twk.Response { return twk.Respond(list...).On(viewer) }, true, []string{"saved", "told"}},
		{"reuse", "likewise if an opener gives it to another stream", func(viewer *sse.Conn) twk.Response {
			return twk.Respond(list...).WithOpen(pause{"reuse"})
		}, true, []string{"saved", "told"}},
		{"a stream that gives its effects to another", "they are an answer then", func(viewer *sse.Conn) twk.Response {
			return twk.Stream(list...).WithOpen(pause{"reuse"})
		}, true, []string{"saved", "told"}},
		{"stream", "there is nobody to run it for", func(*sse.Conn) twk.Response { return twk.Stream(list...) }, false, nil},
	} {
		for _, take := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				r := newRig(t, setup{hub: sse.HubOptions{TakeOver: take}})
				var did steps
				arrived := make(chan struct{})
				done := make(chan struct{})
				var viewer *sse.Conn
				r.pauses["leaves"] = func(ctx context.Context, call effect.Call[app]) error {
					close(arrived)
					select {
					case <-call.Ctx().Request.Context().Done():
					case <-time.After(twktest.Wait):
						t.Error("the client did not leave")
					}
					return nil
				}
				r.pauses["save"] = func(ctx context.Context, _ effect.Call[app]) error {
					if err := ctx.Err(); err != nil {
						return err
					}
					did.add("saved")
					return nil
				}
				r.pauses["tell"] = func(ctx context.Context, _ effect.Call[app]) error {
					did.add("told")
					return r.send(viewer, signal("news", 1))
				}
				r.pauses["reuse"] = func(ctx context.Context, call effect.Call[app]) error { return twk.Reuse{Conn: viewer} }
				r.stay("GET /sse")
				r.handle("POST /act", func(*twk.Request) twk.Response {
					return tt.resp(viewer)
				})
				s := r.open("/sse")
				viewer = r.conn()
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				go func() {
					defer close(done)
					res, err := r.srv.Client().Do(r.request("POST", "/act", "{}").WithContext(ctx))
					if err == nil {
						<-ctx.Done()
						res.Body.Close()
					}
				}()
				receive(t, arrived)
				leave()
				receive(t, done)
				if tt.onViewer {
					s.Until(func(e twktest.Event) bool { return e.Fields()["signals"] == `{"n":"here"}` })
				}
				if tt.want != nil {
					s.Until(func(e twktest.Event) bool { return strings.Contains(e.Fields()["signals"], "news") })
				}
				until(t, "the answer is over", func() bool { return r.hub.Len() == 1 })
				if diff := cmp.Diff(tt.want, did.list()); diff != "" {
					t.Errorf("%s, taken over %t (-want +got):\n%s", tt.reason, take, diff)
				}
				if errs := r.errors(); len(errs) > 0 {
					t.Errorf("%s, taken over %t: a client that leaves was reported: %v", tt.reason, take, errs)
				}
			})
		}
	}
}

// AnswerTimeout stops effects that take too long, and OnError is told what was
// stopped and why.
func TestAnswerTimeout(t *testing.T) {
	list := []effect.Data{pause{"slow"}, pause{"save"}, pause{"save"}}
	for _, tt := range []struct {
		reason  string
		timeout time.Duration
		resp    func(viewer *sse.Conn) twk.Response
		want    time.Duration // after which it was stopped, 0 for never
	}{
		{"the default", 0, func(*sse.Conn) twk.Response { return twk.Respond(list...) }, 30 * time.Second},
		{"a limit of the program's", time.Minute, func(*sse.Conn) twk.Response { return twk.Respond(list...) }, time.Minute},
		{"on another stream", 0, func(viewer *sse.Conn) twk.Response { return twk.Respond(list...).On(viewer) }, 30 * time.Second},
		{"negative means none", -1, func(*sse.Conn) twk.Response { return twk.Respond(list...) }, 0},
		{"a stream may take its time", time.Second, func(*sse.Conn) twk.Response { return twk.Stream(list...) }, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newBench(t, setup{bridge: twk.BridgeOptions{AnswerTimeout: tt.timeout}})
			var did steps
			began := time.Now()
			var stopped time.Duration
			r.pauses["slow"] = func(ctx context.Context, _ effect.Call[app]) error {
				select {
				case <-ctx.Done():
					stopped = time.Since(began)
				case <-time.After(time.Hour):
				}
				return nil
			}
			r.pauses["save"] = func(context.Context, effect.Call[app]) error { did.add("saved"); return nil }
			r.stay("GET /sse")
			r.memory("GET", "/sse")
			viewer := <-r.conns
			r.handle("POST /act", func(*twk.Request) twk.Response { return tt.resp(viewer) })
			r.memory("POST", "/act")
			time.Sleep(2 * time.Hour)
			if stopped != tt.want {
				t.Errorf("%s: stopped after %v, want %v", tt.reason, stopped, tt.want)
			}
			errs := r.errors()
			if tt.want == 0 {
				if len(errs) != 0 || len(did.list()) != 2 {
					t.Errorf("%s: errors %v, did %v", tt.reason, errs, did.list())
				}
				return
			}
			if len(did.list()) != 0 {
				t.Errorf("%s: did %v after its time was over", tt.reason, did.list())
			}
			if len(errs) != 1 || !errors.Is(errs[0], context.DeadlineExceeded) || !strings.Contains(errs[0].Error(), "AnswerTimeout") || !strings.Contains(errs[0].Error(), "test/pause at 1") {
				t.Errorf("%s: OnError was told %v", tt.reason, errs)
			}
		})
	}
}
