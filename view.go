package sfere

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/internal/flight"
	"github.com/sfere-go/sfere/twk"
)

var (
	// ErrGone is returned by the function of a view when what it shows is no more. The
	// view is taken away from the streams that show it, see ViewOptions.Removed.
	ErrGone = flight.ErrGone
	// ErrNotYet is returned by the function of a view that reads from a replica which
	// has not come to [AfterOf] yet. It is called again soon.
	ErrNotYet = flight.ErrNotYet
)

// ViewOptions adjust a view. Zero fields mean the defaults. C is the Ctx of the
// program, V the effect data of the view.
type ViewOptions[C any, V effect.Data] struct {
	// Interval is the least time between two renders of one value. The first is at
	// once, what comes meanwhile is answered at its end. A render that takes longer
	// than half of it is called less often, so that it never takes more than half of
	// one worker. Default 100 ms, for views of [OwnView] 250 ms.
	Interval time.Duration
	// Deadline ends the context of a render. Default 5 s.
	Deadline time.Duration
	// MaxAge is after how long a value is rendered again that no [Refresh] has named,
	// as a backstop. Default: never.
	MaxAge time.Duration
	// Most is how many values of the view are rendered at a time. Keep it below the
	// number of connections to the database. Default: Options.RenderWorkers.
	Most int
	// AcrossScopes renders a value once for all scopes. Without it equal values of two
	// scopes are two values: the board 7 of one tenant is not that of another. Set it
	// for what belongs to nobody, and where the value itself says whose it is.
	AcrossScopes bool
	// Allow says what a stream is shown that is to show v: v, or another value, such as
	// one with the role that the person has; an error if it may show neither. It is
	// asked when the stream is to show v, and again by [Recheck], which then shows the
	// other value instead. call has the Ctx under which the stream was opened, without
	// its request. A role that a value has on its own goes stale; Allow is where it
	// comes from. Default: everybody is shown v.
	Allow func(ctx context.Context, call effect.Call[C], v V) (V, error)
	// Examples are sample values for catalogues and tests.
	Examples []V
	// Removed gives effects of package twk for a stream that is no longer shown v,
	// because it is gone or no longer allowed. Default: none.
	Removed func(v V) effect.List
	// Failed gives effects of package twk for streams that wait for a value which has
	// never been rendered and cannot be, once for each. Default: none; the page stays as
	// it is.
	Failed func(v V, err error) effect.List
}

// View makes render the function of a view that is the same for everybody. V is
// effect data that says what is shown, and all of it: equal values are rendered
// once, however many streams show them ([Show]), and again after a [Refresh]. doc
// says in a sentence what it shows. nil options mean the defaults.
//
// render reads the state and returns markup whose elements have ids; that is
// patched into the pages, as a whole, see [ViewFrame] for more. ctx belongs to no
// request, session or recipient, so nothing of a person can get into what all are
// shown. render may be called for several values at once, never twice at a time for
// one. An error, a panic or a time-out leaves the pages as they are; it is called
// again by itself.
//
// V is a struct of booleans, integers, strings, and arrays and structs of these:
// values are told apart by ==. The registry refuses other types. A method
// Topics() []Topic says of which topics it is, see [Refresh]; it must depend on
// nothing but the value.
//
// A view belongs into [Show], [Hide] and [Refresh]; dispatched by itself it fails. For
// the page itself there is [Render].
//
//	sfere.View[App]("The columns of a board.", func(ctx context.Context, b Board) (twk.Content, error) {
//		cards, err := db.Cards(ctx, b.ID)
//		return columns(cards), err
//	}, nil)
func View[C any, V effect.Data](doc string, render func(ctx context.Context, v V) (twk.Content, error), o *ViewOptions[C, V]) effect.Effect[C] {
	d := newView(o)
	if render != nil {
		d.render = func(ctx context.Context, v, _ any) (twk.Content, error) { return render(ctx, v.(V)) }
	}
	return registered(doc, d, o)
}

// OwnView is [View] for what is not the same for everybody: render is called for each
// stream that shows v, with the Ctx under which it was opened, without its request.
// A stream whose client has not taken what it was sent is rendered for when it has.
// It costs a render for each viewer; prefer a View whose value says what differs,
// such as a role.
func OwnView[C any, V effect.Data](doc string, render func(ctx context.Context, call effect.Call[C], v V) (twk.Content, error), o *ViewOptions[C, V]) effect.Effect[C] {
	d := newView(o)
	d.own = true
	d.interval = cmp.Or(d.interval, 250*time.Millisecond)
	if render != nil {
		d.render = func(ctx context.Context, v, call any) (twk.Content, error) {
			return render(ctx, call.(effect.Call[C]), v.(V))
		}
	}
	return registered(doc, d, o)
}

// view is what all values of one view have in common. It is constant once it is
// registered, but for reader, and erased of its types.
type view struct {
	name                       string
	interval, deadline, maxAge time.Duration
	most                       int
	own, across                bool
	render                     func(ctx context.Context, v, call any) (twk.Content, error)
	allow                      func(ctx context.Context, call any, v effect.Data) (effect.Data, error) // nil if everybody may
	removed                    func(v any) effect.List
	failed                     func(v any, err error) effect.List
	reader                     atomic.Pointer[core.Runner] // reads its values in wire form; nil until it has been used
}

func newView[C any, V effect.Data](o *ViewOptions[C, V]) *view {
	d := &view{deadline: 5 * time.Second}
	if o == nil {
		return d
	}
	d.interval, d.maxAge, d.most, d.across = o.Interval, o.MaxAge, o.Most, o.AcrossScopes
	d.deadline = cmp.Or(o.Deadline, d.deadline)
	if o.Allow != nil {
		d.allow = func(ctx context.Context, call any, v effect.Data) (effect.Data, error) {
			return o.Allow(ctx, call.(effect.Call[C]), v.(V))
		}
	}
	if o.Removed != nil {
		d.removed = func(v any) effect.List { return o.Removed(v.(V)) }
	}
	if o.Failed != nil {
		d.failed = func(v any, err error) effect.List { return o.Failed(v.(V), err) }
	}
	return d
}

// registered returns d as an effect.
func registered[C any, V effect.Data](doc string, d *view, o *ViewOptions[C, V]) effect.Effect[C] {
	d.interval = cmp.Or(d.interval, 100*time.Millisecond)
	handle := func(ctx context.Context, call effect.Call[C], v V) (any, error) {
		if use, ok := ctx.Value(useKey{}).(viewUse); ok {
			kept := call.Kept()
			d.readBy(core.Call(kept))
			return use.use(context.WithValue(ctx, useKey{}, nil), d, v, kept)
		}
		return nil, &Error{Op: "dispatching " + d.name, Err: errors.New("it is a view: put it into sfere.Show, for a page use sfere.Render")}
	}
	if d.render == nil {
		handle = nil
	}
	// In a dry run it runs as well: what a viewUse does then is for it to say.
	about := effect.About{Reach: effect.Local, Dry: true}
	if o != nil {
		for _, v := range o.Examples {
			about.Examples = append(about.Examples, v)
		}
	}
	item := core.Item(effect.Handle(doc, handle).About(about))
	st := *item.State()
	e := *st.Entry
	e.Site, st.Entry = core.Site(2), &e
	d.name = e.Name
	st.Errs = append(st.Errs, identityErrors(reflect.TypeFor[V]())...)
	if o != nil && (o.Interval < 0 || o.Deadline < 0 || o.MaxAge < 0 || o.Most < 0) {
		st.Errs = append(st.Errs, errors.New("an option of the view is negative: use 0 for the default"))
	}
	return effect.Effect[C](core.NewItem(st))
}

// allowed returns what is shown to one who is to be shown v.
func (d *view) allowed(ctx context.Context, op string, call any, v effect.Data) (effect.Data, error) {
	if d.allow == nil {
		return v, nil
	}
	err := guarded(func() (err error) {
		v, err = d.allow(ctx, call, v)
		return err
	})
	if err != nil {
		return nil, forbidden(op+" "+d.name, err)
	}
	return v, nil
}

// readBy notes the dispatcher of call as one that can read values in wire form.
func (d *view) readBy(call core.Call) {
	if scope := call.State().Scope; d.reader.Load() == nil && scope != nil && scope.Of != nil {
		d.reader.Store(&scope.Of)
	}
}

// last returns what a stream is told that is shown v no more.
func (d *view) last(v any) effect.List {
	if d.removed == nil {
		return nil
	}
	return d.removed(v)
}

// useKey is the key of the viewUse for which views are dispatched.
type useKey struct{}

// viewUse is what is done with the values of views instead of showing them once.
type viewUse interface {
	use(ctx context.Context, d *view, v effect.Data, call any) (any, error)
}

// identityErrors says why values of t cannot be told apart, or not after a way
// through JSON.
func identityErrors(t reflect.Type) (errs []error) {
	var walk func(at string, t reflect.Type)
	walk = func(at string, t reflect.Type) {
		switch t.Kind() {
		case reflect.Bool, reflect.String,
			reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
			reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		case reflect.Array:
			walk(at+"[]", t.Elem())
		case reflect.Struct:
			if t == reflect.TypeFor[time.Time]() {
				errs = append(errs, fmt.Errorf("%s is a time.Time, which differs between equal instants: use UnixMilli() as an int64", at))
				return
			}
			for i := range t.NumField() {
				f := t.Field(i)
				if !f.IsExported() {
					errs = append(errs, fmt.Errorf("%s.%s is not exported, so that it would be lost on the way to another machine: export it", at, f.Name))
					continue
				}
				walk(at+"."+f.Name, f.Type)
			}
		default:
			errs = append(errs, fmt.Errorf("%s is a %s: a view is told apart by its value, so use booleans, integers, strings, and arrays and structs of these; look the rest up when it is rendered", at, t))
		}
	}
	walk(t.String(), t)
	return errs
}
