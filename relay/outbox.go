package relay

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
)

// outbox numbers what a node sends and hands it to the link, on one goroutine. What is
// subscribed to goes the same way, so that nobody waits for a link that hangs.
type outbox struct {
	n    *Node
	wake chan struct{} // something waits, or closed is set
	quit chan struct{} // closed to give up what waits
	gone chan struct{} // closed when the goroutine has ended

	seals seals // belongs to the goroutine

	mu        sync.Mutex // guards the rest; nothing is called under it
	queue     []outgoing
	bytes     int
	seq       uint64
	chains    map[string]*chain // by subject
	untold    map[string]*chain // of which no tails have told since they last grew
	swept     time.Time
	connected bool
	closed    bool
}

// outgoing is a packet whose head has not been written.
type outgoing struct {
	subject   string
	data      []byte
	seq, prev uint64
	chain     *chain // nil for what only one node gets
	do        func() // what is done in its place; nil for a packet
}

// chain is what a subject was last used for.
type chain struct {
	seq uint64
	at  time.Time // when that was handed over, or lost
}

func newOutbox(n *Node) *outbox {
	return &outbox{
		n: n, wake: make(chan struct{}, 1), quit: make(chan struct{}), gone: make(chan struct{}), seals: newSeals(n.opts.Keys),
		chains: map[string]*chain{}, untold: map[string]*chain{}, connected: true, swept: time.Now(),
	}
}

func (o *outbox) start() { go o.run() }

// add puts a packet into the queue and returns its number. What the node itself says
// is always taken: it is little. A packet that is refused here had a number, so that
// others see the gap.
func (o *outbox) add(subject string, data []byte, control bool) (seq uint64, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return 0, ErrClosed
	}
	o.seq++
	g := outgoing{subject: subject, data: data, seq: o.seq}
	switch {
	case strings.HasPrefix(subject, o.n.nodes): // for one node
	default:
		c := o.chains[subject]
		if c == nil {
			c = &chain{}
			o.chains[subject] = c
		}
		g.chain, g.prev, c.seq = c, c.seq, o.seq
		if !control {
			o.untold[subject] = c
		}
	}
	switch {
	case !o.connected:
		err = ErrDisconnected
	case !control && o.bytes+len(data) > o.n.opts.QueueBytes:
		err = ErrFull
	}
	if err != nil {
		if g.chain != nil {
			g.chain.at = time.Now()
		}
		return g.seq, err
	}
	o.bytes += len(data)
	o.queue = append(o.queue, g)
	o.wakeUp()
	return g.seq, nil
}

func (o *outbox) wakeUp() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take returns everything that waits, with the heads written but for the signatures.
func (o *outbox) take() (batch []outgoing, heads []head, closed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	batch, o.queue = o.queue, nil
	now := time.Now()
	heads = make([]head, len(batch))
	for i, g := range batch {
		h := head{version: version, from: o.n.id, seq: g.seq, prev: g.prev, sent: now}
		if c := g.chain; c != nil {
			if !c.at.IsZero() {
				h.age = now.Sub(c.at)
			}
			c.at = now
		}
		heads[i] = h
	}
	return batch, heads, o.closed
}

func (o *outbox) run() {
	defer close(o.gone)
	for {
		batch, heads, closed := o.take()
		for i, g := range batch {
			select {
			case <-o.quit:
				return
			default:
			}
			if g.do != nil {
				g.do()
				continue
			}
			o.publish(g, heads[i])
		}
		if len(batch) > 0 {
			continue
		}
		if closed {
			return
		}
		<-o.wake
	}
}

func (o *outbox) publish(g outgoing, h head) {
	h.put(g.data, g.subject, o.seals)
	if err := o.n.link.Publish(Packet{g.subject, g.data}); err != nil {
		o.n.counts.failed.Add(1)
	} else {
		o.n.counts.sent.Add(1)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= len(g.data)
}

// connect says whether there is a connection.
func (o *outbox) connect(yes bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.connected = yes
}

func (o *outbox) size() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes
}

// tails returns the last numbers of what has been used since the last call, and
// forgets what has not been for long.
func (o *outbox) tails(now time.Time) (all []tails) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.connected {
		return nil // they would be lost; the next ones have them
	}
	var t tails
	for subject, c := range o.untold {
		age := now.Sub(c.at)
		if c.at.IsZero() || len(o.queue) > 0 {
			age = 0 // the last of them has not been handed over, perhaps
		}
		t.Tails = appendTail(t.Tails, subject, c.seq, age)
		if len(t.Tails) == maxTails*tailSize {
			all, t = append(all, t), tails{}
		}
	}
	if len(t.Tails) > 0 {
		all = append(all, t)
	}
	clear(o.untold)
	if now.Sub(o.swept) > chainFor/10 {
		o.swept = now
		for subject, c := range o.chains {
			if !c.at.IsZero() && now.Sub(c.at) > chainFor {
				delete(o.chains, subject)
			}
		}
	}
	return all
}

// do calls f on the goroutine of the outbox, after everything that was added before.
func (o *outbox) do(f func()) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return ErrClosed
	}
	o.queue = append(o.queue, outgoing{do: f})
	o.wakeUp()
	return nil
}

// wait waits until everything that was added before has been handed over.
func (o *outbox) wait(ctx context.Context) error {
	told := make(chan struct{})
	if err := o.do(func() { close(told) }); err != nil {
		return err
	}
	select {
	case <-told:
		return nil
	case <-o.gone:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// close hands over what waits, until ctx ends.
func (o *outbox) close(ctx context.Context) error {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.wakeUp()
	select {
	case <-o.gone:
		return nil
	case <-ctx.Done():
		close(o.quit)
		return errors.Join(context.Cause(ctx), errors.New("not everything was sent"))
	}
}
