package effect

import (
	"iter"

	"github.com/sfere-go/sfere/internal/core"
)

// Result is what a dispatch did. It belongs to the caller; nothing writes to
// it after the dispatch has returned, and the slices are not shared with other
// results. Keeping it keeps the Ctx of the dispatch alive.
type Result struct {
	// ID numbers the dispatches of one dispatcher from 1; Parent is the ID of
	// the dispatch that this one continues, 0 if it came from outside.
	ID     uint64
	Parent uint64
	// Outcomes has one entry for every effect that returned without error, in
	// the order in which they ran.
	Outcomes []Outcome
	// Errors has one entry for every failure, those of attached continuations
	// included. A handler that returns the error of its continuation adds no entry:
	// it is in Error.Outer of the entries that its continuation has added.
	Errors []*Error
	// Skipped has one entry for every item that did not run although nothing
	// was wrong with it.
	Skipped []Skipped
}

// Outcome is one effect that ran.
type Outcome struct {
	Path  Path
	Item  Data // as executed: decoded, placeholders resolved, rewritten by interceptors
	Value any  // what the handler returned
	// Answered is set if an interceptor gave the value and the handler did not run.
	Answered bool
}

// Skipped is one item that did not run.
type Skipped struct {
	Path   Path
	Item   Data
	By     string // the interceptor, if one was the cause
	Reason error
}

// Err joins all errors; it is nil if there are none. Use
// errors.AsType[*effect.Error] to get at the entries. Its text is at most 4 KiB
// long: the first entries, one a line, and how many more there are.
func (r *Result) Err() error {
	if r == nil || len(r.Errors) == 0 {
		return nil
	}
	errs := make([]error, len(r.Errors))
	for i, e := range r.Errors {
		errs[i] = e
	}
	return core.Join(errs)
}

// Value returns the value of the first outcome that is an R.
func Value[R any](r *Result) (R, bool) {
	if r != nil {
		for _, o := range r.Outcomes {
			if v, ok := o.Value.(R); ok {
				return v, true
			}
		}
	}
	var zero R
	return zero, false
}

// Values iterates over the executed effects of type E whose value is an R.
func Values[E Data, R any](r *Result) iter.Seq2[E, R] {
	return func(yield func(E, R) bool) {
		if r == nil {
			return
		}
		for _, o := range r.Outcomes {
			e, ok := o.Item.(E)
			v, ok2 := o.Value.(R)
			if ok && ok2 && !yield(e, v) {
				return
			}
		}
	}
}
