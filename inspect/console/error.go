package console

import "errors"

// Causes for errors.Is.
var (
	// ErrNotOffered is the cause when a program does not offer what a tool asks
	// for: it holds no connections, say, or records no dispatches.
	ErrNotOffered = errors.New("this program does not offer it")
	// ErrNotKept is the cause when a recorded dispatch is asked for that is not
	// there: it was pushed out by newer ones, or has never been.
	ErrNotKept = errors.New("no dispatch with this number is kept")
	// ErrRunning is the cause when a recorded dispatch is to be exported that has not
	// ended.
	ErrRunning = errors.New("it has not ended yet: ask again later")
)

// Error says what a console could not do, and why. All errors of [ParseCommand],
// [ParseRecording] and [Again] and of the methods of [Console] are of this type; those
// that it has from its Catalogue are not. Why a list of effects was refused is in its cause:
//
//	if invalid, ok := errors.AsType[*schema.Error](err); ok {
//		show(invalid.Problems)
//	}
type Error struct {
	Op  string // what was asked for, such as "send"
	Err error  // the cause; never nil
}

// Error returns "console: ", what was asked for, and the cause.
func (e *Error) Error() string { return "console: " + e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// failed returns err as an *Error; nil stays nil.
func failed(op string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Op: op, Err: err}
}
