package effect

import (
	"fmt"
	"reflect"

	"github.com/sfere-go/sfere/internal/core"
)

// Item is one thing that a registry written against C can hold: an [Effect],
// [Action], [Placeholder], [StateFunc] or [Interceptor]. It is the element type
// of registry.New; only these five types implement it.
type Item[C any] interface {
	// item ties the type to its C, so that registry.New can infer it.
	item(*C)
}

// named returns what effects, actions and placeholders have in common and what
// is wrong with it. It must be called by the constructor itself, whose caller
// is the site.
func named[C any, E Data](kind core.Kind, doc string) (s core.ItemState) {
	e := &core.Entry{
		Kind: kind, Doc: doc, Site: core.Site(2), Type: reflect.TypeFor[E](), CtxType: reflect.TypeFor[C](),
	}
	s.Entry = e
	if e.Type.Kind() == reflect.Pointer {
		s.Errs = append(s.Errs, fmt.Errorf("%s is a pointer: declare EffectName on, and take, the value type %s", e.Type, e.Type.Elem()))
		return s
	}
	plan, err := core.NewPlan(e.Type)
	if err != nil {
		s.Errs = append(s.Errs, err)
		return s
	}
	e.Plan = plan
	defer func() {
		if p := recover(); p != nil {
			s.Errs = append(s.Errs, fmt.Errorf("%s.EffectName panics on the zero value: return a constant: %s", e.Type, core.SafeValue(p)))
		}
	}()
	var zero E
	e.Name = zero.EffectName()
	return s
}
