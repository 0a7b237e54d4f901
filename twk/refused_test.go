package twk_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// status is an error that asks for a status.
type status int

func (s status) Error() string   { return fmt.Sprint("status ", int(s)) }
func (s status) HTTPStatus() int { return int(s) }

// A request that is refused is no failure of the program: the error hook is not
// told, and nothing is logged above debug. Failures are.
func TestRefusalIsNoFailure(t *testing.T) {
	opens := func(*sse.Hub) twk.Response { return twk.Stream().WithOpen(refuse{}) }
	asked := func(*sse.Hub) twk.Response { return twk.Stream().WithOpen(refuse{Late: true}) }
	effects := func(*sse.Hub) twk.Response { return twk.Respond(refuse{}) }
	for _, tt := range []struct {
		reason  string
		answer  func(*sse.Hub) twk.Response
		err     error
		status  int // 0 for a cut
		failure bool
	}{
		{"a policy", opens, status(403), 403, false},
		{"nothing there", opens, status(404), 404, false},
		{"taken", opens, &twk.Error{Op: "holding", Status: 409, Err: errBoom}, 409, false},
		{"too many", opens, fmt.Errorf("wrapped: %w", status(429)), 429, false},
		{"full", opens, status(503), 503, false},
		{"an owner says no", asked, status(409), 409, false},
		{"stay away", opens, status(204), 204, false},
		{"two refusals", opens, errors.Join(status(403), status(409)), 403, false},
		{"going down", func(h *sse.Hub) twk.Response {
			_ = h.Drain(context.Background(), 0)
			return twk.Stream()
		}, nil, 0, false},
		{"an error of no status", opens, errBoom, 500, true},
		{"an error that asks for 500", opens, status(502), 502, true},
		{"a refusal and a failure", opens, errors.Join(status(403), errBoom), 403, true},
		{"a panic, whatever it asks for", opens, &twk.Error{Op: "holding", Status: 403, Err: &effect.PanicError{Value: 1}}, 403, true},
		{"a panic of the handler", func(*sse.Hub) twk.Response { panic("a bug") }, nil, 500, true},
		{"a failed effect, though it says no", effects, status(403), 200, true},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			var log bytes.Buffer
			before := slog.Default()
			slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
			defer slog.SetDefault(before)
			d := dispatch.Must(dispatch.New(twk.Registry(nil), registry.New("test",
				effect.Handle("Refuse.", func(_ context.Context, call twk.Call, e refuse) (struct{}, error) {
					if e.Late {
						call.Ctx().Conn.Attach(owner{tt.err})
						return struct{}{}, nil
					}
					return struct{}{}, tt.err
				}))))
			told := 0
			for _, hook := range []func(context.Context, *twk.Request, error) effect.List{nil, func(context.Context, *twk.Request, error) effect.List {
				told++
				return nil
			}} {
				log.Reset()
				hub := sse.NewHub(&sse.HubOptions{Heartbeat: -1})
				h := twk.NewBridge(d, func(s twk.Session) twk.Session { return s }, &twk.BridgeOptions{Hub: hub, OnError: hook})
				w := httptest.NewRecorder()
				cut := false
				func() {
					defer func() { cut = recover() == http.ErrAbortHandler }()
					h.Handle(func(*twk.Request) twk.Response { return tt.answer(hub) }).ServeHTTP(w, twktest.HTTPRequest("GET", "/", nil))
				}()
				if cut != (tt.status == 0) || !cut && w.Code != tt.status {
					t.Errorf("status %d, cut %t; want %d", w.Code, cut, tt.status)
				}
				text := log.String()
				if hook == nil && strings.Contains(text, "level=ERROR") != (tt.failure && !strings.Contains(tt.reason, "says no")) {
					t.Errorf("logged %s", text)
				}
			}
			if (told > 0) != tt.failure {
				t.Errorf("the hook was told %d times", told)
			}
		})
	}
}

// refuse is an effect that fails, or lets an owner of the stream refuse it later.
type refuse struct{ Late bool }

func (refuse) EffectName() string { return "test/refuse" }

// owner refuses its stream.
type owner struct{ err error }

func (o owner) Opens(*sse.Conn) error     { return o.err }
func (owner) Live(*sse.Conn)              {}
func (owner) Closed(*sse.Conn, sse.Cause) {}
func (owner) Ended(*sse.Conn, sse.Cause)  {}

// A client that leaves while its stream opens, or before its first effects are over,
// is no failure of the program; an effect that fails meanwhile is.
func TestLeavingIsNoFailure(t *testing.T) {
	for _, tt := range []struct {
		reason  string
		answer  twk.Response
		err     error
		failure bool
	}{
		{"an effect that stops with its client", twk.Stream(refuse{}), nil, false},
		{"an effect that fails all the same", twk.Stream(refuse{}), errBoom, true},
		{"a stream that opens for nobody", twk.Stream().WithOpen(refuse{}), nil, false},
		{"and one that cannot open", twk.Stream().WithOpen(refuse{}), errBoom, true},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			var log bytes.Buffer
			before := slog.Default()
			slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
			defer slog.SetDefault(before)
			ctx, leave := context.WithCancel(t.Context())
			d := dispatch.Must(dispatch.New(twk.Registry(nil), registry.New("test",
				effect.Do("Wait for the end.", func(ctx context.Context, _ twk.Call, _ refuse) error {
					leave()
					<-ctx.Done()
					return cmp.Or(tt.err, ctx.Err())
				}))))
			h := twk.NewBridge(d, func(s twk.Session) twk.Session { return s }, nil)
			func() {
				defer func() { _ = recover() }()
				h.Handle(func(*twk.Request) twk.Response { return tt.answer }).
					ServeHTTP(httptest.NewRecorder(), twktest.HTTPRequest("GET", "/", nil).WithContext(ctx))
			}()
			if text := log.String(); strings.Contains(text, "level=ERROR") != tt.failure {
				t.Errorf("logged %s", text)
			}
		})
	}
}
