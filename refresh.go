package sfere

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/flight"
	"github.com/sfere-go/sfere/twk"
)

// Refresh says that what some views show may have changed. When the dispatch has
// returned, every stream that shows one of them ends with a state that was read
// after it. Each value is rendered once, however many streams show it, and at most
// once in its interval however often it is refreshed, so a Refresh too many does no
// harm. There is no Exclude: an excluded viewer would show an old state.
//
// With a relay it reaches the streams of all machines. Each renders its own values a
// little later, by a random time of at most 5 ms for each machine and at most the
// interval; what is lost on the way is made good, see [Conns.JoinRelay].
//
// It comes after the change, outside of its transaction:
//
//	twk.Respond(Move{Card: 3, To: "done"}, sfere.Refresh{Topic: sfere.T("board", 7)})
//
// Name what has changed by a Topic, which costs what it concerns; or the streams by
// a pattern, or the views themselves. One of the three must be set; what any of them
// names is refreshed. Its value is a [Refreshed].
type Refresh struct {
	// Topic is what has changed: views of it and of every topic below, in all scopes.
	Topic Topic `json:"topic,omitempty" jsonschema:"description=what has changed; such as board/7"`
	// To is whose views may have changed. Without a scope it stays in that of the
	// dispatch.
	To Pattern `json:"to,omitzero" jsonschema:"description=the streams whose views may have changed"`
	// Views are the views that may have changed, in the scope of the dispatch.
	Views effect.List `json:"views,omitempty" jsonschema:"description=views that may have changed"`
	// Wait waits until the frames of the renders are in the outboxes, for tests and
	// for who wants to see what he has done. Renders that fail are errors of the
	// effect then.
	Wait bool `json:"wait,omitempty" jsonschema:"description=wait until it has been rendered"`
	// After is what has to have been read, such as the position of a replica. A view
	// asks for it by [AfterOf].
	After uint64 `json:"after,omitempty" jsonschema:"description=position that a replica has to have come to"`
}

// EffectName returns "sfere/refresh".
func (Refresh) EffectName() string { return "sfere/refresh" }

// Refreshed says what a [Refresh] concerns.
type Refreshed struct {
	Values  int      `json:"values"`           // that somebody is shown
	Streams int      `json:"streams"`          // that show one of them, counted once for each
	Already int      `json:"already"`          // values that were waiting to be rendered already
	Sample  []string `json:"sample,omitempty"` // in a dry run: names of their views, at most 32
}

// rendering is what a view may know beside its value.
type rendering struct {
	scope string
	after uint64
}

type renderKey struct{}

// ScopeOf returns the scope whose streams a view is rendered for; ok is false
// elsewhere, and for views across scopes. A tenant's board 7 is found by the scope
// and the value.
func ScopeOf(ctx context.Context) (scope string, ok bool) {
	r, _ := ctx.Value(renderKey{}).(rendering)
	return r.scope, r.scope != ""
}

// AfterOf returns the highest Refresh.After of those that a view is rendered for; 0
// if there is none, or if it is better to show an older state than to wait longer.
// A view that reads from a replica which has not come so far returns [ErrNotYet].
func AfterOf(ctx context.Context) uint64 {
	r, _ := ctx.Value(renderKey{}).(rendering)
	return r.after
}

// refreshing is one Refresh on its way.
type refreshing struct {
	w       *views
	scope   string
	mark    flight.Mark
	wait    bool
	dry     bool
	out     Refreshed
	tickets []flight.Ticket
	seen    map[*flight.Value]bool // nil while there is only one way to a value
	later   *marks
	spread  time.Duration // within which it is rendered at the latest, if it comes from elsewhere
}

// marks are what the refreshes of one dispatch concern. They are marked together at
// its end: marked one by one, the first would be rendered for all and the others
// once more.
type marks struct {
	w  *views
	cl *cluster // nil without a relay

	mu  sync.Mutex // guards all; the locks of the scheduler may be taken under it
	all map[*flight.Value]flight.Mark
	far map[distant]uint64 // what other machines are told, with After
}

// add notes a mark and reports whether it is news.
func (m *marks) add(v *flight.Value, mark flight.Mark) (news bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, again := m.all[v]
	mark.After = max(mark.After, old.After)
	m.all[v] = mark
	return !again && !m.w.flying.Dirty(v)
}

// mark marks everything, here first.
func (m *marks) mark() {
	m.markHere()
	if m.cl != nil {
		m.tellFar()
	}
}

func (m *marks) markHere() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for v, mark := range m.all {
		m.w.flying.Mark(v, mark)
	}
}

func (c *Conns) refresh(ctx context.Context, call twk.Call, r Refresh) (Refreshed, error) {
	if r.Topic == "" && r.To == (Pattern{}) && len(r.Views) == 0 {
		return Refreshed{}, &Error{Op: "refreshing", Err: errors.New("neither Topic nor To nor Views is set")}
	}
	do := &refreshing{w: c.views, mark: flight.Mark{After: r.After}, wait: r.Wait, dry: effect.IsDry(ctx)}
	if r.To != (Pattern{}) || len(r.Views) > 0 {
		do.seen = map[*flight.Value]bool{}
	}
	cl := c.cluster.Load()
	gathered, inTime := call.Gather(c.views, func() (any, func()) {
		m := &marks{w: c.views, cl: cl, all: map[*flight.Value]flight.Mark{}}
		return m, m.mark
	})
	if do.later, _ = gathered.(*marks); !inTime {
		do.later = &marks{w: c.views, cl: cl, all: map[*flight.Value]flight.Mark{}}
		defer do.later.mark()
	}
	if r.Topic != "" {
		do.at(r.Topic)
		if cl != nil && !do.dry {
			do.later.addFar(distant{topic: r.Topic}, r.After)
		}
	}
	if r.To != (Pattern{}) {
		to, err := c.scoper(ctx, call).pattern(r.To)
		if err != nil {
			return do.out, err
		}
		do.of(c, to)
		if cl != nil && !do.dry {
			do.later.addFar(distant{to: to.address(), of: true}, r.After)
		}
	}
	if len(r.Views) > 0 {
		scope, err := c.scopeOf(ctx, call.Ctx(), func() string { return "a view" })
		if err != nil {
			return do.out, err
		}
		do.scope = scope
		call.Dispatch(context.WithValue(ctx, useKey{}, do), r.Views...)
	}
	if do.dry {
		effect.WouldDo(ctx, do.out)
		return do.out, nil
	}
	var errs []error
	for _, t := range do.tickets {
		if err := t.Wait(ctx); err != nil && len(errs) < maxCauses {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return do.out, &Error{Op: "refreshing", Err: err}
	}
	return do.out, nil
}

// at refreshes what is in a place of the index.
func (r *refreshing) at(place any) {
	r.w.mu.RLock()
	defer r.w.mu.RUnlock()
	for v := range r.w.index[place] {
		r.value(v)
	}
}

// of refreshes what the streams that match to show.
func (r *refreshing) of(c *Conns, to Pattern) {
	s := c.matching(to, excluded{})
	defer c.give(s)
	r.w.mu.RLock()
	defer r.w.mu.RUnlock()
	for _, e := range s.entries {
		if screen := r.w.screens[e.stream]; screen != nil {
			for _, sh := range screen.shown {
				r.value(sh.seat.Value())
			}
		}
	}
}

// use implements viewUse: it refreshes one value.
func (r *refreshing) use(_ context.Context, d *view, v effect.Data, _ any) (any, error) {
	r.at(d.id(r.scope, v, nil))
	return nil, r.tellFar(d, v)
}

// value refreshes v. w.mu is held.
func (r *refreshing) value(v *flight.Value) {
	if r.seen != nil {
		if r.seen[v] {
			return
		}
		r.seen[v] = true
	}
	r.out.Values++
	if k := r.w.known[v]; k != nil {
		r.out.Streams += k.seats
	}
	news, mark := true, r.mark
	if r.spread > 0 {
		mark.Delay = rand.N(max(min(r.spread, v.Kind().Interval), 1))
	}
	switch {
	case r.dry:
		if name := v.Kind().Name; len(r.out.Sample) < maxCauses {
			r.out.Sample = append(r.out.Sample, name)
		}
	case r.wait:
		var t flight.Ticket
		t, news = r.w.flying.Ticket(v, r.mark)
		r.tickets = append(r.tickets, t)
	default:
		news = r.later.add(v, mark)
	}
	if !news {
		r.out.Already++
	}
}

// Recheck asks the views of the streams that match a pattern again whether these may
// be shown them, or others instead ([ViewOptions].Allow), after a role has changed.
// When it has run, nothing of a view that is no longer allowed is sent any more. Its
// value is how many views were taken away or replaced.
type Recheck struct {
	To Pattern `json:"to" jsonschema:"description=the streams whose views are asked again"`
}

// EffectName returns "sfere/recheck".
func (Recheck) EffectName() string { return "sfere/recheck" }

func (c *Conns) recheck(ctx context.Context, call twk.Call, r Recheck) (int, error) {
	to, err := c.scoper(ctx, call).pattern(r.To)
	if err != nil {
		return 0, err
	}
	s := c.matching(to, excluded{})
	defer c.give(s)
	var all []*shown
	for _, e := range s.entries {
		c.views.mu.RLock()
		screen := c.views.screens[e.stream]
		c.views.mu.RUnlock()
		if screen != nil {
			all = append(all, screen.all()...)
		}
	}
	if effect.IsDry(ctx) {
		effect.WouldDo(ctx, r)
		return 0, nil
	}
	away := 0
	for _, sh := range all {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.opts.RecipientTimeout)
		if sh.recheck(ctx) {
			away++
		}
		cancel()
	}
	return away, nil
}

// guarded calls f and turns a panic into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it panicked: %w", &effect.PanicError{Value: p, Stack: debug.Stack()})
		}
	}()
	return f()
}
