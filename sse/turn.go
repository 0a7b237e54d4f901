package sse

import "context"

// Turn is a place in the order of one stream that was taken before it is known
// what will be sent there ([Audience.Reserve]). What is sent to the stream later
// waits behind it. All methods may be called from any goroutine.
type Turn struct {
	c *Conn

	// Guarded by the state lock of c.
	outbox      // what waits for the turns in front
	over   bool // nothing more comes
	plain  bool // of what [Conn.Emit] is given while others are in front
	first  bool // of the first effects, for which the bounds do not hold
}

// Emit puts frames where the turn is, all or none, as [Conn.Emit] does. After
// [Turn.End] it is that method.
func (t *Turn) Emit(ctx context.Context, frames ...*Frame) error {
	c := t.c
	c.mu.Lock()
	if t.over {
		c.mu.Unlock()
		return c.Emit(ctx, frames...)
	}
	box := &t.outbox
	if len(c.turns) > 0 && c.turns[0] == t { // nobody is in front
		box = &c.outbox
	}
	err := c.enter(box, frames, t.first)
	wake := err == nil && !c.corked && c.waiting()
	c.mu.Unlock()
	return c.afterwards(wake, err)
}

// End gives the place up: what was sent later follows. It may be called again.
func (t *Turn) End() {
	c := t.c
	c.mu.Lock()
	c.endTurn(t)
	wake := !c.corked && c.waiting()
	c.mu.Unlock()
	if wake {
		c.hub.schedule(c)
	}
}

// enter admits frames to one of the outboxes of c. c.mu is held.
func (c *Conn) enter(box *outbox, frames []*Frame, unbounded bool) error {
	if c.closed {
		return ErrClosed
	}
	o := &c.hub.opts
	b := bounds{frames: o.MaxFrames, bytes: o.MaxBytes}
	switch {
	case unbounded:
		b.frames, b.bytes = noBound, noBound
	case !box.full(b): // the policy is not asked, and not read from memory
		if len(frames) == 1 && frames[0].key == "" { // nearly always: it takes nobody's place
			box.push(frames[0], &c.hub.slabs)
			if c.traced {
				c.tracer().queued(frames)
			}
			return nil
		}
	case box == &c.outbox && c.behind():
		b.policy = c.policy
	default:
		b = bounds{o.MaxFrames * ahead, o.MaxBytes * ahead, c.policy}
	}
	t := c.tracer()
	t.queued(frames) // before any of them takes the place of another
	lost, err := box.admit(frames, b, &c.hub.slabs, t)
	if err == ErrOverflow && c.resyncs {
		dropped := box.clearEvents(t)
		lost, _ = box.admit(frames, b, &c.hub.slabs, t)
		lost.dropped += dropped
		err = nil
		go c.lost()
	}
	if err != nil {
		t.refused(frames, err)
	}
	if lost != (losses{}) {
		c.lose(lost)
	}
	return err
}

// lose counts frames that do not reach the client. c.mu is held.
func (c *Conn) lose(l losses) {
	c.dropped += uint64(l.total())
	c.hub.counts.lose(l)
}

// afterwards does what must not be done under the state lock.
func (c *Conn) afterwards(wake bool, err error) error {
	if wake {
		c.hub.schedule(c)
	}
	if err == ErrOverflow {
		c.Close(CauseSlow)
	}
	return err
}

// reserve takes the next turn. c.mu is not held.
func (c *Conn) reserve() *Turn {
	t := &Turn{c: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.over = c.closed; !t.over {
		c.turns, c.turned = append(c.turns, t), true
	}
	return t
}

// lastTurn returns the outbox of what is sent now while others have turns. c.mu is
// held.
func (c *Conn) lastTurn() *outbox {
	last := c.turns[len(c.turns)-1]
	if !last.plain {
		last = &Turn{c: c, plain: true, over: true}
		c.turns = append(c.turns, last)
	}
	return &last.outbox
}

// endTurn ends t, and with it the turns behind it that are over. c.mu is held.
func (c *Conn) endTurn(t *Turn) {
	t.over = true
	for len(c.turns) > 0 && c.turns[0].over {
		c.turns = c.turns[1:]
		if len(c.turns) == 0 {
			c.turns, c.turned = nil, false
			return
		}
		c.advance(&c.turns[0].outbox)
	}
}

// endTurns ends all turns, in order. c.mu is held.
func (c *Conn) endTurns() {
	for len(c.turns) > 0 {
		c.endTurn(c.turns[0])
	}
}

// advance moves what has waited for its turn into the outbox. c.mu is held.
func (c *Conn) advance(box *outbox) {
	var lost losses
	t := c.tracer()
	for _, f := range box.queue {
		if f.version != 0 {
			lost.replaced += c.put(f, &c.hub.slabs, t)
			continue
		}
		if f.key != "" && c.replace(f.key, t) {
			lost.replaced++
		}
		c.outbox.push(f, &c.hub.slabs)
	}
	c.lose(lost)
	c.hub.slabs.give(box.queue)
	box.drop()
}
