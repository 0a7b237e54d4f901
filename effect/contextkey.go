package effect

import "context"

// ContextKey is a typed name for dispatch data: values that travel in the
// context of a dispatch to its handlers, placeholders and continuations. Two
// keys are different even if their names are the same. Make one with
// [NewContextKey] and keep it in a variable. A ContextKey is immutable and may
// be used from any goroutine.
type ContextKey[T any] struct{ name string }

// NewContextKey returns a new key; name appears in messages only.
func NewContextKey[T any](name string) *ContextKey[T] { return &ContextKey[T]{name} }

// With returns a copy of ctx that carries v under k. A value under the same key
// further out is hidden, not changed.
func (k *ContextKey[T]) With(ctx context.Context, v T) context.Context {
	return context.WithValue(ctx, k, v)
}

// From returns the value that ctx carries under k, and whether there is one.
func (k *ContextKey[T]) From(ctx context.Context) (T, bool) {
	v, ok := ctx.Value(k).(T)
	return v, ok
}

// String returns the name.
func (k *ContextKey[T]) String() string { return k.name }
