package twk

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/sfere-go/sfere/sse"

	"golang.org/x/net/http/httpguts"

	"github.com/sfere-go/sfere/effect"
)

// Response is what a handler returns: data that says what should happen. The
// functions of this package make the usual ones, and the With methods return
// changed copies. The zero Response answers 204.
type Response struct {
	// Effects run against the stream that answers the request.
	Effects effect.List
	// Stay keeps the stream open after the effects until somebody closes it or
	// the client leaves.
	Stay bool
	// Open runs before the stream opens and before Effects. An error refuses the
	// stream with the status that it asks for ([sse.StatusOf]). sfere.Hold uses
	// it.
	Open effect.List
	// Conn, if not nil, is an open stream to run the effects against; the request
	// is answered 204, or 410 if the stream ended before they reached it.
	Conn *sse.Conn

	// Status answers a request without effects; 0 means 200, or 204 without a
	// body. Streams have no status but 200.
	Status int
	// Header is set on the answer. It replaces what middleware has set under the
	// same name; values of Set-Cookie and Vary are added. Streams keep their own
	// Content-Type and Cache-Control. If the effects go to another stream, the
	// 204 carries it as well.
	Header http.Header
	// Cookies are set with the answer.
	Cookies []*http.Cookie
	// Body answers a request without effects. Content is sent as HTML unless
	// Header says otherwise; Handler may write anything.
	Body    Content
	Handler http.Handler
}

// Respond returns a short stream: the effects, then the end.
func Respond(effects ...effect.Data) Response { return Response{Effects: list(effects)} }

// Stream returns a long stream: the effects, and then whatever is sent to it
// until it is closed or the client leaves.
func Stream(effects ...effect.Data) Response { return Response{Effects: list(effects), Stay: true} }

// list is never nil, so that a response without effects is still a stream.
func list(effects []effect.Data) effect.List { return append(effect.List{}, effects...) }

// Page returns a 200 with an HTML body. The Datastar client patches it by id.
func Page(c Content) Response { return Response{Body: c} }

// Status returns a response without a body.
func Status(code int) Response { return Response{Status: code} }

// NoContent returns a 204, which tells a Datastar stream to stay away.
func NoContent() Response { return Status(http.StatusNoContent) }

// Pass hands the request to h.
func Pass(h http.Handler) Response { return Response{Handler: h} }

// BadRequest returns the status that err asks for, or 400 if it asks for none.
// The text of err is not sent; it may name internals.
func BadRequest(err error) Response {
	code := http.StatusBadRequest
	if s, ok := errors.AsType[interface {
		error
		HTTPStatus() int
	}](err); ok {
		code = s.HTTPStatus()
	}
	return Pass(statusText(code)).WithStatus(code)
}

// statusText answers with a status and its name.
type statusText int

func (code statusText) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, http.StatusText(int(code)), int(code))
}

// WithStatus returns a copy of r with that status.
func (r Response) WithStatus(code int) Response {
	r.Status = code
	return r
}

// WithHeader returns a copy of r with one more header value.
func (r Response) WithHeader(name, value string) Response {
	h := http.Header{}
	maps.Copy(h, r.Header)
	name = http.CanonicalHeaderKey(name)
	h[name] = append(slices.Clone(h[name]), value)
	r.Header = h
	return r
}

// WithCookie returns a copy of r that sets c as well.
func (r Response) WithCookie(c *http.Cookie) Response {
	r.Cookies = append(slices.Clone(r.Cookies), c)
	return r
}

// WithOpen returns a copy of r that runs items before the stream opens, after
// those it runs already.
func (r Response) WithOpen(items ...effect.Data) Response {
	r.Open = append(slices.Clone(r.Open), items...)
	return r
}

// On returns a copy of r whose effects go to c.
func (r Response) On(c *sse.Conn) Response {
	r.Conn = c
	return r
}

// streams reports whether r answers with a stream, or with effects elsewhere.
func (r Response) streams() bool {
	return r.Effects != nil || r.Stay || len(r.Open) > 0 || r.Conn != nil
}

// check refuses what cannot be sent.
func (r Response) check() error {
	switch {
	case r.streams() && r.Handler == nil && r.Status != 0 && r.Status != http.StatusOK:
		return fmt.Errorf("status %d with effects: the client reads streams with status 200 only; leave it out, or return no effects", r.Status)
	case r.streams() && (r.Body != nil || r.Handler != nil):
		return errors.New("effects and a body: return one of them")
	case r.Body != nil && (r.Status == http.StatusNoContent || r.Status == http.StatusNotModified):
		return fmt.Errorf("status %d with a body: it allows none", r.Status)
	case r.Status != 0 && (r.Status < 200 || r.Status > 599):
		return fmt.Errorf("status %d is none", r.Status)
	}
	return r.checkHeader()
}

// checkHeader refuses header fields and cookies that net/http would drop or
// change without a word, and those that would make the response unreadable.
func (r Response) checkHeader() error {
	for name, values := range r.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			return fmt.Errorf("header name %q is not valid", name)
		}
		switch http.CanonicalHeaderKey(name) {
		case "Connection", "Transfer-Encoding", "Trailer", "Upgrade":
			return fmt.Errorf("header %s belongs to the server", name)
		case "Content-Length", "Content-Encoding":
			if r.Handler == nil {
				return fmt.Errorf("header %s: the body is written by the bridge, which sets it if it is needed", name)
			}
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				return fmt.Errorf("header %s: value %q is not valid", name, v)
			}
		}
	}
	for _, c := range r.Cookies {
		if c == nil {
			return errors.New("a cookie is nil")
		}
		if err := c.Valid(); err != nil {
			return fmt.Errorf("cookie %q: %w", c.Name, err)
		}
	}
	return nil
}

// putHeader gives w the header fields and cookies of r.
func (r Response) putHeader(w http.ResponseWriter) {
	h := w.Header()
	for name, values := range r.Header {
		name = http.CanonicalHeaderKey(name)
		if name == "Vary" || name == "Set-Cookie" {
			values = append(h[name], values...)
		}
		h[name] = slices.Clone(values)
	}
	for _, c := range r.Cookies {
		http.SetCookie(w, c)
	}
}
