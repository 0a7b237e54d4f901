package twk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sfere-go/sfere/sse"
)

// Problems with fields.
var (
	errLineBreak = errors.New("must not contain CR, LF or NUL: it would end the line of the event")
	errUTF8      = errors.New("must be UTF-8")
	errID        = errors.New("must be printable ASCII: a browser cannot send anything else back")
	errRetry     = errors.New("must not be negative")
)

func checkLine(field, v string) error {
	if strings.ContainsAny(v, "\r\n\x00") {
		return fieldError(field, errLineBreak)
	}
	if !utf8.ValidString(v) {
		return fieldError(field, errUTF8)
	}
	return nil
}

func (o EventOptions) check() error {
	for _, r := range o.EventID {
		if r < 0x20 || r > 0x7e {
			return fieldError("eventId", errID)
		}
	}
	if o.RetryMillis < 0 {
		return fieldError("retryMillis", errRetry)
	}
	switch o.Overflow {
	case "", sse.Disconnect, sse.DropOldest:
	default:
		return fieldError("overflow", fmt.Errorf("is %q: use %q, %q or nothing", o.Overflow, sse.Disconnect, sse.DropOldest))
	}
	return nil
}

// clean makes every line break an LF, as the client ends lines at CR as well. NUL
// and what is not UTF-8 become U+FFFD, as in a browser.
func clean(s string) string {
	if strings.ContainsRune(s, '\r') {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	}
	s = strings.ReplaceAll(s, "\x00", "\ufffd")
	if utf8.ValidString(s) { // much the quickest way to find out
		return s
	}
	return strings.ToValidUTF8(s, "\ufffd")
}

// settle brings a patch into the form in which it is sent: what is blank is left out.
func settle(p PatchElements, markup string) (PatchElements, string) {
	markup = clean(markup)
	if strings.TrimSpace(markup) == "" {
		markup = "" // no line of its own
	} else if p.Namespace == SVGNamespace || p.Namespace == MathMLNamespace {
		markup = spread(markup)
	}
	if strings.TrimSpace(p.Selector) == "" {
		p.Selector = ""
	}
	if strings.TrimSpace(p.ViewTransitionSelector) == "" {
		p.ViewTransitionSelector = ""
	}
	return p, markup
}

// frameElements frames a patch whose markup is rendered already.
func frameElements(p PatchElements, markup string) (*sse.Frame, error) {
	for _, err := range []error{
		checkLine("selector", p.Selector), checkLine("viewTransitionSelector", p.ViewTransitionSelector), p.EventOptions.check(), p.Mode.check(), p.Namespace.check(),
	} {
		if err != nil {
			return nil, err
		}
	}
	p, markup = settle(p, markup)
	if p.Selector == "" { // the client would throw
		switch {
		case p.Mode != "" && p.Mode != ModeOuter && p.Mode != ModeReplace:
			return nil, fieldError("selector", fmt.Errorf("is required by mode %q", p.Mode))
		case markup == "":
			return nil, fieldError("elements", errors.New("is empty, and there is no selector: nothing would be patched"))
		}
	}
	if endsDocument(markup) && !documentTop.MatchString(markup) {
		return nil, fieldError("elements", errDocument)
	}
	e := newEvent("datastar-patch-elements", p.EventOptions, len(markup)+strings.Count(markup, "\n")*len("data: elements \n")+len(p.Selector)+len(p.ViewTransitionSelector))
	e.line("selector", p.Selector)
	if p.Mode != ModeOuter {
		e.line("mode", string(p.Mode))
	}
	if p.Namespace != HTMLNamespace {
		e.line("namespace", string(p.Namespace))
	}
	if p.ViewTransition || p.ViewTransitionSelector != "" {
		e.line("useViewTransition", "true")
		e.line("viewTransitionSelector", p.ViewTransitionSelector)
	}
	if markup != "" {
		e.lines("elements", markup)
	}
	return e.frame()
}

// frameSignals frames a patch of signals given as JSON.
func frameSignals(p PatchSignals, object []byte) (*sse.Frame, error) {
	if err := p.EventOptions.check(); err != nil {
		return nil, err
	}
	if !utf8.Valid(object) {
		object = bytes.ToValidUTF8(object, []byte("\ufffd"))
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, object); err != nil { // also takes out CR between tokens
		return nil, fieldError("signals", fmt.Errorf("is not JSON: %w", err))
	}
	if b := compact.Bytes(); len(b) == 0 || b[0] != '{' {
		return nil, fieldError("signals", errNoObject)
	}
	e := newEvent("datastar-patch-signals", p.EventOptions, compact.Len())
	if p.OnlyIfMissing {
		e.line("onlyIfMissing", "true")
	}
	e.lines("signals", compact.String())
	return e.frame()
}
