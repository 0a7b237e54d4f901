package effect

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"runtime"

	"github.com/sfere-go/sfere/internal/core"
)

// World says how far an effect reaches; a dry run leaves out what is not pure.
type World uint8

// The reaches of effects. The zero value is the careful one.
const (
	External World = iota // changes something outside this process, or might
	Local                 // changes something in this process only
	Pure                  // changes nothing
)

// String returns "external", "local" or "pure".
func (w World) String() string {
	switch w {
	case Local:
		return "local"
	case Pure:
		return "pure"
	}
	return "external"
}

// About is what an item says of itself beside its name, doc and types. All
// fields are optional.
type About struct {
	World World
	// Shared says that the effect does nothing but write to the stream in its
	// Ctx, and the same bytes to every stream: a broadcast then runs it once
	// for all its recipients.
	Shared bool
	// Dry says that the handler knows of dry runs: where [IsDry] it changes
	// nothing and records with [WouldDo] what it would have done. In a dry run an
	// effect that has it not, and is not Pure, is not run at all.
	Dry bool
	// Examples are sample values for catalogues and tests.
	Examples []Data
	// Meta is kept for catalogues; values should marshal to JSON.
	Meta map[string]any
}

// Item is one thing a registry written against C can hold: the result of
// [Handle], [Expand], [Resolver], [State] or [Intercept].
type Item[C any] interface {
	bind(path func(any) *C) *Bound
}

// Bound is an Item made ready for a dispatcher with some root Ctx. It is of
// use to package registry only.
type Bound struct {
	entry       *core.Entry
	state       *core.State
	interceptor *core.Interceptor
	errs        []error
}

// Entry returns the named item, if this is one.
func (b *Bound) Entry(core.Seal) *core.Entry { return b.entry }

// State returns the state function, if this is one.
func (b *Bound) State(core.Seal) *core.State { return b.state }

// Interceptor returns the interceptor, if this is one.
func (b *Bound) Interceptor(core.Seal) *core.Interceptor { return b.interceptor }

// Errs returns what is wrong with the item.
func (b *Bound) Errs(core.Seal) []error { return b.errs }

// Bind makes item ready for roots in which path finds its C.
func Bind[C any](_ core.Seal, item Item[C], path func(any) *C) *Bound { return item.bind(path) }

// Named is an effect, action or placeholder that is about to be registered.
type Named[C any] struct {
	entry core.Entry
	errs  []error
}

// About returns a copy of n that says more of itself.
func (n Named[C]) About(a About) Named[C] {
	n.entry.World = uint8(a.World)
	n.entry.Shared = a.Shared
	n.entry.Dry = a.Dry
	n.entry.Meta = maps.Clone(a.Meta)
	n.entry.Examples = nil
	for _, x := range a.Examples {
		n.entry.Examples = append(n.entry.Examples, x)
	}
	return n
}

func (n Named[C]) bind(path func(any) *C) *Bound {
	e := n.entry
	e.Place = placeOf(path)
	return &Bound{entry: &e, errs: n.errs}
}

// named fills in what all three kinds share and collects what is wrong.
func named[C any, E Data](kind core.Kind, doc string) (n Named[C]) {
	n = Named[C]{entry: core.Entry{
		Kind: kind, Doc: doc, Site: site(3), Type: reflect.TypeFor[E](), CtxType: reflect.TypeFor[C](),
	}}
	if n.entry.Type.Kind() == reflect.Pointer {
		n.errs = append(n.errs, fmt.Errorf("%s is a pointer: declare EffectName on, and take, the value type %s", n.entry.Type, n.entry.Type.Elem()))
		return n
	}
	plan, err := core.NewPlan(n.entry.Type)
	if err != nil {
		n.errs = append(n.errs, err)
		return n
	}
	n.entry.Plan = plan
	defer func() {
		if p := recover(); p != nil {
			n.errs = append(n.errs, fmt.Errorf("%s.EffectName panics on the zero value: return a constant: %v", n.entry.Type, p))
		}
	}()
	var zero E
	n.entry.Name = zero.EffectName()
	return n
}

// site returns the place in the program that called the constructor.
func site(skip int) string {
	_, file, line, ok := runtime.Caller(skip)
	if !ok {
		return "unknown place"
	}
	return fmt.Sprintf("%s/%s:%d", filepath.Base(filepath.Dir(file)), filepath.Base(file), line)
}

// Handle registers h as the handler of effect data of type E. doc says in a
// sentence what the effect does; it must not be empty.
//
// h may run on any goroutine and several times at once. Its value is kept in
// Result.Outcomes; an error or a panic becomes an entry of Result.Errors and
// the items after it run all the same.
func Handle[C any, E Data, R any](doc string, h func(ctx context.Context, call *Call[C], e E) (R, error)) Named[C] {
	n := named[C, E](core.Effect, doc)
	n.entry.Result = reflect.TypeFor[R]()
	if h == nil {
		n.errs = append(n.errs, fmt.Errorf("the handler is nil"))
		return n
	}
	n.entry.Handle = func(ctx context.Context, call *core.Call, item any) (any, error) {
		v, err := h(ctx, (*Call[C])(call), item.(E))
		if err != nil {
			return nil, err
		}
		return v, nil
	}
	return n
}

// NoState is the state of an action that needs none; such an action gives the
// same list for the same data.
type NoState struct{}

// Expand registers f as the expansion of action data of type A: a pure function
// from the state of the registry ([State]) to the effects and actions to run
// instead. C is given by the caller, S and A are inferred:
//
//	effect.Expand[App]("Double the counter.", func(s Counter, a Double) (effect.List, error) { ... })
//
// f must not keep or change s. A nil list means nothing to do.
func Expand[C, S any, A Data](doc string, f func(state S, a A) (List, error)) Named[C] {
	n := named[C, A](core.Action, doc)
	if t := reflect.TypeFor[S](); t != reflect.TypeFor[NoState]() {
		n.entry.StateType = t
	}
	if f == nil {
		n.errs = append(n.errs, fmt.Errorf("the expansion is nil"))
		return n
	}
	n.entry.Expand = func(_ context.Context, _ *core.Call, state, item any) (any, error) {
		s, _ := state.(S) // no state function: the zero state
		return f(s, item.(A))
	}
	return n
}

// Resolver registers f as the source of values for references to placeholder
// data of type P. It runs when an effect with such a reference is about to run,
// with the call of that effect: in a broadcast once for every recipient.
func Resolver[C any, P Data, T any](doc string, f func(ctx context.Context, call *Call[C], p P) (T, error)) Named[C] {
	n := Handle(doc, f)
	n.entry.Kind, n.entry.Site = core.Placeholder, site(2)
	return n
}

// StateFunc is a registered state function; see [State].
type StateFunc[C any] struct {
	state core.State
}

func (s StateFunc[C]) bind(path func(any) *C) *Bound {
	st := s.state
	st.Place = placeOf(path)
	return &Bound{state: &st}
}

// State registers f as the source of the state that the actions of the same
// registry see. It runs each time an action is about to be expanded, so that
// the action sees what the effects before it did; inside a [Batch] it runs once.
func State[C, S any](f func(ctx context.Context, call *Call[C]) (S, error)) StateFunc[C] {
	return StateFunc[C]{core.State{
		Type: reflect.TypeFor[S](), Site: site(2),
		Func: func(ctx context.Context, call *core.Call) (any, error) {
			v, err := f(ctx, (*Call[C])(call))
			if err != nil {
				return nil, err
			}
			return v, nil
		},
	}}
}

// Info describes a registered item to catalogues.
type Info struct {
	Kind     string // "effect", "action" or "placeholder"
	Name     string
	Doc      string
	Site     string // file:line where it was made
	Registry string
	Type     reflect.Type // of the data
	Result   reflect.Type // of the handler's value; nil for actions
	State    reflect.Type // that an action expects; nil if none
	Ctx      reflect.Type // the C it was written against
	World    World
	Shared   bool
	Dry      bool // takes part in dry runs although it is not Pure
	Examples []Data
	Meta     map[string]any
	HasLate  bool // some field can hold a placeholder
}

// InfoOf returns the public description of e.
func InfoOf(_ core.Seal, e *core.Entry) Info {
	kinds := map[core.Kind]string{core.Effect: "effect", core.Action: "action", core.Placeholder: "placeholder"}
	i := Info{
		Kind: kinds[e.Kind], Name: e.Name, Doc: e.Doc, Site: e.Site, Registry: e.Registry, Type: e.Type, Result: e.Result,
		State: e.StateType, Ctx: e.CtxType, World: World(e.World), Shared: e.Shared, Dry: e.Dry, Meta: maps.Clone(e.Meta), HasLate: e.Plan.HasLate(),
	}
	for _, x := range e.Examples {
		i.Examples = append(i.Examples, x.(Data))
	}
	return i
}
