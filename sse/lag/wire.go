package lag

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// wire is a ResponseWriter whose pieces arrive later. One goroutine sends them, from the
// first write to close.
type wire struct {
	w      http.ResponseWriter
	rc     *http.ResponseController
	n      *Network
	cancel context.CancelFunc // of the request
	header http.Header        // as the handler sees it

	// mu guards what follows. Nothing is written and nothing called under it.
	mu      sync.Mutex
	changed sync.Cond
	queue   []piece
	bytes   int
	last    time.Time // when the last piece is due
	begun   bool      // the goroutine runs
	over    bool      // nothing more comes
	err     error     // of the response, or that it was lost
	lost    *time.Timer

	done chan struct{} // closed when the goroutine has ended
}

// piece is something that was written. An empty one is a flush.
type piece struct {
	b      []byte
	status int
	due    time.Time
}

// most bytes wait on a wire: then writes wait, as on a real one.
const maxBytes = 4 << 20

// errLost is what writes to a stream fail with that was lost.
var errLost = errors.New("lag: the stream was lost, as asked for")

func newWire(n *Network, w http.ResponseWriter, cancel context.CancelFunc) *wire {
	k := &wire{w: w, rc: http.NewResponseController(w), n: n, cancel: cancel, header: w.Header().Clone(), done: make(chan struct{})}
	k.changed.L = &k.mu
	return k
}

// Header returns the header of the response, which is sent as it is with the first piece.
func (k *wire) Header() http.Header { return k.header }

// WriteHeader sends the header when it is due.
func (k *wire) WriteHeader(status int) { _ = k.put(piece{status: status}) }

// Write sends b when it is due.
func (k *wire) Write(b []byte) (int, error) {
	if err := k.put(piece{b: append([]byte(nil), b...)}); err != nil {
		return 0, err
	}
	return len(b), nil
}

// FlushError flushes what was written before, when that has been sent.
func (k *wire) FlushError() error { return k.put(piece{}) }

// Flush is FlushError.
func (k *wire) Flush() { _ = k.FlushError() }

// SetReadDeadline is that of the response.
func (k *wire) SetReadDeadline(t time.Time) error { return k.rc.SetReadDeadline(t) }

// SetWriteDeadline is that of the response.
func (k *wire) SetWriteDeadline(t time.Time) error { return k.rc.SetWriteDeadline(t) }

// EnableFullDuplex is that of the response.
func (k *wire) EnableFullDuplex() error { return k.rc.EnableFullDuplex() }

// put puts a piece on its way.
func (k *wire) put(p piece) error {
	p.due = time.Now().Add(k.n.late())
	k.mu.Lock()
	defer k.mu.Unlock()
	for k.bytes > maxBytes && k.err == nil {
		k.changed.Wait()
	}
	if k.err != nil {
		return k.err
	}
	if p.due.Before(k.last) { // in order
		p.due = k.last
	}
	k.last = p.due
	k.queue = append(k.queue, p)
	k.bytes += len(p.b)
	if !k.begun {
		k.begun = true
		k.lose()
		go k.run(k.header.Clone())
	}
	k.changed.Broadcast()
	return nil
}

// lose has a stream lost after a random time. mu is held.
func (k *wire) lose() {
	mean := k.n.Options().Loss
	if mean <= 0 || !strings.HasPrefix(k.header.Get("Content-Type"), "text/event-stream") {
		return
	}
	k.lost = time.AfterFunc(time.Duration(rand.ExpFloat64()*float64(mean)), func() {
		k.mu.Lock()
		if k.over || k.err != nil || k.n.Options().Loss <= 0 {
			k.mu.Unlock()
			return
		}
		k.err = errLost
		k.changed.Broadcast()
		k.mu.Unlock()
		_ = k.rc.SetWriteDeadline(time.Unix(1, 0))
		k.cancel()
	})
}

// run sends the pieces.
func (k *wire) run(header http.Header) {
	defer close(k.done)
	defer func() {
		if p := recover(); p != nil { // of the middleware in front
			k.fail(fmt.Errorf("lag: what writes the response panicked: %v", p))
		}
	}()
	for first := true; ; first = false {
		p, ok := k.next()
		if !ok {
			return
		}
		if wait := time.Until(p.due); wait > 0 {
			time.Sleep(wait)
		}
		if first {
			clear(k.w.Header())
			maps.Copy(k.w.Header(), header)
		}
		var err error
		switch {
		case p.status != 0:
			k.w.WriteHeader(p.status)
		case p.b != nil:
			_, err = k.w.Write(p.b)
		default:
			err = k.rc.Flush()
		}
		k.mu.Lock()
		k.bytes -= len(p.b)
		k.changed.Broadcast()
		k.mu.Unlock()
		if err != nil {
			k.fail(err)
		}
	}
}

// fail notes why nothing more is sent.
func (k *wire) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil {
		k.err = err
	}
	k.changed.Broadcast()
}

// next waits for the next piece; ok is false if there is none.
func (k *wire) next() (p piece, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.queue) == 0 && !k.over && k.err == nil {
		k.changed.Wait()
	}
	if k.err != nil || len(k.queue) == 0 {
		return piece{}, false
	}
	p = k.queue[0]
	k.queue = k.queue[1:]
	return p, true
}

// close waits until everything has been sent. A response that was lost is cut.
func (k *wire) close() {
	k.mu.Lock()
	k.over = true
	begun := k.begun
	if k.lost != nil {
		k.lost.Stop()
	}
	k.changed.Broadcast()
	k.mu.Unlock()
	if begun {
		<-k.done
	}
	k.mu.Lock()
	lost := k.err == errLost
	k.mu.Unlock()
	if lost {
		panic(http.ErrAbortHandler)
	}
}
