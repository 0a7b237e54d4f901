package sfere

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/internal/flight"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// views is what the streams of a Conns show.
type views struct {
	opts   *Options
	flying *flight.Scheduler
	d      *dispatch.Dispatcher[twk.Session]
	checks *checks // nil unless Options.Development is set

	// mu guards the fields below and those of a screen that say so. The locks of
	// the scheduler may be taken under it, but for the giving lock of a value:
	// under that one mu may be taken. Nothing is sent or called under it.
	mu      sync.RWMutex
	kinds   map[*view]*flight.Kind
	screens map[*sse.Conn]*screen
	known   map[*flight.Value]*knownValue
	index   map[any]map[*flight.Value]struct{} // by Topic and by valueID
	byName  map[string]*sorted[*flight.Value]  // by the name of the view, the oldest first; none is empty
}

// valueID tells values apart. Scope is empty for views across scopes; conn is nil
// for those that are the same for everybody.
type valueID struct {
	scope string
	value effect.Data
	conn  *sse.Conn
}

// knownValue is a value that somebody is shown.
type knownValue struct {
	seats    int
	places   []any // in views.index
	audience sse.Audience
	looked   *looked     // in development, at the last frame
	conns    []*sse.Conn // memory of deliver; guarded by the giving lock of the value
}

// screen is what one stream shows. It is an owner of the stream.
type screen struct {
	w    *views
	conn *sse.Conn

	// Guarded by w.mu.
	shown  map[valueID]*shown
	closed bool

	own atomic.Pointer[[]*shown] // those of views of its own; the slice is constant
}

// shown is one view on one screen.
type shown struct {
	conn   *sse.Conn // of screen, one step nearer to those who give to many
	screen *screen
	def    *view
	asked  effect.Data // what Show was given
	id     valueID     // of what is shown: asked, or what Allow gave instead
	call   any         // with the Ctx of the stream; nil if nobody asks for it
	key    string      // of its frames
	seat   *flight.Seat
}

func newViews(o *Options, landed func(*flight.Value, time.Duration, flight.Outcome)) *views {
	w := &views{
		opts: o, d: patcher(),
		kinds: map[*view]*flight.Kind{}, screens: map[*sse.Conn]*screen{},
		known: map[*flight.Value]*knownValue{}, index: map[any]map[*flight.Value]struct{}{}, byName: map[string]*sorted[*flight.Value]{},
	}
	if o.Development {
		w.checks = &checks{hook: o.OnViewWarning, warned: map[warning]bool{}}
	}
	w.flying = flight.New(&flight.Options{
		Workers: o.RenderWorkers, MaxKept: o.MaxRendered,
		Deliver: w.deliver, Gone: w.gone, Failed: w.failed, Report: w.report, Waits: waits, Landed: landed,
	})
	return w
}

// kind returns what the scheduler knows of a view. w.mu is held.
func (w *views) kind(d *view) *flight.Kind {
	if k := w.kinds[d]; k != nil {
		return k
	}
	k := &flight.Kind{
		Name: d.name, Interval: d.interval, Deadline: d.deadline, MaxAge: d.maxAge,
		Most: d.most, Keep: !d.own, Held: d.own,
		Render: func(ctx context.Context, v *flight.Value, f flight.Flight) (*flight.Frame, error) {
			return w.render(ctx, d, v, f)
		},
	}
	if k.Most == 0 {
		k.Most = w.flying.Workers()
	}
	w.kinds[d] = k
	return k
}

// render makes the frame of a value.
func (w *views) render(ctx context.Context, d *view, v *flight.Value, f flight.Flight) (*flight.Frame, error) {
	id := v.ID().(valueID)
	var call any
	if d.own {
		if call = w.callOf(id); call == nil {
			return nil, sse.ErrClosed
		}
	}
	ctx = context.WithValue(ctx, renderKey{}, rendering{id.scope, f.After})
	var content twk.Content
	err := guarded(func() (err error) {
		content, err = d.render(ctx, id.value, call)
		return err
	})
	switch {
	case err == nil:
		made, err := w.frame(ctx, d, v, content, f.Version)
		if err != nil {
			return nil, w.saying(err, d.failed, id.value)
		}
		return made, nil
	case errors.Is(err, ErrGone):
		return nil, w.saying(err, func(v any, _ error) effect.List { return d.last(v) }, id.value)
	case errors.Is(err, ErrNotYet):
		return nil, err
	}
	return nil, w.saying(err, d.failed, id.value)
}

// outcry is what a render has failed with, and what its streams are told.
type outcry struct {
	error
	frames []*sse.Frame
}

func (o *outcry) Unwrap() error { return o.error }

// saying returns err with what the streams of v are told of it; say may be nil.
func (w *views) saying(err error, say func(v any, err error) effect.List, v any) error {
	if say == nil {
		return err
	}
	return &outcry{err, w.words(func() effect.List { return say(v, err) })}
}

// words makes frames of the effects that a view says something with.
func (w *views) words(effects func() effect.List) []*sse.Frame {
	var got twk.Collector
	err := guarded(func() error {
		return w.d.Dispatch(context.Background(), twk.Session{Out: &got}, effects()...).Err()
	})
	if err != nil {
		slog.Error("sfere: what a view says to its streams cannot be sent", "error", core.SafeText(err))
	}
	return got.Frames
}

// tell sends what a render has failed with to streams.
func tell(seats []*flight.Seat, err error) {
	if o, ok := errors.AsType[*outcry](err); ok && len(o.frames) > 0 {
		for _, s := range seats {
			_ = s.Viewer.(*shown).conn.Emit(context.Background(), o.frames...)
		}
	}
}

// callOf returns the call of the stream that a value of its own is for.
func (w *views) callOf(id valueID) any {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if s := w.screens[id.conn]; s != nil {
		if sh := s.shown[id]; sh != nil {
			return sh.call
		}
	}
	return nil
}

// deliver puts the frames of a value into the outboxes of those who are shown it. The
// giving lock of v is held.
func (w *views) deliver(v *flight.Value, seats []*flight.Seat, f *flight.Frame) {
	w.mu.RLock()
	known := w.known[v]
	w.mu.RUnlock()
	if known == nil {
		return
	}
	conns := slices.Grow(known.conns[:0], len(seats))
	for _, s := range seats {
		conns = append(conns, s.Viewer.(*shown).conn)
	}
	made := f.Data.(*framed)
	if hub := conns[0].Hub(); made.hub != hub {
		made.frames, made.hub = hub.Prepare(made.frames, &known.audience), hub
	}
	known.audience.Fanout(conns, made.frames, nil) // a stream that has closed leaves by itself
	clear(conns)
	known.conns = conns
}

// waits reports whether what a stream was given last waits in its outbox. It is
// called under the lock of the scheduler.
func waits(s *flight.Seat) bool {
	return s.Viewer.(*shown).conn.Waiting(viewKey(s.Value())) // the seat may be younger than sh.key
}

// gone takes a value that is no more from the screens. The giving lock of v is held.
func (w *views) gone(_ *flight.Value, seats []*flight.Seat, err error) {
	for _, s := range seats {
		sh := s.Viewer.(*shown)
		w.forget(sh)
		sh.withdraw()
	}
	tell(seats, err)
}

// failed tells those who have never been given a frame of a value. The giving lock is
// held.
func (w *views) failed(_ *flight.Value, seats []*flight.Seat, err error) { tell(seats, err) }

// report tells the program that a view cannot be rendered.
func (w *views) report(v *flight.Value, err error) {
	id := v.ID().(valueID)
	if w.opts.OnViewError != nil {
		defer contain("view error hook")
		w.opts.OnViewError(id.value, err)
		return
	}
	slog.Error("sfere: a view cannot be rendered; its pages stay as they are, and it is tried again",
		"view", id.value.EffectName(), "value", id.value, "scope", id.scope, "error", core.SafeText(err))
}

// close ends all renders.
func (w *views) close() { w.flying.Close() }
