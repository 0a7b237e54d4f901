package twk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Request is a request as handlers see it. Effects may read it as long as they
// run; nobody may keep it.
type Request struct {
	*http.Request
	// Datastar tells whether the Datastar client sent it.
	Datastar bool
	signals  []byte // a JSON object; nil if there are none
}

// Signals decodes the signals of the page into v, a pointer, as json.Unmarshal
// does. Without signals v is left alone. The error answers with status 400, as
// in return twk.BadRequest(err).
func (r *Request) Signals(v any) error {
	if r.signals == nil {
		return nil
	}
	if err := json.Unmarshal(r.signals, v); err != nil {
		return &Error{Op: "reading signals", Status: http.StatusBadRequest, Err: err}
	}
	return nil
}

// with returns r with another context.
func (r *Request) with(ctx context.Context) *Request {
	if ctx == r.Context() {
		return r
	}
	own := *r
	own.Request = r.WithContext(ctx)
	return &own
}

// RawSignals returns the signals as JSON, nil if there are none. The caller
// must not change them.
func (r *Request) RawSignals() []byte { return r.signals }

// NewRequest reads the signals of r as a bridge does. It is for tests of
// handlers; twktest.Request is shorter. limit bounds the body in bytes; 0 means
// 1 MiB.
func NewRequest(r *http.Request, limit int64) (*Request, error) {
	return readRequest(nil, r, limit)
}

func readRequest(w http.ResponseWriter, r *http.Request, limit int64) (*Request, error) {
	if limit == 0 {
		limit = 1 << 20
	}
	out := &Request{Request: r, Datastar: r.Header.Get("Datastar-Request") == "true"}
	if !out.Datastar {
		return out, nil
	}
	bad := func(status int, err error) (*Request, error) {
		return nil, &Error{Op: "reading signals", Status: status, Err: err}
	}
	var text []byte
	var err error
	switch {
	case r.Method == http.MethodGet || r.Method == http.MethodDelete || r.Method == http.MethodHead:
		if text, err = querySignals(r.URL.RawQuery); err != nil {
			return bad(http.StatusBadRequest, err)
		}
		if int64(len(text)) > limit {
			return bad(http.StatusRequestEntityTooLarge, fmt.Errorf("%d bytes, at most %d", len(text), limit))
		}
	case !isJSON(r) || r.Body == nil || r.Body == http.NoBody:
		return out, nil
	default:
		if b, ok := r.Body.(*body); ok {
			b.within()
		}
		text, err = io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
		if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return bad(http.StatusRequestEntityTooLarge, fmt.Errorf("the body has more than %d bytes", tooLarge.Limit))
		}
		if err != nil {
			if e, ok := errors.AsType[*Error](err); ok {
				return bad(e.HTTPStatus(), e.Err)
			}
			return bad(http.StatusBadRequest, err)
		}
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 || string(text) == "null" {
		return out, nil
	}
	if text[0] != '{' || !json.Valid(text) {
		return bad(http.StatusBadRequest, errors.New("want a JSON object"))
	}
	out.signals = text
	return out, nil
}

// querySignals returns the signals of a request without a body. Other
// parameters are the program's own and may be malformed.
func querySignals(query string) ([]byte, error) {
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name != "datastar" {
			continue
		}
		value, err := url.QueryUnescape(value)
		return []byte(value), err
	}
	return nil, nil
}

// isJSON reports whether the body is what the Datastar client sends by itself:
// JSON, or of no declared type. Forms and everything else belong to handlers.
func isJSON(r *http.Request) bool {
	header := r.Header.Get("Content-Type")
	if header == "" {
		return true
	}
	// A malformed parameter does not change what the body is.
	kind, _, _ := strings.Cut(header, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
}
