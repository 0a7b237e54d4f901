package sfere

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
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
	// Views are the views that may have changed.
	Views effect.List `json:"views,omitempty" jsonschema:"description=views that may have changed"`
	// Scope is that of Views. Default: the scope of the dispatch.
	Scope string `json:"scope,omitempty" jsonschema:"description=scope of the views; left out it is that of the dispatch"`
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
	Values  int `json:"values"`  // that somebody is shown
	Streams int `json:"streams"` // that show one of them, counted once for each
	Already int `json:"already"` // values that were waiting to be rendered already
	// Sample is what a dry run says would be rendered ([effect.WouldDo]), at most 32 of it, by name,
	// scope and age. A view of [OwnView] that many streams show is one entry. Only Name, Value,
	// Scope and Viewers are set.
	Sample []ViewInfo `json:"sample,omitempty"`
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
	mark    flight.Mark
	wait    bool
	dry     bool
	out     Refreshed
	tickets []flight.Ticket
	seen    map[*flight.Value]bool // nil while there is only one way to a value
	sample  map[valueID]*sampled   // in a dry run
	later   *marks
	spread  time.Duration // within which it is rendered at the latest, if it comes from elsewhere
}

// marks are what the refreshes of one dispatch concern. They are marked together at
// its end: marked one by one, the first would be rendered for all and the others
// once more.
type marks struct {
	w  *views
	cl *cluster // nil without a relay

	mu   sync.Mutex            // guards the fields below; the locks of the scheduler may be taken under it
	all  []marked              // in the order in which they were named
	few  [2]marked             // the first memory of all, as most refreshes concern one value
	find map[*flight.Value]int // index in all; nil while looking through all is cheaper
	far  map[distant]uint64    // what other machines are told, with After
}

type marked struct {
	v    *flight.Value
	mark flight.Mark
}

// manyMarks is from how many values on there is a map of them.
const manyMarks = 16

// add notes a mark and reports whether it is news.
func (m *marks) add(v *flight.Value, mark flight.Mark) (news bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i, again := m.index(v); again {
		m.all[i].mark.After = max(m.all[i].mark.After, mark.After)
		return false
	}
	if m.all == nil {
		m.all = m.few[:0]
	}
	m.all = append(m.all, marked{v, mark})
	switch n := len(m.all); {
	case n > manyMarks:
		m.find[v] = n - 1
	case n == manyMarks:
		m.find = make(map[*flight.Value]int, 2*manyMarks)
		for i, a := range m.all {
			m.find[a.v] = i
		}
	}
	return !m.w.flying.Dirty(v)
}

// index returns where v is in m.all. m.mu is held.
func (m *marks) index(v *flight.Value) (i int, ok bool) {
	if m.find != nil {
		i, ok = m.find[v]
		return i, ok
	}
	i = slices.IndexFunc(m.all, func(a marked) bool { return a.v == v })
	return i, i >= 0
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
	for _, a := range m.all {
		m.w.flying.Mark(a.v, a.mark)
	}
}

func (c *Conns) refresh(ctx context.Context, call twk.Call, r Refresh) (Refreshed, error) {
	if r.Topic == "" && r.To == (Pattern{}) && len(r.Views) == 0 {
		return Refreshed{}, &Error{Op: "refreshing", Err: errors.New("neither Topic nor To nor Views is set")}
	}
	do := refreshing{w: c.views, mark: flight.Mark{After: r.After}, wait: r.Wait, dry: effect.IsDry(ctx)}
	if r.To != (Pattern{}) || len(r.Views) > 0 {
		do.seen = map[*flight.Value]bool{}
	}
	cl := c.cluster.Load()
	gathered, inTime := call.Gather(c.views, func() (any, func()) {
		m := &marks{w: c.views, cl: cl}
		return m, m.mark
	})
	if do.later, _ = gathered.(*marks); !inTime {
		do.later = &marks{w: c.views, cl: cl}
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
		scope := r.Scope
		if scope == "" {
			var err error
			if scope, err = c.scopeOf(ctx, call.Ctx(), func() string { return "a view" }); err != nil {
				return do.out, err
			}
		}
		named := &naming{refreshing: do, scope: scope}
		call.Dispatch(context.WithValue(ctx, useKey{}, named), r.Views...)
		do = named.refreshing
	}
	if do.dry {
		would := do.out
		would.Sample = do.samples()
		effect.WouldDo(ctx, would)
		return do.out, nil
	}
	c.refreshed(do.out)
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

// naming refreshes the views that are dispatched with it.
type naming struct {
	refreshing
	scope string
}

// use implements viewUse: it refreshes one value.
func (n *naming) use(_ context.Context, d *view, v effect.Data, _ any) (any, error) {
	n.at(d.id(n.scope, v, nil))
	return nil, n.tellFar(d, v)
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
		r.note(v)
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

// sampled is one entry of Refreshed.Sample.
type sampled struct {
	ViewInfo
	first *flight.Value // the oldest
}

// note puts v into the sample, if there is room. w.mu is held.
func (r *refreshing) note(v *flight.Value) {
	id := v.ID().(valueID)
	id.conn = nil
	has := r.sample[id]
	switch {
	case has == nil && len(r.sample) == maxCauses:
	case has == nil:
		if r.sample == nil {
			r.sample = map[valueID]*sampled{}
		}
		r.sample[id] = &sampled{r.w.brief(v), v}
	default:
		has.Viewers += r.w.known[v].seats
		if compareValues(v, has.first) < 0 {
			has.first = v
		}
	}
}

// samples returns the sample in order.
func (r *refreshing) samples() (out []ViewInfo) {
	all := slices.SortedFunc(maps.Values(r.sample), func(a, b *sampled) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Scope, b.Scope), compareValues(a.first, b.first))
	})
	for _, s := range all {
		out = append(out, s.ViewInfo)
	}
	return out
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
