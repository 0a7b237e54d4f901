package core

import "context"

// dryKey marks the contexts of dry runs.
type dryKey struct{}

// Rehearsing returns a ctx of a dry run whose plan record adds to. record must
// be safe for concurrent use.
func Rehearsing(ctx context.Context, record func(any)) context.Context {
	return context.WithValue(ctx, dryKey{}, record)
}

// Rehearsal returns the record function of the dry run that ctx belongs to;
// nil if there is none.
func Rehearsal(ctx context.Context) func(any) {
	record, _ := ctx.Value(dryKey{}).(func(any))
	return record
}
