package sse

import (
	"errors"
	"fmt"
	"net/http"
)

// Sentinels for errors.Is.
var (
	// ErrClosed is the cause when a stream has ended or is ending.
	ErrClosed = errors.New("the stream is closed")
	// ErrOverflow is the cause when a frame found the outbox full and the
	// stream was cut for it.
	ErrOverflow = errors.New("the outbox is full")
	// ErrDropped is the cause when a frame that may be dropped found the outbox
	// full of frames that may not. The stream goes on.
	ErrDropped = errors.New("the outbox is full of events that may not be dropped")
	// ErrDraining is the cause when the server is shutting down.
	ErrDraining = errors.New("the server is going down")
)

// Error is the error type of this package.
type Error struct {
	Op     string // what was being done, such as "opening a stream"
	Status int    // the HTTP status this error answers a request with, 0 if none
	Err    error
}

// Error returns "sse: doing: cause".
func (e *Error) Error() string { return fmt.Sprintf("sse: %s: %v", e.Op, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// HTTPStatus returns the status that the error answers a request with. It is 500
// if the error has none of its own.
func (e *Error) HTTPStatus() int {
	if e.Status == 0 {
		return http.StatusInternalServerError
	}
	return e.Status
}

// StatusOf returns the HTTP status that err, or an error it wraps, asks for
// with a method HTTPStatus() int. It returns 500 if none does.
func StatusOf(err error) int {
	if s, ok := errors.AsType[interface {
		error
		HTTPStatus() int
	}](err); ok {
		return s.HTTPStatus()
	}
	return http.StatusInternalServerError
}

// Refuse answers a request whose stream [Hub.Serve] did not open. It sends the
// status that err asks for ([StatusOf]) and the name of that status, because
// the text of an error may show internals. If the server is shutting down,
// Refuse begins a stream and cuts it instead, and panics with
// http.ErrAbortHandler: a client takes a status as the end and comes back after
// a cut, and a proxy makes a status of an answer that did not begin.
func Refuse(w http.ResponseWriter, err error) {
	if errors.Is(err, ErrDraining) {
		if d, ok := errors.AsType[draining](err); ok {
			w.Header().Del("Content-Encoding")
			streamHeader(w.Header())
			contained("cut", func() { cut(w, d.r, false) })
		}
		panic(http.ErrAbortHandler)
	}
	w.Header().Del("Content-Encoding")
	code := StatusOf(err)
	if code == http.StatusNoContent { // stay away; it has no body
		w.WriteHeader(code)
		return
	}
	http.Error(w, http.StatusText(code), code)
}
