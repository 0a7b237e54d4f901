package twk

import "context"

// CloseSSE ends the stream of the dispatch normally, after what has been sent.
type CloseSSE struct {
	// Cause is why; empty means CauseClosed.
	Cause Cause `json:"cause,omitempty"`
}

// EffectName returns "twk/close-sse".
func (CloseSSE) EffectName() string { return "twk/close-sse" }

func closeSSE(_ context.Context, call *Call, e CloseSSE) (bool, error) {
	c := call.Ctx().Conn
	if c == nil {
		return false, &Error{Op: "closing", Err: ErrNoStream}
	}
	if e.Cause == "" {
		e.Cause = CauseClosed
	}
	return c.Close(e.Cause), nil
}

// SSEClosed is dispatched once for every stream when it has ended, with the
// request and the response that opened it in the Session and no stream. It
// does nothing; intercept or replace it.
type SSEClosed struct {
	Cause Cause `json:"cause,omitempty"`
}

// EffectName returns "twk/sse-closed".
func (SSEClosed) EffectName() string { return "twk/sse-closed" }

func sseClosed(context.Context, *Call, SSEClosed) (struct{}, error) { return struct{}{}, nil }

// Connection gives the stream of the dispatch as its value, nil if there is none.
type Connection struct{}

// EffectName returns "twk/connection".
func (Connection) EffectName() string { return "twk/connection" }

func connection(_ context.Context, call *Call, _ Connection) (*Conn, error) {
	return call.Ctx().Conn, nil
}
