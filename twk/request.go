package twk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// Request is a request as handlers see it. It belongs to its request; effects
// may read it as long as they run.
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

// RawSignals returns the signals as JSON, nil if there are none. The caller
// must not change them.
func (r *Request) RawSignals() []byte { return r.signals }

// acceptsGzip reports whether the client offers gzip.
func acceptsGzip(r *http.Request) bool {
	for _, header := range r.Header.Values("Accept-Encoding") {
		for offer := range strings.SplitSeq(header, ",") {
			name, params, _ := strings.Cut(strings.TrimSpace(offer), ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") {
				q := strings.ReplaceAll(params, " ", "")
				return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
			}
		}
	}
	return false
}

// NewRequest reads the signals of r as a bridge does; it is of use in tests of
// handlers. limit bounds the body in bytes; 0 means 1 MiB.
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
	switch {
	case r.Method == http.MethodGet || r.Method == http.MethodDelete:
		text = []byte(r.URL.Query().Get("datastar"))
		if int64(len(text)) > limit {
			return bad(http.StatusRequestEntityTooLarge, fmt.Errorf("%d bytes, at most %d", len(text), limit))
		}
	case isForm(r) || r.Body == nil || r.Body == http.NoBody:
		return out, nil
	default:
		var err error
		text, err = io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
		if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return bad(http.StatusRequestEntityTooLarge, fmt.Errorf("the body has more than %d bytes", tooLarge.Limit))
		}
		if err != nil {
			return bad(http.StatusBadRequest, err)
		}
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return out, nil
	}
	if text[0] != '{' || !json.Valid(text) {
		return bad(http.StatusBadRequest, errors.New("want a JSON object"))
	}
	out.signals = text
	return out, nil
}

// isForm reports whether the body is a form, which handlers read themselves.
func isForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && (kind == "application/x-www-form-urlencoded" || kind == "multipart/form-data") ||
		err != nil && strings.HasPrefix(strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Type"))), "multipart/form-data")
}
