package twk

import (
	"context"

	"github.com/sfere-go/sfere/sse"

	"github.com/sfere-go/sfere/effect"
)

// CloseSSE ends the stream of the dispatch normally, after what has been sent.
type CloseSSE struct {
	// Cause is why; empty means CauseClosed.
	Cause sse.Cause `json:"cause,omitempty" jsonschema:"description=why the stream ends; closed if empty"`
}

// EffectName returns "twk/close-sse".
func (CloseSSE) EffectName() string { return "twk/close-sse" }

func closeSSE(ctx context.Context, call Call, e CloseSSE) (bool, error) {
	c := call.Ctx().Conn
	if c == nil {
		return false, &Error{Op: "closing", Err: ErrNoStream}
	}
	if e.Cause == "" {
		e.Cause = sse.CauseClosed
	}
	if effect.IsDry(ctx) {
		effect.WouldDo(ctx, Delivery{Streams: 1, To: []DeliveryTo{{Conn: c.ID()}}, Cause: e.Cause})
		return true, nil
	}
	// In a broadcast, events for this recipient may be waiting to go out
	// together; they came before the end.
	if out, ok := call.Ctx().Out.(interface{ Flush(context.Context) error }); ok {
		if err := out.Flush(ctx); err != nil {
			return false, err
		}
	}
	return c.Close(e.Cause), nil
}

// SSEClosed is dispatched once for every stream that has ended. The Session has
// the request and the response that opened the stream, and no stream. SSEClosed
// does nothing by itself; intercept or replace it.
type SSEClosed struct {
	// Cause is why the stream ended.
	Cause sse.Cause `json:"cause,omitempty" jsonschema:"description=why the stream ended"`
}

// EffectName returns "twk/sse-closed".
func (SSEClosed) EffectName() string { return "twk/sse-closed" }

func sseClosed(context.Context, Call, SSEClosed) (struct{}, error) { return struct{}{}, nil }

// Connection gives the stream of the dispatch as its value, nil if there is none.
type Connection struct{}

// EffectName returns "twk/connection".
func (Connection) EffectName() string { return "twk/connection" }

func connection(_ context.Context, call Call, _ Connection) (*sse.Conn, error) {
	return call.Ctx().Conn, nil
}
