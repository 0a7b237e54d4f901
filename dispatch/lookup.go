package dispatch

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/internal/near"
)

// ErrUnknown is the cause of errors about names that nobody registered.
var ErrUnknown = errors.New("unknown effect, action or placeholder")

// typeKey identifies t in a map, several times faster than t itself does. The
// entry under it keeps the type alive.
func typeKey(t reflect.Type) uintptr { return reflect.ValueOf(t).Pointer() }

// direct returns the entry of an item that is a value of a registered type.
func (e *engine) direct(item effect.Data) *core.Entry {
	if item == nil {
		return nil
	}
	return e.byType[typeKey(reflect.TypeOf(item))]
}

// lookup finds the entry of item and gives item as the value type that its
// handler takes: pointers are followed and wire form is decoded.
func (e *engine) lookup(item effect.Data) (*core.Entry, effect.Data, effect.Phase, error) {
	if item == nil {
		return nil, nil, PhaseLookup, errors.New("item is nil")
	}
	t := reflect.TypeOf(item)
	if entry := e.byType[typeKey(t)]; entry != nil {
		return entry, item, "", nil
	}
	if t.Kind() == reflect.Pointer {
		v := reflect.ValueOf(item)
		if v.IsNil() {
			return nil, item, PhaseLookup, fmt.Errorf("item is a nil %s", t)
		}
		if raw, ok := item.(*effect.Raw); ok {
			item = *raw
		}
		if entry := e.byType[typeKey(t.Elem())]; entry != nil {
			return entry, v.Elem().Interface().(effect.Data), "", nil
		}
	}
	if raw, ok := item.(effect.Raw); ok {
		data, phase, err := e.decodeRaw(raw)
		if err != nil {
			return nil, raw, phase, err
		}
		return e.direct(data), data, "", nil
	}
	name := core.SafeName(item)
	if entry := e.byName[name]; entry != nil {
		return nil, item, PhaseLookup, fmt.Errorf("%s is registered for type %s, not %s", name, entry.Type, t)
	}
	return nil, item, PhaseLookup, e.unknown(name)
}

// unknown is the error of a name that nobody has registered.
func (e *engine) unknown(name string) error { return &unknownError{e, name} }

// unknownError looks for names that are like its own when somebody reads it: with
// many names and many items that is most of the work.
type unknownError struct {
	e    *engine
	name string
}

// Error says what is registered and looks like the name, or else what to do.
func (u *unknownError) Error() string {
	hint := near.Hint(u.name, func(yield func(string) bool) {
		for _, entry := range u.e.entries {
			if !yield(entry.Name) {
				return
			}
		}
	})
	if hint == "" {
		hint = ": " + u.e.remedy(u.name)
	}
	return fmt.Sprintf("%v %s%s", ErrUnknown, core.Quote(u.name), hint)
}

// Unwrap returns [ErrUnknown].
func (u *unknownError) Unwrap() error { return ErrUnknown }

// prefixForm is what may be repeated in a message without quotes.
var prefixForm = regexp.MustCompile(`^[a-z0-9-]{1,60}$`)

// remedy says what to do about a name that is like no other.
func (e *engine) remedy(name string) string {
	prefix, _, ok := strings.Cut(name, "/")
	if !ok || !prefixForm.MatchString(prefix) {
		return "a name has the form package/kebab-name"
	}
	prefix += "/"
	if slices.ContainsFunc(e.entries, func(entry *core.Entry) bool { return strings.HasPrefix(entry.Name, prefix) }) {
		return "the registries with the prefix " + prefix + " have no such name; Dispatcher.All lists all"
	}
	return "no registry with the prefix " + prefix + " is joined"
}
