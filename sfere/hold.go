package sfere

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// Policy is what happens when a stream is to be held under a key that a live
// stream of the same scope has already.
type Policy string

// The policies. The empty policy means the default of the [Conns].
const (
	Join    Policy = "join"    // both are held; what is sent to the key reaches both
	Replace Policy = "replace" // the older ones are closed
	Reject  Policy = "reject"  // the newer one is refused with status 409
	Reuse   Policy = "reuse"   // the newer one's effects go to the oldest; it is answered 204
)

// Hold returns resp with the stream it opens held under key, from before its
// effects run until it ends. A scope missing from key comes from the request. A
// response that does not stay open is not held.
func Hold(key Key, resp twk.Response) twk.Response { return HoldAs("", key, resp) }

// HoldAs is [Hold] with a policy.
func HoldAs(p Policy, key Key, resp twk.Response) twk.Response {
	return resp.WithOpen(HoldStream{Key: key, Policy: p})
}

// HoldStream holds the stream of the dispatch under a key. It belongs into
// twk.Response.Open, where [Hold] puts it; run later it adds another key.
type HoldStream struct {
	Key    Key    `json:"key"`
	Policy Policy `json:"policy,omitempty" jsonschema:"enum=,enum=join,enum=replace,enum=reject,enum=reuse,description=what happens if the key is taken"`
}

// EffectName returns "sfere/hold".
func (HoldStream) EffectName() string { return "sfere/hold" }

func (c *Conns) hold(_ context.Context, call *twk.Call, h HoldStream) (any, error) {
	s := call.Ctx()
	if s.Conn == nil {
		return nil, &Error{Op: "holding", Key: h.Key, Err: twk.ErrNoStream}
	}
	k, err := c.complete(h.Key, s.Request)
	if err != nil {
		return nil, err
	}
	policy := h.Policy
	if policy == "" {
		policy = c.opts.Policy
	}
	switch policy {
	case Join, Replace, Reject, Reuse:
	default:
		return nil, &Error{Op: "holding", Key: k, Err: fmt.Errorf("unknown policy %q", policy)}
	}
	if s.Response != nil && !s.Response.Stay {
		if policy == Reuse {
			if conn := c.first(k); conn != nil {
				return twk.Reuse{Conn: conn}, nil
			}
		}
		return nil, nil
	}
	evict, instead, fresh, err := c.register(s.Conn, k, policy)
	if err != nil {
		return nil, err
	}
	if instead != nil {
		return twk.Reuse{Conn: instead}, nil
	}
	if fresh {
		if !s.Conn.OnClose(func(cause twk.Cause) { c.closed(s.Conn, cause) }) {
			c.remove(s.Conn, s.Conn.Cause())
			return nil, &Error{Op: "holding", Key: k, Err: twk.ErrClosed}
		}
	}
	for _, old := range evict {
		old.Close(twk.CauseReplaced)
	}
	return nil, nil
}

// first returns the oldest live connection under k.
func (c *Conns) first(k Key) *twk.Conn {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if conns := c.index.appendKey(nil, k); len(conns) > 0 {
		return conns[0]
	}
	return nil
}

// closed runs on whatever goroutine closes conn: the entry is gone at once, and
// those who want to know are told on the connection's own goroutine.
func (c *Conns) closed(conn *twk.Conn, cause twk.Cause) {
	e := c.remove(conn, cause)
	if e == nil || c.opts.OnRemove == nil {
		return
	}
	conn.OnEnd(func(cause twk.Cause) {
		defer contain("removal hook")
		c.opts.OnRemove(Removal{Keys: e.keys(), Info: conn.Info(), Cause: cause})
	})
}

// contain logs a panic of somebody else's code and goes on.
func contain(what string) {
	if p := recover(); p != nil {
		slog.Error("sfere: a "+what+" panicked", "error", &effect.PanicError{Value: p, Stack: debug.Stack()})
	}
}
