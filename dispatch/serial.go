package dispatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// maxKey is the length of the longest key of an effect.Serial.
const maxKey = 1 << 10

// hold is one key from when it is taken until it is free.
type hold struct {
	e    *engine
	key  string
	over atomic.Bool
}

// compare orders holds by key. Keys of two dispatchers are different keys; those
// that look the same are in the order in which the dispatchers were made.
func (h *hold) compare(o *hold) int {
	return cmp.Or(strings.Compare(h.key, o.key), cmp.Compare(h.e.number, o.e.number))
}

// held are the holds around a place in the program, the greatest first. It is
// immutable, but its holds end.
type held struct {
	*hold
	up *held
}

// live returns h without what has ended, as far as that is at its front.
func (h *held) live() *held {
	for h != nil && h.over.Load() {
		h = h.up
	}
	return h
}

// with returns the holds that are in h or in o.
func (h *held) with(o *held) *held {
	h, o = h.live(), o.live()
	switch {
	case o == nil || h == o:
		return h
	case h == nil:
		return o
	case h.hold == o.hold:
		return &held{h.hold, h.up.with(o.up)}
	case h.compare(o.hold) < 0:
		h, o = o, h
	}
	return &held{h.hold, h.up.with(o)}
}

// heldKey is the key of a *held in the context of a list.
type heldKey struct{}

// ForRecipients keeps what is held known to the recipients of a broadcast.
func (heldKey) ForRecipients() {}

// heldIn returns what is held around the calls of of. Handlers may pass on any
// context, so theirs is not all there is to know.
func heldIn(of core.Runner) *held {
	switch of := of.(type) {
	case inside:
		return of.held
	case detached:
		if of.held != nil {
			return of.held
		}
		return heldIn(of.run)
	case *run:
		if m := of.more.Load(); m != nil {
			return m.held
		}
	}
	return nil
}

// heldBy returns what is held where ctx comes from.
func heldBy(ctx context.Context) *held {
	h, _ := ctx.Value(heldKey{}).(*held)
	return h
}

// inherit joins what is held around r by its call and by ctx, so that what it
// starts knows all of it by either.
func (r *run) inherit(ctx context.Context) context.Context {
	byCtx := heldBy(ctx)
	h := heldIn(r).with(byCtx)
	if h == nil {
		return ctx
	}
	r.extra().held = h
	if h != byCtx {
		ctx = context.WithValue(ctx, heldKey{}, h)
	}
	return ctx
}

// inside is a run seen by calls inside an effect.Serial.
type inside struct {
	*run
	held *held
}

// Detach implements core.Runner.
func (i inside) Detach() core.Runner { return detached{i.run, i.held} }

// runSerial runs a list while it holds the key.
func (r *run) runSerial(ctx context.Context, scope *core.Scope, entry *core.Entry, s effect.Serial, path effect.Path) {
	if r.tooDeep(entry, s, path) {
		return
	}
	around, mine := heldIn(scope.Of).with(heldBy(ctx)), &hold{e: r.e, key: s.Key}
	err := checkKey(s.Key)
	switch {
	case err != nil:
	case r.batching() != nil:
		err = fmt.Errorf("key %s is wanted inside an effect.Batch, whose actions are expanded before the key could be held: put the Batch into the list of the Serial instead", core.Quote(s.Key))
	default:
		err = around.allows(mine)
	}
	if err != nil {
		r.fail(PhaseSerial, path, s, "", err)
		return
	}
	if len(s.Effects) == 0 {
		return
	}
	below := path.Child(entry.Name, 0)
	if err := r.e.keys.take(ctx, s.Key); err != nil {
		stop := fmt.Errorf("waiting for key %s: %w", core.Quote(s.Key), err)
		r.extra().stop = stop
		r.fail(PhaseCancel, path, s, "", stop)
		for i, item := range s.Effects {
			r.skip(below.Sibling(i), item, "", stop)
		}
		return
	}
	defer func() { // also when a handler ends the goroutine
		mine.over.Store(true)
		r.e.keys.free(s.Key)
	}()
	all := &held{mine, around}
	r.list(context.WithValue(ctx, heldKey{}, all), &core.Scope{Root: scope.Root, Of: inside{r, all}}, s.Effects, below)
}

// allows says why want must not be waited for while h is held; nil if it may.
func (h *held) allows(want *hold) error {
	h = h.live()
	for x := h; x != nil; x = x.up.live() {
		if want.compare(x.hold) == 0 {
			return fmt.Errorf("key %s is held by a Serial around this one, which would wait for itself: put these effects into the list of the outer one without a Serial of their own, or dispatch them after it", core.Quote(want.key))
		}
	}
	switch {
	case h == nil || want.compare(h.hold) > 0:
		return nil
	case want.key == h.key:
		return fmt.Errorf("key %s is wanted while the same key of a dispatcher that was made later is held, and a dispatch that takes them the other way round would wait for this one for ever: take the key of the older dispatcher first", core.Quote(want.key))
	}
	return fmt.Errorf("key %s is wanted while %s is held, and a dispatch that takes them the other way round would wait for this one for ever: keys are taken in the order of their bytes, so take %[1]s first and %[2]s inside it", core.Quote(want.key), core.Quote(h.key))
}

func checkKey(key string) error {
	switch {
	case key == "":
		return errors.New(`the key is empty: name what is changed, as in "board/7"`)
	case len(key) > maxKey:
		return fmt.Errorf("the key has %d bytes, more than %d: name what is changed, do not spell it out", len(key), maxKey)
	case !utf8.ValidString(key):
		return fmt.Errorf("key %s is not valid UTF-8, which JSON could not carry: encode it", core.Quote(key))
	}
	return nil
}
