package record

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/internal/jsonfields"
	"github.com/sfere-go/sfere/internal/plainjson"
)

// given is what is kept of what a dispatch was given.
type given struct {
	items []Given
	more  int
	ctx   json.RawMessage
	bytes int
	found finds
}

// given returns what is kept of the items of a dispatch from outside, and of the Ctx
// that root points to. It must not be called under the lock.
//
// Items in wire form are read into their types first: what a type says is a secret is to
// be hidden. of decodes them.
func (r *Recorder) given(items effect.List, root any, of core.Runner) (g given) {
	for i, item := range items {
		if i == MaxEntries {
			g.more = len(items) - i
			break
		}
		kept := r.kept(typed(item, of))
		g.found.learn(kept.found)
		one := Given{kept.item, kept.omitted, kept.hid}
		if g.bytes+kept.bytes > r.max/4 {
			one.Item, one.Omitted = nil, kept.omitted+kept.bytes
		} else {
			g.bytes += kept.bytes
		}
		g.items = append(g.items, one)
	}
	if r.ctx {
		k := r.keeper()
		g.ctx = k.ctx(root)
		g.bytes += len(g.ctx)
		g.found.learn(k.found)
	}
	return g
}

// typed returns item with wire form read into its types, as far as it can be read and as
// far as no step has it: the items of a list that runs as they are.
func typed(item effect.Data, of core.Runner) effect.Data {
	switch d := item.(type) {
	case *effect.Raw:
		if d != nil {
			return typed(*d, of)
		}
	case *effect.Batch:
		if d != nil {
			return typed(*d, of)
		}
	case *effect.Serial:
		if d != nil {
			return typed(*d, of)
		}
	case effect.Raw:
		return decoded(d, of)
	case effect.Batch:
		d.Effects = allTyped(d.Effects, of)
		return d
	case effect.Serial:
		d.Effects = allTyped(d.Effects, of)
		return d
	}
	return item
}

func allTyped(items effect.List, of core.Runner) effect.List {
	out := make(effect.List, len(items))
	for i, item := range items {
		out[i] = typed(item, of)
	}
	return out
}

func decoded(raw effect.Raw, of core.Runner) (out effect.Data) {
	defer func() {
		if recover() != nil { // of a method of the program
			out = raw
		}
	}()
	if of == nil {
		return raw
	}
	text, err := plainjson.Marshal(effect.List{raw})
	if err != nil {
		return raw
	}
	v, err := of.Decode(text)
	if list, ok := v.(effect.List); err == nil && ok && len(list) == 1 {
		return list[0]
	}
	return raw
}

// reference returns a reference in wire form without its arguments: no step has them, and
// which of them are secrets is not known.
func (k *keeper) reference(raw effect.Raw) effect.Data {
	if len(raw.Args) > 0 {
		k.hid++
		raw.Args = json.RawMessage(`"` + Hidden + `"`)
	}
	k.took(len(raw.Effect) + len(raw.Args))
	return raw
}

// isLate reports whether t is an effect.Late.
func isLate(t reflect.Type) bool {
	return t.PkgPath() == dataType.PkgPath() && strings.HasPrefix(t.Name(), "Late[")
}

var dataType = reflect.TypeFor[effect.Data]()

// shared returns d with the item that was given at path in place of its own, where both
// are the same: what is kept is kept once.
func (n *node) shared(path effect.Path, d data) data {
	if i := path.Index(); path.Depth() == 0 && i < len(n.d.Given) { // which nobody writes to any more
		if item := n.d.Given[i].Item; item != nil && reflect.DeepEqual(item, d.item) {
			d.item, d.bytes = item, 0
		}
	}
	return d
}

// ctx returns what JSON has of the Ctx that root points to, nil if that is nothing.
func (k *keeper) ctx(root any) (text json.RawMessage) {
	defer func() {
		if recover() != nil { // of a method of the program
			text = nil
		}
	}()
	v := reflect.ValueOf(root)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return nil
	}
	part, ok := k.part(v.Elem(), 0)
	if !ok {
		return nil
	}
	text, err := plainjson.Marshal(part)
	if err != nil || len(text) > MaxValue {
		return nil
	}
	return text
}

var timeType = reflect.TypeFor[time.Time]()

// part returns what may be kept of a part of a Ctx, in a form that marshals.
func (k *keeper) part(v reflect.Value, depth int) (out any, ok bool) {
	t := v.Type()
	switch {
	case t == timeType:
		return v.Interface(), true
	case t.Kind() != reflect.Struct:
		if !fixed(t, 0) {
			return nil, false
		}
		return k.clone(v, depth).Interface(), true
	case depth > 8 || !k.visit(depth):
		return nil, false
	}
	members := map[string]any{}
	for _, f := range jsonfields.Of(t) {
		if f.Optional {
			continue
		}
		field := v.FieldByIndex(f.Index)
		if k.secrets.marked(f.Go) {
			k.hid++
			k.find(field, depth)
			members[f.Name] = Hidden
		} else if part, ok := k.part(field, depth+1); ok {
			members[f.Name] = part
		}
	}
	return members, len(members) > 0
}
