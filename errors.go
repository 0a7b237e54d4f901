package sfere

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/sfere-go/sfere/internal/core"
)

// Sentinels for errors.Is.
var (
	// ErrNotFound is the cause in Report.Err when no live connection has a key.
	ErrNotFound = errors.New("no live connection has this key")
	// ErrTaken is the cause when a key is taken and its policy is Reject, and when
	// somebody else has claimed it.
	ErrTaken = errors.New("somebody else has this key")
	// ErrFull is the cause when a store has no room and rejects new connections, or
	// when there are too many claims. It asks for status 503.
	ErrFull error = statusError{http.StatusServiceUnavailable, "the store is full"}
	// ErrUnanswered is the cause when a key that only one may have is not given,
	// because another machine does not answer: see [WhenDown]. It asks for status 503.
	ErrUnanswered error = statusError{http.StatusServiceUnavailable, "another machine does not answer, and may have given the key to somebody else"}
	// ErrOtherCtx is the cause when a broadcast has something to run for a
	// recipient whose stream was opened by a dispatcher with another Ctx.
	ErrOtherCtx = errors.New("the stream was opened under another type of Ctx")
	// ErrNoScope is the cause when Options.Scope gave nothing, or when a key or
	// pattern has no scope and there is none to take: in a program with
	// Options.Scope, outside a request and a recipient.
	ErrNoScope = errors.New("there is no scope: say which with .In(scope), or .AllScopes() for all; in a request it is what Options.Scope returns")
	// ErrNotHeld is the cause when a dispatch has no key of its own.
	ErrNotHeld = errors.New("the stream of this dispatch is not held under a key")
	// ErrConnsClosed is the cause when a Conns or its store has been closed. It
	// asks for status 503.
	ErrConnsClosed error = statusError{http.StatusServiceUnavailable, "the connections have been closed for new ones"}
)

type statusError struct {
	status int
	text   string
}

func (e statusError) Error() string   { return e.text }
func (e statusError) HTTPStatus() int { return e.status }

// Error is the error type of this package, beside [KeyError].
type Error struct {
	Op     string // what was being done, such as "holding"
	Key    Key    // zero if no single key is concerned
	Status int    // the HTTP status this error answers a request with, 0 if none
	Err    error
}

// Error returns "sfere: doing key: cause", with the beginning of a long key or cause.
func (e *Error) Error() string {
	if e.Key == (Key{}) {
		return fmt.Sprintf("sfere: %s: %s", e.Op, core.SafeText(e.Err))
	}
	return fmt.Sprintf("sfere: %s %s: %s", e.Op, shortKey(e.Key), core.SafeText(e.Err))
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
