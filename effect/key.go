package effect

import "context"

// Key is a typed name for dispatch data: values that travel in the context of
// a dispatch to its handlers, placeholders and continuations. Two keys are
// different even if their names are the same. Make one with [NewKey] and keep
// it in a variable; a Key is immutable.
type Key[T any] struct{ name string }

// NewKey returns a new key; name appears in messages only.
func NewKey[T any](name string) *Key[T] { return &Key[T]{name} }

// With returns a copy of ctx that carries v under k. A value under the same key
// further out is hidden, not changed.
func (k *Key[T]) With(ctx context.Context, v T) context.Context {
	return context.WithValue(ctx, k, v)
}

// From returns the value that ctx carries under k, and whether there is one.
func (k *Key[T]) From(ctx context.Context) (T, bool) {
	v, ok := ctx.Value(k).(T)
	return v, ok
}

// String returns the name.
func (k *Key[T]) String() string { return k.name }
