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

func fieldError(field string, err error) *Error {
	return &Error{Op: "checking an event", Field: field, Err: err}
}
