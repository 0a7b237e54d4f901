package twk

import (
	"errors"
	"fmt"
	"net/http"
)

// Sentinels for errors.Is.
var (
	// ErrNoStream is the cause when an effect needs a stream and its dispatch
	// has none.
	ErrNoStream = errors.New("this dispatch has no stream")
	// ErrClosed is the cause when a stream has ended or is about to.
	ErrClosed = errors.New("the stream is closed")
	// ErrOverflow is the cause when a frame found the outbox full and the
	// stream was cut for it.
	ErrOverflow = errors.New("the outbox is full")
	// ErrDraining is the cause when the server is going down.
	ErrDraining = errors.New("the server is going down")
)

// Error is the error type of this package.
type Error struct {
	Op     string // what was being done, such as "reading signals"
	Field  string // the field of effect data at fault, if one is
	Status int    // the HTTP status this error answers a request with, 0 if none
	Err    error
}

// Error returns "twk: doing: field: cause".
func (e *Error) Error() string {
	if e.Field != "" {
		return fmt.Sprintf("twk: %s: %s: %v", e.Op, e.Field, e.Err)
	}
	return fmt.Sprintf("twk: %s: %v", e.Op, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// HTTPStatus returns the status that the error answers a request with; 500 if
// it has none of its own.
func (e *Error) HTTPStatus() int {
	if e.Status == 0 {
		return http.StatusInternalServerError
	}
	return e.Status
}

// StatusOf returns the HTTP status that err, or an error it wraps, asks for
// with a method HTTPStatus() int; 500 if none does.
func StatusOf(err error) int {
	if s, ok := errors.AsType[interface {
		error
		HTTPStatus() int
	}](err); ok {
		return s.HTTPStatus()
	}
	return http.StatusInternalServerError
}

func fieldError(field string, err error) *Error {
	return &Error{Op: "checking an event", Field: field, Err: err}
}
