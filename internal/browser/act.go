package browser

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Eval runs a JavaScript expression in p and returns its value; a promise is
// awaited. T follows the rules of encoding/json. The value undefined, or an
// exception, fails the test.
//
// It is a function because Go has no generic methods.
func Eval[T any](p *Page, js string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, p.Timeout)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		p.fatal("evaluate "+js, err)
	}
	return v
}

// WaitEval waits until a JavaScript expression is true. An exception counts as
// false, so that elements which do not exist yet need no care. The expression
// is evaluated every few milliseconds, also across navigations and in hidden
// tabs, and must have no side effects.
func (p *Page) WaitEval(condition string) {
	p.t.Helper()
	p.wait("wait until "+condition, condition)
}

// WaitText waits until the visible text of the element contains text. White
// space counts as it is rendered.
func (p *Page) WaitText(sel, text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("wait until %s contains %q", sel, text), fmt.Sprintf(
		`(e => e.innerText.includes(%s) || {is: e.innerText})(%s)`, quote(text), one(sel)))
}

// WaitGone waits until no element matches.
func (p *Page) WaitGone(sel string) {
	p.t.Helper()
	p.wait("wait until no "+sel, fmt.Sprintf(
		`(n => n === 0 || {is: n + " elements"})(document.querySelectorAll(%s).length)`, quote(sel)))
}

// Text returns the visible text of the element, waiting until it exists.
func (p *Page) Text(sel string) string {
	p.t.Helper()
	return p.read(sel, "innerText")
}

// HTML returns the outer HTML of the element, waiting until it exists.
func (p *Page) HTML(sel string) string {
	p.t.Helper()
	return p.read(sel, "outerHTML")
}

// Count returns how many elements match now, without waiting.
func (p *Page) Count(sel string) int {
	p.t.Helper()
	return Eval[int](p, fmt.Sprintf(`document.querySelectorAll(%s).length`, quote(sel)))
}

// Click moves the mouse to the middle of the element and clicks. It waits until
// the element is visible, enabled, and not covered by another one there.
func (p *Page) Click(sel string) {
	p.t.Helper()
	what := "click " + sel
	at := waitFor[[2]float64](p, what, fmt.Sprintf(`(e => {
		e.scrollIntoView({block: "nearest", inline: "nearest", behavior: "instant"});
		const r = e.getBoundingClientRect(), x = r.x + r.width/2, y = r.y + r.height/2;
		if (!e.checkVisibility({visibilityProperty: true}) || !r.width || !r.height) return {is: "not visible"};
		if (e.disabled) return {is: "disabled"};
		const top = document.elementFromPoint(x, y);
		if (top !== e && !e.contains(top)) return {is: "covered by " + (top ? top.outerHTML.slice(0, 200) : "nothing")};
		return {ok: [x, y]};
	})(%s)`, one(sel)))
	p.do(what, chromedp.MouseClickXY(at[0], at[1]))
}

// Drag drags the middle of one element to the middle of another with the mouse, as
// HTML drag and drop. Both must be visible where the page is scrolled to.
func (p *Page) Drag(from, to string) {
	p.t.Helper()
	what := "drag " + from + " to " + to
	at := waitFor[[4]float64](p, what, fmt.Sprintf(`((...es) => {
		const rs = es.map(e => e.getBoundingClientRect());
		if (rs.some(r => !r.width || !r.height)) return {is: "not visible"};
		return {ok: rs.flatMap(r => [r.x + r.width/2, r.y + r.height/2])};
	})(%s, %s)`, one(from), one(to)))
	p.do(what, chromedp.Func(bringToFront))
	mouse := func(kind input.DispatchMouseEventType, x, y float64) {
		p.do(what, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, input.DispatchMouseEvent, input.DispatchMouseEventParams{
				Type: kind, X: x, Y: y, Button: input.MouseButtonLeft, Buttons: 1, ClickCount: 1,
			})
			return err
		}))
	}
	mouse(input.DispatchMouseEventTypeMousePressed, at[0], at[1])
	mouse(input.DispatchMouseEventTypeMouseMoved, at[0]+8, at[1]+8) // far enough to begin
	mouse(input.DispatchMouseEventTypeMouseMoved, at[2]-1, at[3]-1)
	mouse(input.DispatchMouseEventTypeMouseMoved, at[2], at[3])
	mouse(input.DispatchMouseEventTypeMouseReleased, at[2], at[3])
}

// Type focuses the element and types text at its end, key by key. It waits
// until the element can have the focus.
func (p *Page) Type(sel, text string) {
	p.t.Helper()
	p.focus("type into "+sel, sel, false)
	p.do("type into "+sel, chromedp.KeyEvent(text))
}

// Fill is [Page.Type] in place of the old content.
func (p *Page) Fill(sel, text string) {
	p.t.Helper()
	p.focus("fill "+sel, sel, true)
	if text == "" {
		text = kb.Delete
	}
	p.do("fill "+sel, chromedp.KeyEvent(text))
}

// keys are the names that Press knows, as in KeyboardEvent.key.
var keys = map[string]string{
	"Enter": kb.Enter, "Tab": kb.Tab, "Escape": kb.Escape, "Backspace": kb.Backspace, "Delete": kb.Delete,
	"ArrowUp": kb.ArrowUp, "ArrowDown": kb.ArrowDown, "ArrowLeft": kb.ArrowLeft, "ArrowRight": kb.ArrowRight,
	"Home": kb.Home, "End": kb.End, "PageUp": kb.PageUp, "PageDown": kb.PageDown,
}

// Press presses and releases one key where the focus is: a single character, or
// a name such as Enter, Tab, Escape, Backspace, Delete, ArrowUp, Home or PageUp.
func (p *Page) Press(key string) {
	p.t.Helper()
	code, ok := keys[key]
	if !ok && len([]rune(key)) == 1 {
		code, ok = key, true
	}
	if !ok {
		p.t.Fatalf("browser: %s: press: unknown key %q", p.name, key)
	}
	p.do("press "+key, chromedp.Steps(chromedp.Func(bringToFront), chromedp.KeyEvent(code)))
}

// one is a JavaScript expression for the first match, which throws if there is
// none; the waits take that for "not yet".
func one(sel string) string {
	return fmt.Sprintf(`(document.querySelector(%s) || (() => { throw new Error("no such element"); })())`, quote(sel))
}

// focus puts the caret at the end of the element's content, or selects it all.
func (p *Page) focus(what, sel string, all bool) {
	p.t.Helper()
	p.do(what, chromedp.Func(bringToFront))
	p.wait(what, fmt.Sprintf(`(e => {
		if (e.disabled || e.readOnly) return {is: "disabled or read-only"};
		e.focus();
		if (document.activeElement !== e) return {is: "not able to have the focus"};
		if (%v) e.select ? e.select() : getSelection().selectAllChildren(e);
		else if (e.value === undefined) { getSelection().selectAllChildren(e); getSelection().collapseToEnd(); }
		else try { e.setSelectionRange(e.value.length, e.value.length); } catch {} // not for type=email and the like
		return true;
	})(%s)`, all, one(sel)))
}

// read returns a string property of the first match.
func (p *Page) read(sel, property string) string {
	p.t.Helper()
	return waitFor[string](p, "wait for "+sel, fmt.Sprintf(`({ok: %s.%s})`, one(sel), property))
}

// slice is how long one evaluation looks for its condition. A navigation cancels
// it, so it must not be the whole wait.
const slice = 200 * time.Millisecond

// wait evaluates expr until it is true. An object with the property is says what
// was found instead.
func (p *Page) wait(what, expr string) {
	p.t.Helper()
	waitFor[any](p, what, expr)
}

// waitFor is wait for a value: expr is true, or an object with the property ok,
// which is returned. The loop runs inside the page and on a timer: a loop in Go
// would miss states that last for less than a round trip, and a hidden page gets
// no animation frames.
func waitFor[T any](p *Page, what, expr string) T {
	p.t.Helper()
	type result struct {
		Done bool   `json:"done"`
		OK   T      `json:"ok"`
		Is   string `json:"is"`
	}
	loop := fmt.Sprintf(`(async () => {
		for (const end = performance.now() + %d;;) {
			let is;
			try {
				const v = await (%s);
				if (v && v.ok !== undefined) return {done: true, ok: v.ok};
				if (v && v.is !== undefined) is = v.is;
				else if (v) return {done: true};
				else is = v;
			} catch (e) { is = e; }
			if (performance.now() >= end) return {is: String(is)};
			await new Promise(resolve => setTimeout(resolve, 10));
		}
	})()`, slice.Milliseconds(), expr)

	ctx, cancel := context.WithTimeout(p.ctx, p.Timeout)
	defer cancel()
	last := "no answer"
	for {
		v, err := chromedp.Run(ctx, chromedp.Evaluate[result](loop, chromedp.EvalAwaitPromise, userGesture))
		switch {
		case err == nil && v.Done:
			return v.OK
		case err == nil:
			last = v.Is
		case ctx.Err() == nil && !navigated(err):
			p.fatal(what, err) // such as a syntax error in the condition
		}
		if p.ctx.Err() != nil {
			p.fatal(what, errors.New("the tab is closed"))
		}
		if ctx.Err() != nil {
			p.fatal(what, fmt.Errorf("not within %v; last: %s", p.Timeout, last))
		}
	}
}

// navigated reports whether err comes from a document that was replaced while
// an expression ran in it. Chromium has no error codes for that.
func navigated(err error) bool {
	if _, ok := errors.AsType[*chromedp.ExceptionError](err); ok {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "context was destroyed") ||
		strings.Contains(text, "Cannot find context") ||
		strings.Contains(text, "Inspected target navigated") ||
		strings.Contains(text, "Promise was collected")
}

// userGesture lets focus and the like do what they do after a real key press.
func userGesture(p *runtime.EvaluateParams) { p.UserGesture = new(true) }
