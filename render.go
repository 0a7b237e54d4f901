package sfere

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// Render renders a view into the page that a request asks for, with the function that
// renders it for streams, so that the page and what follows cannot differ. own is
// the Ctx of the request, of which an [OwnView] and ViewOptions.Allow are told. The
// errors are those of the view and of Allow. The signals of a [ViewFrame] are left
// out; a page has data-signals for their first values. [App.Render] is shorter.
func Render[C any](d *dispatch.Dispatcher[C], c *Conns, own C, r *twk.Request, v effect.Data) (twk.HTML, error) {
	scope, err := c.requestScope(r, func() string { return "a view" })
	if err != nil {
		return "", err
	}
	do := &rendered{scope: scope}
	res := d.Dispatch(context.WithValue(r.Context(), useKey{}, do), own, v)
	switch {
	case res.Err() != nil:
		return "", &Error{Op: "rendering a view", Status: statusOf(res.Err()), Err: res.Err()}
	case do.count != 1:
		return "", &Error{Op: "rendering a view", Err: errors.New("it is no view: register it with sfere.View")}
	}
	return do.html, nil
}

// Render renders a view into the page that r asks for; see [Render].
func (a *App[C]) Render(r *twk.Request, v effect.Data) (twk.HTML, error) {
	return Render(a.d, a.conns, a.newCtx(twk.Session{Request: r}), r, v)
}

// rendered is what Render dispatches a view for.
type rendered struct {
	scope string
	html  twk.HTML
	count int
}

// use implements viewUse.
func (r *rendered) use(ctx context.Context, d *view, v effect.Data, call any) (any, error) {
	r.count++
	v, err := d.allowed(ctx, "rendering", call, v)
	if err != nil {
		return nil, err
	}
	id := d.id(r.scope, v, nil)
	content, err := d.render(alone{ctx, rendering{scope: id.scope}}, v, call)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if content != nil {
		if err := content.Render(ctx, &b); err != nil {
			return nil, err
		}
	}
	r.html = twk.HTML(b.String())
	return nil, nil
}

// alone is the context of a render: it ends with the one it was made from, and has
// none of its values.
type alone struct {
	parent context.Context
	r      rendering
}

func (a alone) Deadline() (time.Time, bool) { return a.parent.Deadline() }
func (a alone) Done() <-chan struct{}       { return a.parent.Done() }
func (a alone) Err() error                  { return a.parent.Err() }

func (a alone) Value(key any) any {
	if key == (renderKey{}) {
		return a.r
	}
	return nil
}
