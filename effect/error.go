package effect

import (
	"fmt"
	"slices"
	"strings"
)

// Phase is the part of a dispatch in which an error arose, such as "lookup" or
// "effect". The constants are in package dispatch, as in dispatch.PhaseLookup.
type Phase string

// Error is one failure of a dispatch. Err, the cause, is never nil.
type Error struct {
	Phase    Phase
	Path     Path
	Name     string // of the item; empty if it has none
	Item     Data
	By       string   // the interceptor or placeholder at fault, if one was
	Chain    []string // actions expanded on the way, outermost first
	Dispatch uint64   // Result.ID of the dispatch
	Parent   uint64   // Result.Parent
	Err      error
}

// Error returns "phase name at path: cause".
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s at %s", e.Phase, e.Name, e.Path)
	if e.By != "" {
		fmt.Fprintf(&b, " by %s", e.By)
	}
	if len(e.Chain) > 0 {
		chain := e.Chain
		if len(chain) > 8 { // a runaway expansion repeats itself
			chain = append(slices.Clone(chain[:4]), "...", chain[len(chain)-1])
		}
		fmt.Fprintf(&b, " (via %s)", strings.Join(chain, " > "))
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// PanicError is the cause of an error that was a panic.
type PanicError struct {
	Value any
	Stack []byte
}

// Error returns "panic: value".
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the panic value if it was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
