package effect

import (
	"context"

	"github.com/sfere-go/sfere/internal/core"
)

// IsDry reports whether ctx belongs to a dry run (dispatch.Dispatcher.DryRun):
// a handler that gets it must change nothing, and says with [WouldDo] what it
// would have done. Only handlers whose [About] has Dry set, those of Pure
// effects, actions, placeholders, state functions and interceptors ever see one.
func IsDry(ctx context.Context) bool { return core.Rehearsal(ctx) != nil }

// WouldDo adds v to the plan of the dry run that ctx belongs to; without one it
// does nothing. v should marshal to JSON and must not be changed afterwards. It
// may be called from any goroutine until the dry run returns. The plan keeps a
// bounded number of values for one effect, so an effect that does the same to many
// says so once, with a count.
func WouldDo(ctx context.Context, v any) {
	if dry := core.Rehearsal(ctx); dry != nil {
		dry.Record(v)
	}
}
