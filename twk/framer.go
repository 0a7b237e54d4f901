package twk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/sfere-go/sfere/sse"

	"github.com/starfederation/datastar-go/datastar"
)

// framer turns checked fields into frames with the generator of datastar-go,
// which owns the wire format. Its generators write to memory.
type framer struct {
	pool sync.Pool // of *generator
}

type generator struct {
	sse *datastar.ServerSentEventGenerator
	buf bytes.Buffer
}

// sink is the ResponseWriter that a generator writes to.
type sink struct {
	buf    *bytes.Buffer
	header http.Header
}

func (s sink) Header() http.Header         { return s.header }
func (s sink) Write(b []byte) (int, error) { return s.buf.Write(b) }
func (s sink) WriteHeader(int)             {}
func (s sink) Flush()                      {}

func (f *framer) get() *generator {
	if g, ok := f.pool.Get().(*generator); ok {
		g.buf.Reset()
		return g
	}
	g := &generator{}
	g.sse = datastar.NewSSE(sink{&g.buf, http.Header{}}, &http.Request{Header: http.Header{}})
	return g
}

// Problems with fields.
var (
	errLineBreak = errors.New("must not contain CR, LF or NUL: it would end the line of the event")
	errUTF8      = errors.New("must be UTF-8")
	errID        = errors.New("must be printable ASCII: a browser cannot send anything else back")
	errRetry     = errors.New("must be positive, and not 1000, which the SDK takes for unset: use 999 or 1001")
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
	if o.RetryMillis < 0 || o.RetryMillis == 1000 {
		return fieldError("retryMillis", errRetry)
	}
	switch o.Overflow {
	case "", sse.Disconnect, sse.DropOldest:
	default:
		return fieldError("overflow", fmt.Errorf("is %q: use %q, %q or nothing", o.Overflow, sse.Disconnect, sse.DropOldest))
	}
	return nil
}

// clean makes every line break an LF, as only that one is known to the framing
// of the SDK while the client ends lines at CR as well. NUL and what is not
// UTF-8 become U+FFFD, as in a browser.
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

// elements frames a patch whose markup is rendered already.
func (f *framer) elements(p PatchElements, markup string) (*sse.Frame, error) {
	for _, err := range []error{
		checkLine("selector", p.Selector), checkLine("viewTransitionSelector", p.ViewTransitionSelector), p.EventOptions.check(), p.Mode.check(), p.Namespace.check(),
	} {
		if err != nil {
			return nil, err
		}
	}
	markup = clean(markup)
	blank := strings.TrimSpace(markup) == ""
	if blank {
		markup = "" // no line of its own
	} else if p.Namespace == SVGNamespace || p.Namespace == MathMLNamespace {
		markup = spread(markup)
	}
	if strings.TrimSpace(p.Selector) == "" { // the client would throw
		p.Selector = ""
		switch {
		case p.Mode != "" && p.Mode != ModeOuter && p.Mode != ModeReplace:
			return nil, fieldError("selector", fmt.Errorf("is required by mode %q", p.Mode))
		case blank:
			return nil, fieldError("elements", errors.New("is empty, and there is no selector: nothing would be patched"))
		}
	}
	if strings.TrimSpace(p.ViewTransitionSelector) == "" {
		p.ViewTransitionSelector = ""
	}
	if endsDocument(markup) && !documentTop.MatchString(markup) {
		return nil, fieldError("elements", errDocument)
	}
	var opts []datastar.PatchElementOption
	add := func(o datastar.PatchElementOption) { opts = append(opts, o) }
	if p.Selector != "" {
		add(datastar.WithSelector(p.Selector))
	}
	if p.Mode != "" {
		add(datastar.WithMode(datastar.ElementPatchMode(p.Mode)))
	}
	if p.Namespace != "" {
		add(datastar.WithNamespace(datastar.Namespace(p.Namespace)))
	}
	if p.ViewTransition || p.ViewTransitionSelector != "" {
		add(datastar.WithUseViewTransitions(true))
		add(datastar.WithViewTransitionSelector(p.ViewTransitionSelector))
	}
	if p.EventID != "" {
		add(datastar.WithPatchElementsEventID(p.EventID))
	}
	if p.RetryMillis != 0 {
		add(datastar.WithRetryDuration(time.Duration(p.RetryMillis) * time.Millisecond))
	}
	return f.frame(p.EventOptions, func(sse *datastar.ServerSentEventGenerator) error {
		return sse.PatchElements(markup, opts...)
	})
}

// signals frames a patch of signals given as JSON.
func (f *framer) signals(p PatchSignals, object []byte) (*sse.Frame, error) {
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
	var opts []datastar.PatchSignalsOption
	if p.OnlyIfMissing {
		opts = append(opts, datastar.WithOnlyIfMissing(true))
	}
	if p.EventID != "" {
		opts = append(opts, datastar.WithPatchSignalsEventID(p.EventID))
	}
	if p.RetryMillis != 0 {
		opts = append(opts, datastar.WithPatchSignalsRetryDuration(time.Duration(p.RetryMillis)*time.Millisecond))
	}
	return f.frame(p.EventOptions, func(sse *datastar.ServerSentEventGenerator) error {
		return sse.PatchSignals(compact.Bytes(), opts...)
	})
}

func (f *framer) frame(o EventOptions, write func(*datastar.ServerSentEventGenerator) error) (*sse.Frame, error) {
	g := f.get()
	defer f.pool.Put(g)
	if err := write(g.sse); err != nil {
		return nil, &Error{Op: "framing an event", Err: err}
	}
	// Whatever happened above, nothing leaves that the client would read as more
	// than one event: RawFrame checks it.
	frame, err := sse.RawFrame(bytes.Clone(g.buf.Bytes()), &sse.FrameOptions{Coalesce: o.Coalesce, Overflow: o.Overflow})
	if err != nil {
		return nil, &Error{Op: "framing an event", Err: err}
	}
	return frame, nil
}
