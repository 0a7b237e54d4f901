package sfere

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strconv"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/flight"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// ViewFrame is content of a view with more than markup whose elements have ids. It
// says how a part of the page is, never what has changed, so that the newest alone
// is enough: what appends, removes or runs a script is an effect and no view.
type ViewFrame struct {
	// Content is the markup. nil means none.
	Content twk.Content
	// Selector is what is patched. Default: the elements with the ids of the markup.
	Selector string
	// Inner patches what is in the target and leaves the target itself.
	Inner bool
	// Signals are set with the markup: a map, a struct, or JSON text as a
	// json.RawMessage.
	Signals any
	// ViewTransition animates the change.
	ViewTransition bool
}

// Render writes the markup.
func (f ViewFrame) Render(ctx context.Context, w io.Writer) error {
	if f.Content == nil {
		return nil
	}
	return f.Content.Render(ctx, w)
}

// patches returns the effects that bring content into a page.
func patches(content twk.Content) (out effect.List) {
	f, ok := content.(ViewFrame)
	if !ok {
		return effect.List{twk.PatchElements{Elements: content}}
	}
	if f.Signals != nil { // first: the markup may ask for them
		out = append(out, twk.PatchSignals{Signals: f.Signals})
	}
	if f.Content != nil {
		p := twk.PatchElements{Elements: f.Content, Selector: f.Selector, ViewTransition: f.ViewTransition}
		if f.Inner {
			p.Mode = twk.ModeInner
		}
		out = append(out, p)
	}
	return out
}

// framed is what a render has made, as frames.
type framed struct {
	frames []*sse.Frame
	hub    *sse.Hub // that the frames are prepared for; nil before that. Guarded by the giving lock of the value.
}

// frame makes the frames of content of a value, which are shown as of version.
func (w *views) frame(ctx context.Context, d *view, v *flight.Value, content twk.Content, version uint64) (*flight.Frame, error) {
	if content == nil {
		return nil, errors.New("it returned no content")
	}
	var got twk.Collector
	list := patches(content)
	if len(list) == 0 {
		return nil, errors.New("it returned a ViewFrame with neither content nor signals")
	}
	if w.checks != nil {
		if err := guarded(func() error { list = w.check(ctx, d, v, list); return nil }); err != nil {
			return nil, err
		}
	}
	key := viewKey(v)
	if err := w.d.Dispatch(ctx, twk.Session{Out: &got}, list...).Err(); err != nil {
		return nil, err
	}
	out, sum := &framed{}, sha256.New()
	size := 0
	for i, f := range got.Frames {
		stamped, err := sse.RawFrame(f.Bytes(), &sse.FrameOptions{Coalesce: frameKey(key, i, len(got.Frames)), Version: version})
		if err != nil {
			return nil, err
		}
		sum.Write(f.Bytes())
		size += f.Len()
		out.frames = append(out.frames, stamped)
	}
	made := &flight.Frame{Data: out, Size: size}
	sum.Sum(made.Sum[:0])
	return made, nil
}

// frameKey is under which the frame i of n replaces an older one. The last is always
// that of the markup, if there is any.
func frameKey(key string, i, n int) string {
	if i < n-1 {
		return key + " signals"
	}
	return key
}

// viewKey is under which frames of a value replace each other.
func viewKey(v *flight.Value) string { return "view " + strconv.FormatUint(v.Number(), 10) }

// patcher returns a dispatcher of the effects of package twk, which makes the frames
// of views.
func patcher() *dispatch.Dispatcher[twk.Session] {
	return dispatch.Must(dispatch.New(twk.Registry(nil)))
}
