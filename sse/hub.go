package sse

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sfere-go/sfere/sse/gzipcast"
)

// HubOptions adjust a [Hub]. Zero fields mean the defaults. A value that makes no
// sense is logged as a warning and means the default, too.
type HubOptions struct {
	// MaxFrames and MaxBytes bound what waits in the outbox of a stream whose
	// client is behind: a write to it has taken more than 250 ms. What is sent at
	// once may go over the bound once. A stream that no writer has come round to
	// yet may have 16 times as much. Defaults 512 frames and 1 MiB.
	MaxFrames int
	MaxBytes  int
	// Overflow is what happens to a stream with a full outbox. Default Disconnect.
	Overflow Overflow
	// WriteTimeout bounds how long a client may read nothing of what is written to
	// it; the stream is cut between one and two timeouts later. Large events are
	// written in pieces of 32 KiB, each with a timeout of its own. The kernels report
	// in steps what a client has read, so it should read 128 KiB within a timeout; or
	// 1.4 MB where the server's kernel cannot be told to hold less, as it is on Linux,
	// over TCP, with TakeOver or ConfigureServer. Default 10 s, negative means none.
	WriteTimeout time.Duration
	// Heartbeat is the longest silence of a stream. One without traffic gets an SSE
	// comment a little before it is over. Streams are spread over time. Default 15
	// s, negative means none.
	Heartbeat time.Duration
	// Writers is how many goroutines write at most, for all streams of the hub.
	// Default GOMAXPROCS; negative means that each stream is written by the
	// goroutine of its own request.
	Writers int
	// TakeOver takes the connections of long streams away from net/http, so that
	// a stream that waits needs neither a goroutine nor the buffers of the
	// server: about 5 KiB instead of 27. It works on Linux, for HTTP/1.1 without
	// TLS, on a net.TCPConn or net.UnixConn, if Writers is not negative and the
	// ResponseWriter is an http.Hijacker. All other streams stay with net/http.
	// Middleware must forward Hijack. If it has set a Content-Encoding the stream
	// stays, too. What a listener has wrapped is known before the stream begins if
	// ConfigureServer was called; if not, the first such connection costs a
	// goroutine more, and the hub takes none over after it.
	//
	// Handlers and owners see one change: the end of such a stream runs on a
	// goroutine of its own. Everything around the handler sees it return at once.
	// Middleware sees the end of the request. http.Server.Shutdown does not see
	// the stream; Drain does. The connection is closed with the stream. The
	// deadline of the request's context is kept, but the end of
	// Server.BaseContext goes unnoticed. Default off.
	TakeOver bool
	// Compress sends gzip on long streams to clients that accept it, each frame
	// compressed once for all streams (package gzipcast). Default off.
	Compress bool
	// PerStream gives every long stream a compressor of its own, the first that
	// its client accepts. Package sse/compress has some, and says how much memory
	// each holds per stream. PerStream takes precedence over Compress. Default
	// none.
	PerStream []Compressor
	// Record is how many events of each long stream are kept: when they were sent, how
	// large they were, what became of them, and how they begin. [Conn.Events] returns
	// them, and for a while after the end of a stream [Hub.Events]. An entry takes 64
	// bytes, and up to 1.2 KiB for the beginning of the event, which streams that are sent
	// the same share. A stream that is sent nothing takes nothing. At most 1000. Default
	// 0: none are kept, which costs nothing.
	Record int
	// OnError is told when code of the program that writes for a stream panics:
	// the ResponseWriter of a middleware, or a compressor. That stream ends with
	// CausePanic, the others go on. It may be called on any goroutine and must
	// not block. Default: the panic is logged with its stack.
	OnError func(*Conn, error)
	// OnWritten is told of all writes, those to at most 256 streams at once. It is called on the
	// goroutine that writes, outside all locks, several at a time, and must return at
	// once. A panic is contained and logged. Default: nothing is called.
	OnWritten func(Written)
}

// Hub owns the live streams of a program: it writes to them, keeps them alive
// and closes them when the program ends. It has no goroutine while nothing is
// to be written. Make one with [NewHub]; all methods may be called from any
// goroutine.
type Hub struct {
	opts  HubOptions
	made  time.Time         // when its clock began; constant
	enc   *gzipcast.Encoder // nil if not compressing
	beat  *Frame            // the heartbeat, an SSE comment
	beats []*Frame          // beat alone
	ids   atomic.Uint64

	// mu guards the schedule: which streams wait for a writer. It is held for a
	// few instructions and may be taken under no lock of a Conn.
	mu      sync.Mutex
	dirty   []*Conn
	head    int // dirty[:head] has been taken
	writers []*writer
	resting []*writer // have ended and are used again, with their buffers
	watched bool      // the watch timer is running
	surge   int       // there may be 1<<surge times as many writers as usual
	calm    bool      // the last look of the watch found no writer stuck

	counts counters
	wheel  wheel
	ended  ended // traces of streams
	slabs  slabs
	warn   sync.Once   // that write deadlines are out of reach
	poll   poller      // of the connections that have been taken over
	barred atomic.Bool // connections of an unknown type are not taken over: one was no socket
	noPoll atomic.Bool // no connection is taken over: the poller has failed
}

// NewHub returns a hub; nil means the default options.
func NewHub(o *HubOptions) *Hub {
	v := o.checked()
	h := &Hub{opts: v, made: time.Now()}
	if v.Compress {
		h.enc = gzipcast.NewEncoder(nil)
	}
	h.beats = h.Prepare([]*Frame{{bytes: []byte(":\n\n")}}, nil)
	h.beat = h.beats[0]
	return h
}

// Prepare readies frames for delivery to many streams of this hub: what can be
// done once for all is done once. a may be nil. The result is given to
// [Audience.Fanout].
func (h *Hub) Prepare(frames []*Frame, a *Audience) []*Frame {
	if h.enc == nil {
		return frames
	}
	var out []*Frame
	for i, f := range frames {
		if f.zip != nil {
			continue
		}
		if out == nil {
			out = append(out, frames...)
			frames = out
		}
		c := Frame{bytes: f.bytes, key: f.key, overflow: f.overflow, version: f.version}
		if a != nil {
			a.once.Do(func() { a.chain = h.enc.NewChain() })
			c.zip = a.chain.Next(f.bytes)
		} else {
			c.zip = h.enc.Event(f.bytes)
		}
		out[i] = &c
	}
	return frames
}

// Compresses reports whether frames are compressed once for all streams, so that
// an [Audience] is of use.
func (h *Hub) Compresses() bool { return h.enc != nil }

// open returns a new stream for r, which is opening. front is the header of its
// response as middleware has left it.
func (h *Hub) open(r *http.Request, front http.Header, now time.Time, stay bool) (*Conn, error) {
	c := newConn(h, r, front, now, stay)
	if !h.wheel.add(h, c) {
		return nil, &Error{Op: "opening a stream", Status: http.StatusServiceUnavailable, Err: draining{r}}
	}
	h.counts.open(stay)
	return c, nil
}

// Len returns the number of open streams, short responses included.
func (h *Hub) Len() int {
	h.wheel.mu.Lock()
	defer h.wheel.mu.Unlock()
	return h.wheel.n
}

// Draining reports whether [Hub.Drain] has been called.
func (h *Hub) Draining() bool {
	h.wheel.mu.Lock()
	defer h.wheel.mu.Unlock()
	return h.wheel.empty != nil
}

// Drain ends all streams for a shutdown: short responses are left to finish,
// and long streams are cut at random moments within window, so that their
// clients do not all come back at once; new ones are cut before they open. It
// returns when all are gone and their hooks have run, or with the cause of ctx
// when that ends first; then the rest is cut at once. [Shutdown] does it
// together with the server.
func (h *Hub) Drain(ctx context.Context, window time.Duration) error {
	conns, empty := h.wheel.drain()
	var timers []*time.Timer
	for _, c := range conns {
		if window <= 0 {
			c.Close(CauseShutdown)
			continue
		}
		timers = append(timers, time.AfterFunc(rand.N(window), func() { c.Close(CauseShutdown) }))
	}
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
	}
	for _, t := range timers {
		t.Stop()
	}
	for _, c := range conns {
		c.Close(CauseShutdown)
	}
	return context.Cause(ctx)
}
