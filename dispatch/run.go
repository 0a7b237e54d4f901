package dispatch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

var (
	// ErrDepth is the cause of errors about actions, placeholders, continuations
	// and values that nest deeper than Options.MaxDepth allows.
	ErrDepth = errors.New("too deep: it expands or continues without end")
	// ErrBudget is the cause of errors about more items than Options.MaxItems and
	// MaxTotal allow, and the reason of the items skipped for it.
	ErrBudget = errors.New("too many items in one dispatch")
)

// run is one dispatch. It is allocated with every Dispatch, in one piece with
// the first outcome and the Ctx, so what is rare is in more.
//
// All fields but more belong to the goroutine that runs the items.
type run struct {
	e     *engine
	scope core.Scope // of calls whose Ctx nobody changed; constant
	res   effect.Result
	one   [1]effect.Outcome
	n     int32 // items seen
	level int32
	tree  *tree // nil in a dispatch from outside

	// more is nil until needed, and returned once the dispatch is over and
	// never needed it.
	more atomic.Pointer[more]
}

// more is the part of a run that most dispatches do without.
type more struct {
	// These belong to the goroutine that runs the items.
	stop  error                // why the rest is skipped
	batch *batch               // nil outside a batch
	deep  map[*core.Entry]bool // actions whose depth error has been reported
	dry   *dryRun              // nil unless this is a dry run; constant
	held  *held                // keys that are held around this dispatch; constant

	together *core.Together // the list runs once for many recipients; constant
	share    *core.Share    // of the item that does, or in which this dispatch does
	after    bool           // an item before has to run for each
	settled  effect.Data    // the item that runs, with its late values resolved
	prepared *core.Prepared // constant

	tree     tree         // for continuations, if this dispatch came from outside
	resolves atomic.Int64 // deeply nested placeholders asked so far
	failed   atomic.Bool
	count    atomic.Int32 // how many errs there are
	from     atomic.Int32 // count when the item that runs began
	tooDeep  atomic.Bool  // that continuations nest too deep has been reported
	spent    atomic.Bool  // that there are too many has been reported

	mu        sync.Mutex  // guards the fields below: continuations on other goroutines report here
	done      bool        // the result belongs to the caller
	ended     bool        // nothing is gathered any more
	gathered  []gathered  // what is done at the end
	first     [1]gathered // memory of gathered
	errs      []*effect.Error
	published int // how many of errs are in res
}

// returned marks runs that are over; it is never written to.
var returned = &more{done: true}

// extra returns r.more, made if need be.
func (r *run) extra() *more {
	m := r.more.Load()
	if m == nil {
		m = &more{}
		if !r.more.CompareAndSwap(nil, m) {
			m = r.more.Load()
		}
	}
	return m
}

// begin makes r ready to run items against root.
func (r *run) begin(e *engine, root any) {
	r.e, r.scope.Root, r.scope.Of = e, root, r
}

// start runs items with all dispatch interceptors around and returns the result.
func (r *run) start(ctx context.Context, items effect.List) *effect.Result {
	if ctx == nil {
		ctx = context.Background()
	}
	if o := r.e.opts.Observer; o != nil && !r.dry() {
		return r.observed(ctx, items, o)
	}
	return r.begun(ctx, items)
}

// dry reports whether this is a dry run.
func (r *run) dry() bool {
	m := r.more.Load()
	return m != nil && m.dry != nil
}

// begun is start without the observer.
func (r *run) begun(ctx context.Context, items effect.List) *effect.Result {
	if r.e.keys.n.Load() != 0 {
		ctx = r.inherit(ctx)
	}
	if r.e.aroundDispatch != nil {
		return r.around(ctx, items)
	}
	r.list(ctx, &r.scope, items, effect.Path{})
	if r.more.CompareAndSwap(nil, returned) { // the usual end: nothing went wrong
		return &r.res
	}
	r.res.Errors = r.finish()
	return &r.res
}

// publish puts the errors so far into the result. What comes later does not
// touch it, so that interceptors may read and change the result meanwhile.
func (r *run) publish() {
	m := r.more.Load()
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r.res.Errors = append(r.res.Errors, m.errs[m.published:]...)
	m.published = len(m.errs)
}

// finish ends the taking in of errors and returns those not yet published.
func (r *run) finish() []*effect.Error {
	m := r.more.Load()
	r.doGathered(m)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done = true
	late := m.errs[m.published:]
	m.errs, m.published = nil, 0
	m.count.Store(0)
	return late
}

// over reports whether the dispatch has returned.
func (m *more) over() bool {
	if m == returned {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.done
}

// list runs items whose paths are siblings of at, with calls of scope.
func (r *run) list(ctx context.Context, scope *core.Scope, items effect.List, at effect.Path) {
	if r.res.Outcomes == nil {
		if len(items) <= 1 {
			r.res.Outcomes = r.one[:0]
		} else {
			r.res.Outcomes = make([]effect.Outcome, 0, len(items))
		}
	}
	if m := r.more.Load(); m != nil && m.together != nil && at.Up() == nil {
		r.listTogether(ctx, m, scope, items)
		return
	}
	for i, item := range items {
		path := at.Sibling(i)
		if r.ends(ctx, path, item) {
			continue
		}
		r.item(ctx, scope, item, path)
	}
}

// ends reports whether item is skipped because the dispatch has to stop.
func (r *run) ends(ctx context.Context, path effect.Path, item effect.Data) bool {
	m := r.more.Load()
	if m != nil && m.stop != nil {
		r.skip(path, item, "", m.stop)
		return true
	}
	r.n++
	phase, err := PhaseLimit, error(nil)
	switch {
	case ctx.Err() != nil:
		phase, err = PhaseCancel, cancelled(ctx)
	case int(r.n) > r.e.opts.MaxItems:
		err = fmt.Errorf("%w: more than %d", ErrBudget, r.e.opts.MaxItems)
	case r.tree != nil:
		err = r.tree.take(r)
	case m != nil:
		err = m.tree.left(&r.e.opts)
	}
	if err == nil {
		return false
	}
	r.extra().stop = err
	r.fail(phase, path, item, "", err)
	r.skip(path, item, "", err)
	return true
}

// cancelled gives the reason for the end of ctx, both the plain one and the
// cause that the program gave.
func cancelled(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause == nil || same(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}

func (r *run) item(ctx context.Context, scope *core.Scope, item effect.Data, path effect.Path) {
	entry := r.e.direct(item)
	if entry == nil {
		var phase effect.Phase
		var err error
		if entry, item, phase, err = r.e.lookup(item); err != nil {
			r.fail(phase, path, item, "", err)
			return
		}
	}
	if m := r.more.Load(); m != nil && m.share != nil && !m.shareable(entry, item) {
		m.share.Ask()
		return
	}
	if r.e.opts.Validate != nil {
		if err := r.e.validate(item); err != nil {
			r.fail(PhaseValidate, path, item, "", err)
			return
		}
	}
	if entry.Kind == core.Effect && r.batching() != nil {
		b := r.batching()
		b.effects = append(b.effects, pending{entry, item, path})
		return
	}
	call := r.callAt(scope, entry, path)
	switch entry.Kind {
	case core.Effect:
		r.effect(ctx, call, entry, item, path)
	case core.Action:
		r.action(ctx, call, scope, entry, item, path)
	case core.Batch:
		r.runBatch(ctx, scope, entry, item.(effect.Batch), path)
	case core.Serial:
		r.runSerial(ctx, scope, entry, item.(effect.Serial), path)
	default:
		r.fail(PhaseLookup, path, item, "", fmt.Errorf("%s is a placeholder: use it in a field of type effect.Late, with effect.Later", entry.Name))
	}
}

// callAt returns the call for the item at path.
func (r *run) callAt(scope *core.Scope, entry *core.Entry, path effect.Path) core.Call {
	step, _ := path.Up().(*core.Step)
	return core.NewCall(core.CallState{Scope: scope, Place: entry.Place, Up: step, At: core.At{Index: int32(path.Index()), Level: int16(r.level)}})
}

func (e *engine) validate(item effect.Data) error {
	return guard(func() error { return e.opts.Validate(item) })
}

func (r *run) effect(ctx context.Context, call core.Call, entry *core.Entry, item effect.Data, path effect.Path) {
	if entry.Plan.HasLate() {
		var ok bool
		if item, ok = r.resolved(ctx, call, entry, item, path); !ok {
			return
		}
		r.settle(path, item)
	}
	if m := r.more.Load(); m != nil {
		m.from.Store(m.count.Load())
	}
	if r.e.aroundEffect != nil {
		r.intercepted(ctx, call, item, path)
		return
	}
	v, err := r.handle(ctx, call, entry, item)
	if err != nil {
		r.fail(PhaseEffect, path, item, "", err)
		return
	}
	r.res.Outcomes = append(r.res.Outcomes, effect.Outcome{Path: path, Item: item, Value: v})
}

func (r *run) skip(path effect.Path, item effect.Data, by string, reason error) {
	r.res.Skipped = append(r.res.Skipped, effect.Skipped{Path: path, Item: item, By: by, Reason: reason})
}

// invoke calls h and turns a panic into an error.
func invoke(ctx context.Context, h core.Handler, call core.Call, item any) (v any, err error) {
	defer func() {
		if p := recover(); p != nil {
			v, err = nil, &effect.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	return h(ctx, call, item)
}

// guard calls f and turns a panic into an error.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &effect.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	return f()
}

// withErrors returns a copy of res with errs added: a result from an
// interceptor may be shared between dispatches.
func withErrors(res *effect.Result, errs ...*effect.Error) *effect.Result {
	c := *res
	c.Errors = append(slices.Clip(c.Errors), errs...)
	return &c
}
