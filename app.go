package sfere

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// AppOptions adjust an [App]. Zero fields mean the defaults of the part that they
// are for.
type AppOptions struct {
	// Conns are the options of the connections: scopes, policy, store.
	Conns *Options
	// Relay connects the App to the same program on other machines. It is
	// Options.Relay, which is used if this is nil.
	Relay relay.Relay
	// Hub are the options of the streams: outboxes, heartbeat, compression.
	Hub *sse.HubOptions
	// Bridge are the options of the handlers, such as OnError. Its Hub is not
	// used; the App makes its own from the options above.
	Bridge *twk.BridgeOptions
	// Registry are the options of the effects of package twk.
	Registry *twk.RegistryOptions
	// Dispatch are the limits of the dispatcher.
	Dispatch *dispatch.Options
	// Observer is told of everything that the App does, such as for metrics and traces;
	// package telemetry has one. It takes the place of those in Conns, Hub and Dispatch.
	// Default: those.
	Observer AppObserver
	// Server are the timeouts of the server of [App.Run].
	Server *sse.ServerOptions
	// Client is the Datastar client of the pages. If it has a Handler, the App
	// serves it at its URL. Default: the App serves none.
	Client twk.Client
	// Window is the time over which a shutdown spreads the ends of the streams,
	// so that their clients do not all come back at once. Default 2 s, negative
	// means all at once.
	Window time.Duration
	// Grace bounds a shutdown, Window included. What has not finished by then is
	// cut. Default 10 s.
	Grace time.Duration
	// Notice is how long a shutdown goes on serving while [App.Health] says that it is
	// coming, so that a load balancer that asks sends nobody any more. Default: not at
	// all.
	Notice time.Duration
	// AnyOrigin lets pages of other origins send requests that change something.
	// Default: such requests are answered 403 (http.CrossOriginProtection).
	AnyOrigin bool
}

func (o *AppOptions) check() error {
	if d := o.Window; d > 0 && d < shortest {
		return fmt.Errorf("AppOptions.Window is %v: use a duration such as 2*time.Second, or a negative one for none", d)
	}
	if d := o.Notice; d < 0 || d > 0 && d < shortest {
		return fmt.Errorf("AppOptions.Notice is %v: use a duration such as 5*time.Second, or 0 for none", d)
	}
	if d := o.Grace; d != 0 && d < shortest {
		return fmt.Errorf("AppOptions.Grace is %v: use a duration such as 10*time.Second", d)
	}
	return o.Conns.check()
}

// App is the front door: one value that holds a dispatcher with the effects of
// packages twk and sfere, a [twk.Bridge], a [sse.Hub], a [Conns] and a
// ServeMux. Everything it does can be done without it, from those parts. Make
// one with [NewApp] or [NewAppWith]. Its methods may be called from any
// goroutine. Handle and HandleHTTP must be called before it serves.
type App[C any] struct {
	opts   AppOptions
	d      *dispatch.Dispatcher[C]
	hub    *sse.Hub
	conns  *Conns
	newCtx func(twk.Session) C
	bridge *twk.Bridge[C]
	mux    *http.ServeMux
	serve  http.Handler
	ending atomic.Bool // it shuts down
}

// NewApp returns an App whose Ctx is a [twk.Session], for programs without effects
// that need more. nil options mean the defaults. It panics as [NewAppWith] does.
func NewApp(o *AppOptions, rs ...registry.Registry[twk.Session]) *App[twk.Session] {
	return NewAppWith(func(s twk.Session) twk.Session { return s }, o, rs...)
}

// NewAppWith returns an App with a Ctx of the program's own, which embeds a
// [twk.Session], and the effects of rs beside those of packages twk and sfere.
// newCtx makes the Ctx of a request around its session. It may be called
// concurrently. nil options mean the defaults.
//
//	type App struct {
//		twk.Session
//		User string
//	}
//
//	app := sfere.NewAppWith(func(s twk.Session) App { return App{s, userOf(s.Request)} }, nil, boards(db))
//
// If something is wrong with the registries or the options, it panics with the
// error of [BuildApp].
func NewAppWith[C any, P interface {
	*C
	EmbeddedSession() *twk.Session
}](newCtx func(twk.Session) C, o *AppOptions, rs ...registry.Registry[C]) *App[C] {
	a, err := BuildApp[C, P](newCtx, o, rs...)
	if err != nil {
		panic(err)
	}
	return a
}

// BuildApp is [NewAppWith] with an error instead of a panic. The error joins
// everything that is wrong; each part names its place in the program and the
// remedy.
func BuildApp[C any, P interface {
	*C
	EmbeddedSession() *twk.Session
}](newCtx func(twk.Session) C, o *AppOptions, rs ...registry.Registry[C]) (*App[C], error) {
	a := &App[C]{mux: http.NewServeMux(), newCtx: newCtx}
	if o != nil {
		a.opts = *o
	}
	if newCtx == nil {
		return nil, &Error{Op: "building an App", Err: errors.New("newCtx is nil: pass a function that makes a Ctx around a twk.Session")}
	}
	if err := a.opts.check(); err != nil {
		return nil, &Error{Op: "building an App", Err: err}
	}
	a.opts.Window = cmp.Or(a.opts.Window, 2*time.Second)
	a.opts.Grace = cmp.Or(a.opts.Grace, 10*time.Second)
	var conns Options
	if a.opts.Conns != nil {
		conns = *a.opts.Conns
	}
	if a.opts.Relay != nil {
		conns.Relay = a.opts.Relay
	}
	var hub sse.HubOptions
	if a.opts.Hub != nil {
		hub = *a.opts.Hub
	}
	var limits dispatch.Options
	if a.opts.Dispatch != nil {
		limits = *a.opts.Dispatch
	}
	if o := a.opts.Observer; o != nil {
		conns.Observer, limits.Observer, hub.OnWritten = o, o, o.Written
	}
	a.conns, a.hub = New(&conns), sse.NewHub(&hub)
	session := func(c *C) *twk.Session { return P(c).EmbeddedSession() }
	all := append([]registry.Registry[C]{
		registry.Lift(twk.Registry(a.opts.Registry), session),
		registry.Lift(Registry(a.conns), session),
	}, rs...)
	var err error
	if a.d, err = dispatch.NewWith(&limits, all...); err != nil {
		return nil, &Error{Op: "building an App", Err: err}
	}
	var b twk.BridgeOptions
	if a.opts.Bridge != nil {
		b = *a.opts.Bridge
	}
	b.Hub = a.hub
	a.bridge = twk.NewBridge(a.d, newCtx, &b)
	a.serve = a.mux
	if !a.opts.AnyOrigin {
		a.serve = http.NewCrossOriginProtection().Handler(a.mux)
	}
	if o := a.opts.Observer; o != nil {
		o.Watch(a.hub, a.conns)
	}
	if c := a.opts.Client; c.Handler != nil {
		a.mux.Handle("GET "+c.URL, c.Handler)
	}
	return a, nil
}

// Handle answers requests that match pattern, as in http.ServeMux, with what h
// returns. It panics if pattern is invalid or conflicts with another one.
func (a *App[C]) Handle(pattern string, h func(*twk.Request) twk.Response) {
	a.mux.Handle(pattern, a.bridge.Handle(h))
}

// HandleHTTP answers requests that match pattern with h: files, other routers,
// the inspector. It panics as [App.Handle] does.
func (a *App[C]) HandleHTTP(pattern string, h http.Handler) { a.mux.Handle(pattern, h) }

// ServeHTTP answers a request with the handlers of the App.
func (a *App[C]) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.serve.ServeHTTP(w, r) }

// Dispatch runs effects from outside any request, such as a broadcast from a job.
// They run with the zero Ctx; use [App.Dispatcher] for another. It never panics
// and never returns nil.
func (a *App[C]) Dispatch(ctx context.Context, effects ...effect.Data) *effect.Result {
	var zero C
	return a.d.Dispatch(ctx, zero, effects...)
}

// Dispatcher returns what runs the effects.
func (a *App[C]) Dispatcher() *dispatch.Dispatcher[C] { return a.d }

// Bridge returns what makes HTTP handlers of the program's functions, for routers
// other than the App's own.
func (a *App[C]) Bridge() *twk.Bridge[C] { return a.bridge }

// Hub returns the owner of the streams.
func (a *App[C]) Hub() *sse.Hub { return a.hub }

// Conns returns the connections under their keys.
func (a *App[C]) Conns() *Conns { return a.conns }

// Run joins the relay, if there is one, and serves HTTP on addr until ctx ends or the
// process gets SIGINT or SIGTERM. It then shuts down: it stops listening, lets short answers finish, and cuts the
// streams, whose clients come back to the next process. It returns nil after a
// shutdown in which everything ended in time, and otherwise what went wrong.
func (a *App[C]) Run(ctx context.Context, addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return &Error{Op: "running the App", Err: err}
	}
	return a.Serve(ctx, ln)
}

// Serve is [App.Run] on a listener that exists already. It closes ln.
func (a *App[C]) Serve(ctx context.Context, ln net.Listener) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := a.conns.JoinRelay(ctx); err != nil {
		return &Error{Op: "running the App", Err: errors.Join(err, ln.Close())}
	}
	srv := &http.Server{Handler: a}
	sse.ConfigureServer(srv, a.opts.Server)
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	select {
	case err := <-failed:
		return &Error{Op: "running the App", Err: errors.Join(err, a.end(srv))}
	case <-ctx.Done():
		stop() // a second signal ends the process at once
	}
	a.ending.Store(true)
	if a.opts.Notice > 0 {
		select {
		case <-time.After(a.opts.Notice):
		case err := <-failed:
			return &Error{Op: "running the App", Err: errors.Join(err, a.end(srv))}
		}
	}
	err := a.end(srv)
	<-failed
	if err != nil {
		return &Error{Op: "running the App", Err: err}
	}
	return nil
}

// end shuts srv down and ends everything of the App.
func (a *App[C]) end(srv *http.Server) error {
	a.ending.Store(true)
	ctx, cancel := context.WithTimeoutCause(context.Background(), a.opts.Grace, fmt.Errorf("not everything ended within %v", a.opts.Grace))
	defer cancel()
	if cl := a.conns.cluster.Load(); cl != nil {
		cl.node.Drain()
	}
	if err := a.conns.views.flying.Drain(ctx); err != nil {
		slog.Warn("sfere: not all views were rendered before the shutdown", "error", err)
	}
	err := sse.Shutdown(ctx, srv, max(a.opts.Window, 0), a.hub)
	a.conns.Close()
	return err
}
