package registry

import (
	"fmt"
	"reflect"
	"regexp"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// part is what one call of New made. It is immutable.
type part[C any] struct {
	name  string
	site  string // of the call
	items []effect.Item[C]
}

// binding is a part that is being made ready for one kind of root.
type binding[C any] struct {
	*part[C]
	place *core.Place
	set   core.Set
	state *core.State
}

// bind implements core.Part.
func (p *part[C]) bind(path any) core.Set {
	b := &binding[C]{part: p}
	if path, _ := path.(func(any) *C); path != nil {
		b.place = &core.Place{In: path}
	}
	if p.name == "" {
		b.fail("it has no name: give New one")
	}
	if len(p.items) == 0 {
		b.fail("it has no items: leave it out, or pass the items to New")
	}
	for i, item := range p.items {
		switch x := item.(type) {
		case nil:
			b.fail("item %d is nil", i)
		case effect.Effect[C]:
			b.add(i, core.Item(x))
		case effect.Action[C]:
			b.add(i, core.Item(x))
		case effect.Placeholder[C]:
			b.add(i, core.Item(x))
		case effect.StateFunc[C]:
			b.add(i, core.Item(x))
		case effect.Interceptor[C]:
			b.intercept(i, x)
		default:
			b.fail("item %d is a %T: pass the value, not a pointer, and do not embed it", i, item)
		}
	}
	b.join()
	return b.set
}

func (b *binding[C]) fail(format string, args ...any) {
	b.set.Errs = append(b.set.Errs, fmt.Errorf("registry %q: "+format, append([]any{b.name}, args...)...))
}

// add takes in the i-th item, which is no interceptor.
func (b *binding[C]) add(i int, item core.Item) {
	s := item.State()
	switch {
	case s == nil:
		b.fail("item %d is zero: make it with a function of package effect, such as effect.Handle", i)
	case s.State != nil:
		b.addState(s)
	default:
		b.addEntry(s)
	}
}

func (b *binding[C]) addState(s *core.ItemState) {
	for _, err := range s.Errs {
		b.fail("state function made at %s: %w", s.State.Site, err)
	}
	if b.state != nil {
		b.fail("two state functions, at %s and %s: keep one, or make two registries", b.state.Site, s.State.Site)
	}
	state := *s.State
	state.Place = b.place
	b.state = &state
}

func (b *binding[C]) addEntry(s *core.ItemState) {
	for _, err := range s.Errs {
		b.fail("item made at %s: %w", s.Entry.Site, err)
	}
	if len(s.Errs) > 0 {
		return
	}
	e := *s.Entry
	e.Place, e.Registry = b.place, b.name
	b.set.Entries = append(b.set.Entries, &e)
	b.check(&e)
}

var nameForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*(/[a-z0-9]+(-[a-z0-9]+)*)+$`)

func (b *binding[C]) check(e *core.Entry) {
	if !nameForm.MatchString(e.Name) {
		b.fail("%s at %s is named %s: use the form package/kebab-name", e.Type, e.Site, core.Quote(e.Name))
	}
	if e.Doc == "" {
		b.fail("%s at %s has no doc: say in a sentence what it does", e.Name, e.Site)
	}
	for i, x := range e.Examples {
		v := reflect.ValueOf(x)
		d, ok := x.(effect.Data)
		switch {
		case x == nil:
			b.fail("%s at %s: example %d is nil: leave it out", e.Name, e.Site, i)
		case v.Kind() == reflect.Pointer && v.IsNil():
			b.fail("%s at %s: example %d is a nil %T: leave it out, or give it a value", e.Name, e.Site, i, x)
		case !ok || core.SafeName(d) != e.Name:
			b.fail("%s at %s: example %d is not a %s", e.Name, e.Site, i, e.Type)
		}
	}
}

// join gives the actions their state.
func (b *binding[C]) join() {
	for _, e := range b.set.Entries {
		if e.StateType == nil {
			continue
		}
		switch {
		case b.state == nil:
			// The action sees the zero state, as one without a state function does.
		case b.state.Type != e.StateType:
			b.fail("action %s at %s expects a %s as state, the state function at %s gives a %s", e.Name, e.Site, e.StateType, b.state.Site, b.state.Type)
		default:
			e.State = b.state
		}
	}
}
