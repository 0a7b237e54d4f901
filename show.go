package sfere

import (
	"context"
	"fmt"
	"net/http"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// Show makes the stream of the dispatch show views from now on, until it ends or
// [Hide]: each is rendered into the page, and again after every [Refresh] that
// concerns it, when the stream may have lost something, and nothing else has to be
// done for first paint, reconnection and late joiners.
//
// It belongs among the first effects of a stream that is held, and works at any later
// time. The stream never shows an older state after a newer one, and when a dispatch
// with a Refresh has returned it ends with a state that was read after it. The views
// of one Show may arrive in any order. A stream that shows views is not cut when its outbox is full: the events that wait
// are dropped, and its views are sent again, of which at most one frame each waits.
//
// Two views of one stream must not be about the same elements, and nothing else may
// patch what a view has rendered. A stream that has ended is shown nothing. It is an error to show a view that is not allowed
// ([ViewOptions].Allow), and on a response that does not stay open.
//
//	sfere.Hold(sfere.ID("board", user), twk.Stream(sfere.Show{Views: effect.List{Board{ID: 7}}}))
type Show struct {
	// Views are values of views: what [View] and [OwnView] were registered for, or
	// actions that come to such.
	Views effect.List `json:"views" jsonschema:"description=views that the stream shows from now on"`
}

// EffectName returns "sfere/show".
func (Show) EffectName() string { return "sfere/show" }

// Hide ends what [Show] began: when it has run, nothing of the views is sent to the
// stream of the dispatch any more, what waits to be written included. The page keeps
// what it shows. Views that the stream does not show are left out. A view is named as
// it was for Show, or by the value that ViewOptions.Allow gave instead.
type Hide struct {
	Views effect.List `json:"views" jsonschema:"description=views that the stream shows no more"`
}

// EffectName returns "sfere/hide".
func (Hide) EffectName() string { return "sfere/hide" }

// onScreen is what Show and Hide dispatch views for.
type onScreen struct {
	c      *Conns
	scope  string
	conn   *sse.Conn
	screen *screen
	hide   bool
	count  int
}

func (c *Conns) show(ctx context.Context, call twk.Call, s Show) (int, error) {
	return c.onScreen(ctx, call, s, s.Views, false)
}

func (c *Conns) hide(ctx context.Context, call twk.Call, h Hide) (int, error) {
	return c.onScreen(ctx, call, h, h.Views, true)
}

func (c *Conns) onScreen(ctx context.Context, call twk.Call, e effect.Data, list effect.List, hide bool) (int, error) {
	op := map[bool]string{false: "showing views", true: "hiding views"}[hide]
	s := call.Ctx()
	if s.Conn == nil || s.Response != nil && !s.Response.Stay {
		return 0, &Error{Op: op, Err: fmt.Errorf("%w that stays open: use twk.Stream, or a broadcast to one", twk.ErrNoStream)}
	}
	scope, err := c.scopeOf(ctx, s, func() string { return "a view" })
	if err != nil {
		return 0, err
	}
	if effect.IsDry(ctx) {
		effect.WouldDo(ctx, e)
		return len(list), nil
	}
	do := &onScreen{c: c, scope: scope, conn: s.Conn, hide: hide}
	if do.screen = c.views.screen(s.Conn); do.screen == nil {
		return 0, nil // it has ended, and shows nothing any more
	}
	own := call.With(func(own *twk.Session) { *own = twk.Session{Conn: s.Conn} })
	res := own.Dispatch(context.WithValue(ctx, useKey{}, do), list...)
	if do.count < len(list) && res.Err() == nil {
		return do.count, &Error{Op: op, Err: fmt.Errorf("%d of %d effects are no views: register them with sfere.View", len(list)-do.count, len(list))}
	}
	return do.count, nil
}

// use implements viewUse.
func (o *onScreen) use(ctx context.Context, d *view, v effect.Data, call any) (any, error) {
	o.count++
	if o.hide {
		if sh := o.screen.find(d.id(o.scope, v, o.conn)); sh != nil {
			sh.hide()
		}
		return nil, nil
	}
	actual, err := d.allowed(ctx, "showing", call, v)
	if err != nil {
		return nil, err
	}
	return nil, o.screen.show(d, v, d.id(o.scope, actual, o.conn), call)
}

// id returns what tells a value apart.
func (d *view) id(scope string, v effect.Data, conn *sse.Conn) valueID {
	id := valueID{scope: scope, value: v}
	if d.across {
		id.scope = ""
	}
	if d.own {
		id.conn = conn
	}
	return id
}

// forbidden is the error of a view that is not allowed.
func forbidden(op string, err error) error {
	status := statusOf(err)
	if status == 0 {
		status = http.StatusForbidden
	}
	return &Error{Op: op, Status: status, Err: err}
}
