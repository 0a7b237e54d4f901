package dispatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/internal/jsonread"
	"github.com/sfere-go/sfere/registry"
)

// Options adjust a dispatcher. Zero fields mean the defaults.
type Options struct {
	// MaxDepth limits how deep actions may expand to actions, placeholders may
	// nest in arguments and continuations may nest in each other. Default 100,
	// at most 1000.
	MaxDepth int
	// MaxItems limits how many items one dispatch may run, those from actions
	// included. A continuation has a budget of its own; those nested more than
	// ten deep share one more of this size. Default 10 000.
	MaxItems int
	// MaxTotal limits how many items all continuations of one dispatch from outside
	// may run together, those of its broadcasts for each recipient included. One
	// without items counts as one. A handler that dispatches for days without
	// returning gets there, too: let it start a goroutine and return, after which
	// each continuation begins to count anew. Default 1 000 000.
	MaxTotal int
	// MaxWireBytes limits what Decode reads. Default 1 MiB.
	MaxWireBytes int
	// MaxWireDepth limits how deep JSON values may nest in Decode. Default 64,
	// at most 1000.
	MaxWireDepth int
	// Validate is called with every item before it runs, placeholders not yet
	// resolved, and again with an item that interceptors put in its place or may
	// have changed in place: behind interceptors that is every item with slices,
	// maps, pointers or interfaces in it. An error is reported and the item does not
	// run. It may be called from several goroutines at once. Default: everything is
	// valid.
	Validate func(effect.Data) error
	// Observer is told of what runs, such as for metrics and traces. Default: nobody.
	Observer Observer
}

func (o *Options) check() []error {
	if o == nil {
		return nil
	}
	var errs []error
	for _, f := range []struct {
		name       string
		value, max int
	}{
		// The depth is limited because a goroutine that runs out of stack cannot
		// be saved.
		{"MaxDepth", o.MaxDepth, 1000}, {"MaxItems", o.MaxItems, math.MaxInt32 - 1},
		{"MaxTotal", o.MaxTotal, math.MaxInt32 - 1},
		{"MaxWireBytes", o.MaxWireBytes, math.MaxInt}, {"MaxWireDepth", o.MaxWireDepth, 1000},
	} {
		if f.value < 0 || f.value > f.max {
			errs = append(errs, fmt.Errorf("Options.%s is %d: use 1 to %d, or 0 for the default", f.name, f.value, f.max))
		}
	}
	return errs
}

func (o *Options) withDefaults() Options {
	var v Options
	if o != nil {
		v = *o
	}
	v.MaxDepth = cmp.Or(v.MaxDepth, 100)
	v.MaxItems = cmp.Or(v.MaxItems, 10_000)
	v.MaxTotal = cmp.Or(v.MaxTotal, 1_000_000)
	v.MaxWireBytes = cmp.Or(v.MaxWireBytes, 1<<20)
	v.MaxWireDepth = cmp.Or(v.MaxWireDepth, 64)
	return v
}

// Dispatcher runs effect data. It is immutable and may be used from any
// number of goroutines. Make one with [New].
type Dispatcher[C any] struct {
	e   *engine
	all registry.Registry[C]
}

// New returns a dispatcher for the items of all registries. The error joins
// everything that is wrong with them: duplicate names, missing docs or
// handlers, unfit types. Each part names its place in the program and the remedy.
func New[C any](rs ...registry.Registry[C]) (*Dispatcher[C], error) {
	return NewWith(nil, rs...)
}

// NewWith is [New] with options; nil means the defaults.
func NewWith[C any](o *Options, rs ...registry.Registry[C]) (*Dispatcher[C], error) {
	all := registry.Join(rs...)
	set := (*core.Registry)(&all).State().Bound()
	errs := slices.Clip(set.Errs) // the set is shared
	if len(rs) == 0 {
		errs = append(errs, errors.New("no registry: pass at least one, an empty dispatcher can run nothing"))
	} else if len(set.Entries) == 0 && len(errs) == 0 {
		errs = append(errs, errors.New("the registries hold no effect, action or placeholder: pass what registry.New returned"))
	}
	errs = append(errs, o.check()...)
	e := &engine{
		opts:   o.withDefaults(),
		number: dispatchers.Add(1),
		byType: map[uintptr]*core.Entry{},
		byName: map[string]*core.Entry{},
		fresh: func(by interface{ Change(any) }) any {
			c := new(C)
			by.Change(c)
			return c
		},
		clone: func(root any, change func(any)) any {
			c := *root.(*C)
			change(&c)
			return &c
		},
		entries: set.Sorted,
	}
	e.types = jsonread.NewTypes(e.special)
	for _, entry := range append(builtIn(), set.Entries...) {
		if old := e.byName[entry.Name]; old != nil && old.Kind >= core.Batch {
			errs = append(errs, fmt.Errorf("registry %q: %s at %s is built in: give yours another name", entry.Registry, entry.Name, entry.Site))
			continue
		}
		if old := e.byType[typeKey(entry.Type)]; old != nil && old.Name != entry.Name {
			errs = append(errs, fmt.Errorf("type %s is registered as %s at %s and as %s at %s: one type has one name", entry.Type, old.Name, old.Site, entry.Name, entry.Site))
		}
		e.byType[typeKey(entry.Type)] = entry
		e.byName[entry.Name] = entry
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("dispatch: building a dispatcher: %w", errors.Join(errs...))
	}
	if err := e.wrap(set.Interceptors); err != nil {
		return nil, fmt.Errorf("dispatch: building a dispatcher: %w", err)
	}
	return &Dispatcher[C]{e, all}, nil
}

// Must returns d and panics if err is not nil. It is meant for variables
// initialised at program start, as in Must(New(...)).
func Must[C any](d *Dispatcher[C], err error) *Dispatcher[C] {
	if err != nil {
		panic(err)
	}
	return d
}

// builtIn returns the entries of the items that every dispatcher knows.
func builtIn() []*core.Entry {
	var out []*core.Entry
	for _, item := range []struct {
		kind core.Kind
		data effect.Data
	}{{core.Batch, effect.Batch{}}, {core.Serial, effect.Serial{}}} {
		t := reflect.TypeOf(item.data)
		plan, err := core.NewPlan(t)
		if err != nil {
			panic(err) // unreachable: the types are ours
		}
		out = append(out, &core.Entry{Kind: item.kind, Name: item.data.EffectName(), Site: "package effect", Type: t, Plan: plan})
	}
	return out
}

// dispatchers counts those of the process.
var dispatchers atomic.Uint64

// engine is the part of a Dispatcher that does not depend on C.
type engine struct {
	opts    Options
	byType  map[uintptr]*core.Entry // by typeKey
	byName  map[string]*core.Entry
	types   *jsonread.Types                            // how wire form is read
	entries []*core.Entry                              // sorted by name, without the built-in ones
	fresh   func(by interface{ Change(root any) }) any // a zero Ctx, changed
	clone   func(root any, change func(copy any)) any
	ids     atomic.Uint64
	number  uint64 // of this dispatcher in the process
	keys    keys   // of effect.Serial

	// The interceptors around everything; nil where there are none.
	aroundDispatch core.DispatchFunc
	aroundAction   core.Handler
	aroundEffect   core.Handler
}

// first is a run together with its root Ctx, so that both are one allocation.
type first[C any] struct {
	run
	c C
}

// Dispatch runs items in order against ctx and c and returns what happened. It
// never panics and never returns nil. It may be called from any goroutine, which a
// handler that calls runtime.Goexit ends.
//
// ctx carries the dispatch data and ends the dispatch early when it is done; nil
// means context.Background. c is copied. The Result keeps items, which must not be
// changed afterwards. A handler must use its Call instead, which counts how deep
// continuations nest.
func (d *Dispatcher[C]) Dispatch(ctx context.Context, c C, items ...effect.Data) *effect.Result {
	f := &first[C]{c: c}
	f.begin(d.e, &f.c)
	f.res.ID = d.e.ids.Add(1)
	return f.start(ctx, items)
}

// All iterates over the registered items in name order.
func (d *Dispatcher[C]) All() iter.Seq[effect.Info] { return d.all.All() }

// Get returns the registered item called name, and whether there is one. The
// built-in [effect.Batch] and [effect.Serial] are not listed.
func (d *Dispatcher[C]) Get(name string) (effect.Info, bool) { return d.all.Get(name) }
