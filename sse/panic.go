package sse

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
)

// panicked is the error of code of the program that was to write for a stream and
// panicked: the ResponseWriter of a middleware, or a compressor. It mostly runs
// on goroutines of the hub, where a panic would end the process.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

func (p *panicked) Unwrap() error {
	err, _ := p.value.(error)
	return err
}

// errPanicked answers a request whose stream could not begin for such a panic.
// The details are for [HubOptions].OnError.
var errPanicked = errors.New("its response writer or compressor panicked")

// caught makes an error of a panic of the function that defers it.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = &panicked{p, debug.Stack()}
	}
}

// guarded calls f and returns what it panicked with.
func guarded(f func()) (err error) {
	defer caught(&err)
	f()
	return nil
}

// tell reports err if it is a panic. No lock is held.
func (h *Hub) tell(c *Conn, err error) {
	p, ok := errors.AsType[*panicked](err)
	if !ok {
		return
	}
	if h.opts.OnError == nil {
		slog.Error("sse: what writes to a stream panicked", "stream", c.id, "panic", p.value, "stack", string(p.stack))
		return
	}
	contained("error", func() { h.opts.OnError(c, &Error{Op: "writing to a stream", Err: err}) })
}
