package dispatch

import (
	"context"
	"log/slog"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// FailFast returns an interceptor that skips every action and effect once the
// dispatch it belongs to has collected an error. What ran before stays done;
// continuations are judged by their own errors.
func FailFast[C any]() effect.Interceptor[C] {
	reason := effect.Skip("an earlier item failed")
	return effect.Interceptor[C]{
		Name: "dispatch/fail-fast",
		Action: func(next effect.ActionFunc[C]) effect.ActionFunc[C] {
			return func(ctx context.Context, call effect.Call[C], item effect.Data) (effect.List, error) {
				if call.Failed() {
					return nil, reason
				}
				return next(ctx, call, item)
			}
		},
		Effect: func(next effect.EffectFunc[C]) effect.EffectFunc[C] {
			return func(ctx context.Context, call effect.Call[C], item effect.Data) (any, error) {
				if call.Failed() {
					return nil, reason
				}
				return next(ctx, call, item)
			}
		},
	}
}

// Log returns an interceptor that writes one record per effect (level debug)
// and one per failed dispatch (level error) to l; nil means slog.Default.
// Arguments are not logged, as they may hold what users typed.
func Log[C any](l *slog.Logger) effect.Interceptor[C] {
	logger := func() *slog.Logger {
		if l == nil {
			return slog.Default()
		}
		return l
	}
	return effect.Interceptor[C]{
		Name: "dispatch/log",
		Dispatch: func(next effect.DispatchFunc[C]) effect.DispatchFunc[C] {
			return func(ctx context.Context, call effect.Call[C], items effect.List) *effect.Result {
				began := time.Now()
				res := next(ctx, call, items)
				if err := res.Err(); err != nil {
					logger().LogAttrs(ctx, slog.LevelError, "dispatch failed",
						slog.Uint64("dispatch", call.ID()), slog.Uint64("parent", call.Parent()),
						slog.Int("ran", len(res.Outcomes)), slog.Int("skipped", len(res.Skipped)),
						slog.Duration("took", time.Since(began)), slog.Any("error", err))
				}
				return res
			}
		},
		Effect: func(next effect.EffectFunc[C]) effect.EffectFunc[C] {
			return func(ctx context.Context, call effect.Call[C], item effect.Data) (any, error) {
				began := time.Now()
				v, err := next(ctx, call, item)
				if logger().Enabled(ctx, slog.LevelDebug) {
					logger().LogAttrs(ctx, slog.LevelDebug, "effect", slog.String("name", core.SafeName(item)),
						slog.Uint64("dispatch", call.ID()), slog.String("path", call.Path().String()),
						slog.Duration("took", time.Since(began)), slog.Any("error", err))
				}
				return v, err
			}
		},
	}
}
