package dispatch

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/jsonread"
)

// ErrTooLarge is the cause of errors about wire form over the limits.
var ErrTooLarge = jsonread.ErrTooLarge

// Decode reads a list in wire form, as effect.List marshals itself, into the
// registered types, at any nesting depth. A decoded list runs exactly like the
// literal one. It may be called from any goroutine; it does not keep text.
//
// The error joins an *[effect.Error] for every item that is wrong, nested ones
// included, up to 50 of them; the path of each is that of the item of the list
// around it. A text that is no JSON, or that is over the limits ([ErrTooLarge]), is
// an error of its own. Nothing is returned with an error.
//
// It is stricter than encoding/json. A name that is given twice in an object, a
// name in another case than that of the field, bytes that are not UTF-8, and
// numbers that are beyond float64 or longer than 100 bytes are errors. So is a
// reference to a placeholder whose value does not fit the field. Numbers for
// fields of type any become a json.Number, which keeps all digits.
func (d *Dispatcher[C]) Decode(text []byte) (effect.List, error) {
	return d.e.decode(text)
}

func (e *engine) decode(text []byte) (effect.List, error) {
	v, err := e.parse(text)
	if err != nil {
		return nil, fmt.Errorf("dispatch: decoding: %w", err)
	}
	r := e.reader()
	list, err := r.list(v)
	if err := r.failed(err); err != nil {
		return nil, err
	}
	return list, nil
}

// parse reads a text within the limits.
func (e *engine) parse(text []byte) (jsonread.Value, error) {
	return jsonread.Parse(text, jsonread.Limits{Bytes: e.opts.MaxWireBytes, Depth: e.opts.MaxWireDepth})
}

// decodeRaw decodes an item that was dispatched, or used as a reference, in wire
// form. Such items can be made in Go too, so the limits are checked here as well.
func (e *engine) decodeRaw(raw effect.Raw) (effect.Data, effect.Phase, error) {
	r := e.reader()
	data, phase, err := r.raw(raw)
	if err := r.failed(err); err != nil {
		return nil, phase, err
	}
	return data, "", nil
}

// raw gives the value that raw stands for, nested lists and references included.
func (r *reader) raw(raw effect.Raw) (effect.Data, effect.Phase, error) {
	entry := r.byName[raw.Effect]
	if entry == nil {
		return nil, PhaseLookup, r.unknown(raw.Effect)
	}
	var args jsonread.Value
	if text := bytes.TrimSpace(raw.Args); len(text) > 0 {
		var err error
		if args, err = r.parse(text); err != nil {
			if e, ok := err.(*jsonread.Error); ok {
				e.Pointer = "/args" + e.Pointer
			}
			return nil, PhaseDecode, fmt.Errorf("reading the arguments of %s: %w", entry.Name, err)
		}
	}
	data, err := r.args(entry, args)
	return data, PhaseDecode, err
}

// failed returns everything that was wrong: what was noted on the way, and err, which
// ended it.
func (r *reader) failed(err error) error {
	switch {
	case errors.Is(err, ErrTooLarge):
		return err
	case err != nil:
		r.note(err)
	}
	if r.wrong > len(r.errs) {
		r.errs = append(r.errs, fmt.Errorf("... and %d more", r.wrong-len(r.errs)))
	}
	return errors.Join(r.errs...)
}
