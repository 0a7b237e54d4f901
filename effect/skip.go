package effect

import "errors"

// skip is returned by interceptors to skip an item with a reason.
type skip struct{ reason string }

// Error returns the reason.
func (s *skip) Error() string { return s.reason }

// Skip returns the error by which an interceptor leaves an item out: it is
// listed in Result.Skipped with this reason and not counted as a failure.
func Skip(reason string) error { return &skip{reason} }

// IsSkip reports whether err, or an error it wraps, came from [Skip].
func IsSkip(err error) bool {
	_, ok := errors.AsType[*skip](err)
	return ok
}

// ErrNotCalled is the reason of an item skipped because an interceptor
// returned neither a value nor an error and did not call next.
var ErrNotCalled = errors.New("interceptor did not call next")

// ErrReturned is what next returns when it is called after the interceptor
// that it was given to has returned.
var ErrReturned = errors.New("next was called after its interceptor returned")
