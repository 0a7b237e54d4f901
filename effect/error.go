package effect

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sfere-go/sfere/internal/core"
)

// Phase is the part of a dispatch in which an error arose, such as "lookup" or
// "effect". The constants are in package dispatch, as in dispatch.PhaseLookup.
type Phase string

// Error is one failure of a dispatch. Err, the cause, is never nil.
type Error struct {
	Phase    Phase
	Path     Path
	Name     string // of the item, as it is; empty if it has none
	Item     Data
	By       string   // the interceptor or placeholder at fault, if one was
	Chain    []string // actions expanded on the way, outermost first
	Dispatch uint64   // Result.ID of the dispatch
	Parent   uint64   // Result.Parent
	Err      error
	// Outer are the items further out that failed of the same failure, innermost
	// first: their handlers returned it as their own error, alone or inside another
	// one, which is in Err. They have no entry of their own in Result.Errors.
	Outer []*Error
}

// Error returns "phase name at path: cause", in at most 4 KiB. A name that does not
// look like one is quoted. What handlers further out have added to the cause is in
// parentheses.
func (e *Error) Error() string {
	if e == nil {
		return "no error"
	}
	s := e.alone()
	const most = 4 // of what was added
	for i, o := range e.Outer {
		c, ok := o.Err.(*core.Carried)
		if !ok || c.Plain() {
			continue
		}
		if i >= most {
			s += fmt.Sprintf(" (and %d more)", len(e.Outer)-i)
			break
		}
		// The text of the failure is in it again, as it was then.
		added, _, _ := strings.Cut(strings.Replace(c.Error(), s, "...", 1), "\n")
		s += fmt.Sprintf(" (%s at %s: %s)", core.ShowName(o.Name), o.where(), core.Cut(strings.TrimSuffix(added, ": ..."), 300))
	}
	return core.Cut(s, core.MaxText)
}

// alone is the text without that of Outer.
func (e *Error) alone() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s at %s", e.Phase, core.ShowName(e.Name), e.where())
	if e.By != "" {
		fmt.Fprintf(&b, " by %s", core.ShowName(e.By))
	}
	if len(e.Chain) > 0 {
		chain := e.Chain
		if len(chain) > 8 { // a runaway expansion repeats itself
			chain = append(slices.Clone(chain[:4]), "...", chain[len(chain)-1])
		}
		b.WriteString(" (via ")
		for i, name := range chain {
			if i > 0 {
				b.WriteString(" > ")
			}
			b.WriteString(core.ShowName(name))
		}
		b.WriteByte(')')
	}
	b.WriteString(": ")
	b.WriteString(core.SafeText(e.Err))
	return core.Cut(b.String(), core.MaxText)
}

// where is the path, of which a runaway expansion leaves no more than an end that
// people can read.
func (e *Error) where() string {
	const most = 200
	s := e.Path.String()
	if len(s) > most {
		s = "..." + s[len(s)-most:]
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an error that a handler of Outer has put around
// the failure. errors.Is asks it, and the cause.
func (e *Error) Is(target error) bool {
	for _, o := range e.Outer {
		if errors.Is(o.Err, target) {
			return true
		}
	}
	return false
}

// As finds an error that a handler of Outer has put around the failure. errors.As
// asks it, and then the cause.
func (e *Error) As(target any) bool {
	for _, o := range slices.Backward(e.Outer) {
		if errors.As(o.Err, target) {
			return true
		}
	}
	return false
}

// In returns the entry for the item of the dispatch with this Result.ID that failed
// of e: e itself or one of Outer, nil if there is none.
func (e *Error) In(dispatch uint64) *Error {
	if e.Dispatch == dispatch {
		return e
	}
	for _, o := range e.Outer {
		if o.Dispatch == dispatch {
			return o
		}
	}
	return nil
}

// PanicError is the cause of an error that was a panic.
type PanicError struct {
	Value any
	Stack []byte
}

// Error returns "panic: value", in at most 4 KiB.
func (e *PanicError) Error() string {
	return core.Cut("panic: "+core.SafeValue(e.Value), core.MaxText)
}

// Unwrap returns the panic value if it was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
