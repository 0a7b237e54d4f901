package relay

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
)

// Memory is a [Relay] inside one process, for tests and for programs that have
// several nodes in one. Make one with [NewMemory]. Each link has a goroutine, which
// ends when the link is closed.
type Memory struct {
	opts MemoryOptions

	mu    sync.Mutex // guards the rest and the subscriptions of links; mailbox.mu may be taken under it
	links map[*memoryLink]bool
	subs  map[string]map[*memoryLink]bool
}

// MemoryOptions adjust a [Memory]. Zero fields mean the defaults.
type MemoryOptions struct {
	// MaxPayload is the largest size of the data of a packet. Default 1 MiB.
	MaxPayload int
	// Waiting is how many packets wait for a slow receiver before more are dropped.
	// Default 65 536.
	Waiting int
	// Public makes the links say that others can publish: see [Link.Private].
	Public bool
}

// NewMemory returns a bus that nobody is connected to. nil options mean the defaults.
func NewMemory(o *MemoryOptions) *Memory {
	m := &Memory{links: map[*memoryLink]bool{}, subs: map[string]map[*memoryLink]bool{}}
	if o != nil {
		m.opts = *o
	}
	m.opts.MaxPayload = cmp.Or(m.opts.MaxPayload, maxEnvelope)
	m.opts.Waiting = cmp.Or(m.opts.Waiting, 1<<16)
	return m
}

// Connect implements [Relay]. It does not fail.
func (m *Memory) Connect(_ context.Context, to Receiver) (Link, error) {
	l := &memoryLink{bus: m, box: newMailbox(to, m.opts.Waiting), subs: map[string]bool{}}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.links[l] = true
	return l, nil
}

type memoryLink struct {
	bus    *Memory
	box    *mailbox
	subs   map[string]bool // guarded by Memory.mu
	closed bool            // likewise
}

// CheckPacket returns the error of [Link.Publish] for a packet that no link carries,
// nil for any other. It is for those who write a [Relay].
func CheckPacket(p Packet, limit int) error {
	if err := checkSubject(p.Subject); err != nil {
		return err
	}
	if len(p.Data) > limit {
		return &Error{Op: "publishing", Err: fmt.Errorf("%d bytes, at most %d: %w", len(p.Data), limit, ErrTooLarge)}
	}
	return nil
}

func checkSubject(s string) error {
	bad := s == "" || len(s) > MaxSubject || s[0] == '.' || s[len(s)-1] == '.'
	for i := range len(s) {
		c := s[i]
		bad = bad || c <= ' ' || c > '~' || c == '*' || c == '>' || c == '.' && i > 0 && s[i-1] == '.'
	}
	if bad {
		return &Error{Op: "using a subject", Err: fmt.Errorf("%.100q is none", s)}
	}
	return nil
}

func (l *memoryLink) Publish(p Packet) error {
	if err := CheckPacket(p, l.bus.opts.MaxPayload); err != nil {
		return err
	}
	p.Data = slices.Clone(p.Data)
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	if l.closed {
		return &Error{Op: "publishing", Err: ErrClosed}
	}
	for to := range l.bus.subs[p.Subject] {
		if to != l {
			to.box.put(p)
		}
	}
	return nil
}

func (l *memoryLink) Subscribe(subject string) error {
	if err := checkSubject(subject); err != nil {
		return err
	}
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	if l.closed {
		return &Error{Op: "subscribing", Err: ErrClosed}
	}
	l.subs[subject] = true
	if l.bus.subs[subject] == nil {
		l.bus.subs[subject] = map[*memoryLink]bool{}
	}
	l.bus.subs[subject][l] = true
	return nil
}

func (l *memoryLink) Unsubscribe(subject string) error {
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	l.drop(subject)
	return nil
}

// drop ends one subscription. Memory.mu is held.
func (l *memoryLink) drop(subject string) {
	delete(l.subs, subject)
	if delete(l.bus.subs[subject], l); len(l.bus.subs[subject]) == 0 {
		delete(l.bus.subs, subject)
	}
}

func (l *memoryLink) Flush(ctx context.Context) error { return ctx.Err() }
func (l *memoryLink) MaxPayload() int                 { return l.bus.opts.MaxPayload }
func (l *memoryLink) Private() bool                   { return !l.bus.opts.Public }

func (l *memoryLink) Close(context.Context) error {
	l.bus.mu.Lock()
	l.closed = true
	for subject := range l.subs {
		l.drop(subject)
	}
	delete(l.bus.links, l)
	l.bus.mu.Unlock()
	l.box.close()
	return nil
}
