package sfere

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/twk"
)

// far is what of a broadcast, close or kick goes to other machines.
type far struct {
	cl   *cluster
	env  relay.Envelope
	wait bool // for a report of all machines
	body func([]relay.Step) relay.Body
	sent relay.Sent
	err  error // why it was not sent
}

// far returns what goes to other machines; nil if there are none, and in a dry run.
func (c *Conns) far(ctx context.Context, to Pattern, except excluded, report string, body func([]relay.Step) relay.Body) (*far, error) {
	switch report {
	case "", "local", "cluster":
	default:
		return nil, &Error{Op: "sending", Err: fmt.Errorf(`there is no report %q: use "local" or "cluster"`, report)}
	}
	cl := c.cluster.Load()
	if cl == nil || effect.IsDry(ctx) {
		return nil, nil
	}
	f := &far{cl: cl, wait: report == "cluster", body: body}
	f.env = relay.Envelope{To: to.address(), Exclude: cl.exclude(except), Report: f.wait}
	f.env.Deadline, _ = ctx.Deadline()
	f.env.Trace = c.trace(ctx)
	return f, nil
}

// exclude returns x as it travels.
func (cl *cluster) exclude(x excluded) (out relay.Exclude) {
	for _, k := range x.keys {
		out.Matching = append(out.Matching, addressOf(k))
	}
	for _, p := range x.patterns {
		out.Matching = append(out.Matching, p.address())
	}
	out.Streams = append(out.Streams, x.far...)
	if x.self != nil {
		out.Streams = append(out.Streams, relay.Stream{Node: cl.node.ID(), ID: x.self.ID()})
	}
	for _, id := range x.streams {
		out.Streams = append(out.Streams, relay.Stream{Node: cl.node.ID(), ID: id})
	}
	return out
}

// steps returns the steps of a delivery as they travel: frames of what was run once for
// all, and effects in wire form for the rest.
func (f *far) steps(in []step) []relay.Step {
	if f == nil {
		return nil
	}
	out := make([]relay.Step, len(in))
	for i, st := range in {
		if !st.each {
			out[i].Frames = st.frames
			continue
		}
		if out[i].Effect, f.err = f.cl.portable(st.item); f.err != nil {
			return nil
		}
	}
	return out
}

// send puts it into the queue of the relay. It does not wait.
func (f *far) send(steps []relay.Step) {
	if f == nil || f.err != nil {
		return
	}
	f.env.Body = f.body(steps)
	f.sent, f.err = f.cl.node.Send(f.env)
}

// notPortable is an item that cannot be run on other machines.
type notPortable struct{ error }

func (n *notPortable) Unwrap() error { return n.error }

// portable returns an item in wire form, or why it cannot be run elsewhere.
func (cl *cluster) portable(item effect.Data) (json.RawMessage, error) {
	if err := cl.permits(item); err != nil {
		return nil, &notPortable{err}
	}
	text, err := effect.List{item}.MarshalJSON()
	if err != nil {
		return nil, &notPortable{err}
	}
	return text[1 : len(text)-1], nil
}

var (
	dataType    = reflect.TypeFor[effect.Data]()
	contentType = reflect.TypeFor[twk.Content]()
	htmlType    = reflect.TypeFor[twk.HTML]()
)

// maxPortable bounds how deep an item is looked into.
const maxPortable = 200

// permits says why an item may not be run for the recipients of another machine: it,
// or something in it, is not allowed to come from there, or has no wire form.
func (cl *cluster) permits(item effect.Data) error {
	var look func(v reflect.Value, in, field string, depth int) error
	look = func(v reflect.Value, in, field string, depth int) error {
		if depth > maxPortable {
			return fmt.Errorf("%s: it is too deep for the relay", in)
		}
		t := v.Type()
		isData := t.Implements(dataType) && t.Kind() != reflect.Interface
		if isData && (t.Kind() != reflect.Pointer || !v.IsNil()) {
			in, field = v.Interface().(effect.Data).EffectName(), ""
			if !cl.mayCome(in) {
				return fmt.Errorf("%s may not come from another machine: name it in Options.FromRelay", in)
			}
		}
		switch t.Kind() {
		case reflect.Interface, reflect.Pointer:
			if v.IsNil() {
				return nil
			}
			e := v.Elem()
			if t.Kind() == reflect.Interface && !e.Type().Implements(dataType) && e.Type().Implements(contentType) && e.Type() != htmlType {
				return fmt.Errorf("%s: the field %s is a %s that is made for each recipient, which has no form for other machines: use a view, or an effect of your own that makes it there", in, field, e.Type())
			}
			return look(e, in, field, depth+1)
		case reflect.Struct:
			for i := range t.NumField() {
				f := t.Field(i)
				if !f.IsExported() {
					continue
				}
				name := field
				if !f.Anonymous {
					if name, _, _ = strings.Cut(f.Tag.Get("json"), ","); name == "" || name == "-" {
						name = strings.ToLower(f.Name[:1]) + f.Name[1:]
					}
				}
				if err := look(v.Field(i), in, name, depth+1); err != nil {
					return err
				}
			}
		case reflect.Slice, reflect.Array:
			if k := t.Elem().Kind(); k <= reflect.Complex128 || k == reflect.String {
				return nil
			}
			for i := range v.Len() {
				if err := look(v.Index(i), in, field, depth+1); err != nil {
					return err
				}
			}
		case reflect.Map:
			for it := v.MapRange(); it.Next(); {
				if err := look(it.Value(), in, field, depth+1); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return guarded(func() error {
		if item == nil {
			return errors.New("an item is nil")
		}
		return look(reflect.ValueOf(item), "", "", 0)
	})
}

// mayCome reports whether other machines may have an effect or placeholder run here.
func (cl *cluster) mayCome(name string) bool {
	pkg, _, _ := strings.Cut(name, "/")
	return pkg == "effect" || pkg == "twk" || pkg == "sfere" || cl.allowed[name]
}
