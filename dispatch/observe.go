package dispatch

import (
	"cmp"
	"context"
	"log/slog"
	"runtime/debug"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// Observer is told of what a dispatcher runs, such as for metrics and traces. Its methods
// may be called from several goroutines at once, on those that dispatch. They must not
// change or keep what they are given, nor block. A panic is contained and
// logged. Dry runs are not told.
type Observer interface {
	// Begin is called before a dispatch that is part of no other: from outside, or a
	// continuation of one that has returned. It returns the ctx that the dispatch runs
	// in, which is the one that it was given, or made from it.
	Begin(ctx context.Context, d Started) context.Context
	// End is called when the dispatch that Begin was told of has ended, with the ctx
	// that Begin has returned.
	End(ctx context.Context, res *effect.Result)
	// Ran is called with the result of each dispatch and of each continuation, whether
	// it is part of another or not. An error that an outer result has from a
	// continuation has the ID of that one in Error.Dispatch.
	Ran(res *effect.Result)
}

// Started is a dispatch that begins.
type Started struct {
	ID     uint64 // of the dispatch
	Parent uint64 // of the dispatch that it continues; 0 for one from outside
	Items  effect.List
}

// observed runs items with the observer around.
func (r *run) observed(ctx context.Context, items effect.List, o Observer) *effect.Result {
	outer := r.tree == nil || r.tree.free && r.level == 1
	own := ctx
	if outer {
		watch("Begin", func() { own = o.Begin(ctx, Started{r.res.ID, r.res.Parent, items}) })
		own = cmp.Or(own, ctx)
	}
	res := r.begun(own, items)
	watch("Ran", func() { o.Ran(res) })
	if outer {
		watch("End", func() { o.End(own, res) })
	}
	return res
}

// watch calls a method of an observer. Its panic is no failure of what it observes.
func watch(method string, call func()) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("dispatch: the observer panicked", "method", method, "panic", core.SafeValue(p), "stack", string(debug.Stack()))
		}
	}()
	call()
}
