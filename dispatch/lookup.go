package dispatch

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
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
		return nil, nil, effect.PhaseLookup, errors.New("item is nil")
	}
	t := reflect.TypeOf(item)
	if entry := e.byType[typeKey(t)]; entry != nil {
		return entry, item, "", nil
	}
	if t.Kind() == reflect.Pointer {
		v := reflect.ValueOf(item)
		if v.IsNil() {
			return nil, item, effect.PhaseLookup, fmt.Errorf("item is a nil %s", t)
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
	name := safeName(item)
	if entry := e.byName[name]; entry != nil {
		return nil, item, effect.PhaseLookup, fmt.Errorf("%s is registered for type %s, not %s", name, entry.Type, t)
	}
	return nil, item, effect.PhaseLookup, e.unknown(name)
}

// unknown names what is registered and looks like name.
func (e *engine) unknown(name string) error {
	if near := e.near(name); len(near) > 0 {
		return fmt.Errorf("%w %q: did you mean %s?", ErrUnknown, name, strings.Join(near, " or "))
	}
	return fmt.Errorf("%w %q", ErrUnknown, name)
}

// near returns up to three registered names close to name, closest first.
func (e *engine) near(name string) []string {
	type candidate struct {
		name string
		far  int
	}
	if len(name) > 200 { // no name of ours; do not spend time on it
		return nil
	}
	var found []candidate
	for _, entry := range e.entries {
		limit := max(2, len(entry.Name)/4)
		far := limit + 1
		// The lengths alone rule most names out; text from outside may hold
		// thousands of unknown ones.
		if diff := len(name) - len(entry.Name); max(diff, -diff) <= limit {
			far = distance(name, entry.Name)
		}
		_, a, _ := strings.Cut(name, "/")
		_, b, _ := strings.Cut(entry.Name, "/")
		if a == b || strings.EqualFold(name, b) || strings.EqualFold(name, entry.Name) {
			far = min(far, 1)
		}
		if far <= limit {
			found = append(found, candidate{entry.Name, far})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(a.far, b.far) })
	var out []string
	for _, c := range found[:min(3, len(found))] {
		out = append(out, c.name)
	}
	return out
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// safeName survives an EffectName that panics, as one on a nil pointer does.
func safeName(item effect.Data) (name string) {
	defer func() {
		if recover() != nil {
			name = reflect.TypeOf(item).String()
		}
	}()
	return item.EffectName()
}
