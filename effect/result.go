package effect

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/sfere-go/sfere/internal/core"
)

// Path tells where an item came from: "2" is the third item of the list that
// was dispatched, "2.0" the first item that the action there expanded to.
type Path struct {
	index int
	up    *core.Step
}

// NewPath returns the path of the i-th item of a dispatched list.
func NewPath(i int) Path { return Path{index: i} }

// Child returns the path of the i-th item that the action called name at p
// expanded to.
func (p Path) Child(name string, i int) Path {
	return Path{i, &core.Step{Name: name, Index: p.index, Depth: p.Depth() + 1, Up: p.up}}
}

// Sibling returns p with another index.
func (p Path) Sibling(i int) Path { return Path{i, p.up} }

// Index returns the place of the item in its own list.
func (p Path) Index() int { return p.index }

// Up returns the opaque part of p that names the list; it is nil at the top.
func (p Path) Up() any {
	if p.up == nil {
		return nil
	}
	return p.up
}

// Indices returns the indices from the outermost list inwards.
func (p Path) Indices() []int {
	out := []int{p.index}
	for s := p.up; s != nil; s = s.Up {
		out = append(out, s.Index)
	}
	slices.Reverse(out)
	return out
}

// Chain returns the names of the actions that were expanded to reach the item,
// outermost first.
func (p Path) Chain() []string {
	var out []string
	for s := p.up; s != nil; s = s.Up {
		out = append(out, s.Name)
	}
	slices.Reverse(out)
	return out
}

// Depth returns the number of actions in the chain.
func (p Path) Depth() int {
	if p.up == nil {
		return 0
	}
	return p.up.Depth
}

// String returns the indices joined with dots.
func (p Path) String() string {
	if p.up == nil {
		return strconv.Itoa(p.index)
	}
	var b strings.Builder
	for i, n := range p.Indices() {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

// Equal reports whether both paths have the same indices.
func (p Path) Equal(q Path) bool { return slices.Equal(p.Indices(), q.Indices()) }

// MarshalText returns the String form.
func (p Path) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

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
	// included.
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
// errors.AsType[*effect.Error] to get at the entries.
func (r *Result) Err() error {
	if r == nil || len(r.Errors) == 0 {
		return nil
	}
	errs := make([]error, len(r.Errors))
	for i, e := range r.Errors {
		errs[i] = e
	}
	return errors.Join(errs...)
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

// Phase is the part of a dispatch in which an error arose.
type Phase string

// The phases.
const (
	PhaseLookup      Phase = "lookup"      // no such name, nil item, wrong kind
	PhaseDecode      Phase = "decode"      // arguments in wire form do not fit the type
	PhaseValidate    Phase = "validate"    // refused by the validator
	PhasePlaceholder Phase = "placeholder" // a late value could not be resolved
	PhaseState       Phase = "state"       // a registry's state function failed
	PhaseExpand      Phase = "expand"      // an action failed
	PhaseInterceptor Phase = "interceptor" // an interceptor failed
	PhaseEffect      Phase = "effect"      // an effect handler failed
	PhaseLimit       Phase = "limit"       // expansion depth, item budget or continuation depth
	PhaseCancel      Phase = "cancel"      // the context ended before everything ran
)

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

// skip is returned by interceptors to skip an item with a reason.
type skip struct{ reason string }

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
