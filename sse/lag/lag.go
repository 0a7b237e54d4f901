package lag

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"
)

// Options say how bad the network is. The zero Options change nothing.
type Options struct {
	// Delay is how much later each request arrives, and each piece of a response.
	Delay time.Duration `json:"delay"`
	// Jitter is how much later still they arrive at most, each by a random time of its
	// own. The pieces of one response keep their order.
	Jitter time.Duration `json:"jitter"`
	// Loss is after which time a stream of events is lost, on average: it is cut, and its
	// client comes back. 0 means never.
	Loss time.Duration `json:"loss"`
}

// most is the longest time that makes sense for a Delay and a Jitter.
const most = time.Minute

func (o Options) check() error {
	for _, f := range []struct {
		name  string
		value time.Duration
		max   time.Duration
	}{{"Delay", o.Delay, most}, {"Jitter", o.Jitter, most}, {"Loss", o.Loss, 24 * time.Hour}} {
		if f.value < 0 || f.value > f.max || f.value > 0 && f.value < time.Millisecond {
			return &Error{"setting the network", fmt.Errorf("%s is %v: use 0, or a duration from 1ms to %v", f.name, f.value, f.max)}
		}
	}
	return nil
}

// Error is why options are refused.
type Error struct {
	Op  string
	Err error
}

// Error returns "lag: doing thing: cause".
func (e *Error) Error() string { return fmt.Sprintf("lag: %s: %v", e.Op, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Network is a bad one. Its methods may be called from any goroutine. Make one with [New].
type Network struct{ now atomic.Pointer[Options] }

// New returns a network. nil options mean one that changes nothing. It panics if an
// option makes no sense.
func New(o *Options) *Network {
	n := &Network{}
	n.now.Store(&Options{})
	if o != nil {
		if err := n.Set(*o); err != nil {
			panic(err)
		}
	}
	return n
}

// Set changes the network, also for streams that are open: for their next pieces, and
// for those of them that are not lost yet. The error is an *[Error]; then nothing has
// changed.
func (n *Network) Set(o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	n.now.Store(&o)
	return nil
}

// Options returns how bad it is.
func (n *Network) Options() Options { return *n.now.Load() }

// late returns by how much something is late now.
func (n *Network) late() time.Duration {
	o := n.now.Load()
	d := o.Delay
	if o.Jitter > 0 {
		d += rand.N(o.Jitter)
	}
	return d
}

// Handler puts the network in front of h.
func (n *Network) Handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(n.late()):
		case <-r.Context().Done():
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		wire := newWire(n, w, cancel)
		defer wire.close() // also when h panics: what it has said is on its way
		h.ServeHTTP(wire, r.WithContext(ctx))
	})
}
