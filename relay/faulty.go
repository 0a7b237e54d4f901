package relay

import (
	"cmp"
	"container/heap"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"
)

// Faulty is a [Relay] that passes everything on over another one, and makes the
// mistakes that networks make. Make one with [NewFaulty]. It is for tests: what goes
// wrong with packet n from one link to another depends on the seed, those links and n
// alone, and not on who ran first.
type Faulty struct {
	inner Relay
	opts  FaultyOptions

	mu    sync.Mutex // guards the rest; the locks of mailboxes may be taken under it
	links []*faultyLink
	cut   map[[2]int]bool // from, to
	calm  bool
}

// FaultyOptions say which mistakes a [Faulty] makes. Zero fields mean none.
type FaultyOptions struct {
	Seed uint64
	// Drop, Double and Reorder are how likely it is that a packet is lost, comes
	// twice, or is held back for up to Hold while others pass it: from 0 to 1.
	Drop, Double, Reorder float64
	Hold                  time.Duration // default 50 ms
	// Delay is how long every packet takes, in order.
	Delay time.Duration
}

// NewFaulty returns a bus over inner. Links are numbered from 0 in the order in which
// they connect. nil options mean no mistakes but splits.
func NewFaulty(inner Relay, o *FaultyOptions) *Faulty {
	f := &Faulty{inner: inner, cut: map[[2]int]bool{}}
	if o != nil {
		f.opts = *o
	}
	f.opts.Hold = cmp.Or(f.opts.Hold, 50*time.Millisecond)
	return f
}

// Cut loses, from now on, everything that one link sends to another. The other
// direction stays.
func (f *Faulty) Cut(from, to int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut[[2]int{from, to}] = true
}

// Split cuts both directions between the links that are given and all others there
// are.
func (f *Faulty) Split(apart ...int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	in := map[int]bool{}
	for _, i := range apart {
		in[i] = true
	}
	for a := range f.links {
		for b := range f.links {
			if in[a] != in[b] {
				f.cut[[2]int{a, b}] = true
			}
		}
	}
}

// Heal ends all cuts.
func (f *Faulty) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.cut)
}

// Calm ends the mistakes other than cuts and delay, or begins them again.
func (f *Faulty) Calm(yes bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calm = yes
}

// Disconnect takes a link off the bus until Reconnect, as the end of a connection
// does: it is told, what it publishes is refused, and what the others do it misses.
func (f *Faulty) Disconnect(link int) { f.connect(link, false) }

// Reconnect undoes Disconnect.
func (f *Faulty) Reconnect(link int) { f.connect(link, true) }

func (f *Faulty) connect(link int, yes bool) {
	f.mu.Lock()
	l := f.links[link]
	changed := l.off == yes
	l.off = !yes
	f.mu.Unlock()
	switch {
	case !changed:
	case yes:
		l.box.happened(Back)
	default:
		l.box.happened(Lost)
	}
}

// Connect implements [Relay].
func (f *Faulty) Connect(ctx context.Context, to Receiver) (Link, error) {
	l := &faultyLink{
		bus: f, box: newMailbox(to, 1<<16), sent: map[int]uint64{}, last: map[int]time.Time{},
		wake: make(chan struct{}, 1), done: make(chan struct{}), gone: make(chan struct{}),
	}
	f.mu.Lock()
	l.at = len(f.links)
	f.links = append(f.links, l)
	f.mu.Unlock()
	inner, err := f.inner.Connect(ctx, Receiver{Packet: l.packet, Event: l.box.happened})
	if err != nil {
		l.box.close()
		return nil, err
	}
	l.Link = inner
	go l.run()
	return l, nil
}

// faultyLink wraps a link. It puts the number of the sender in front of all data.
type faultyLink struct {
	Link
	bus  *Faulty
	at   int
	box  *mailbox
	wake chan struct{}
	done chan struct{}
	gone chan struct{}
	once sync.Once

	// Guarded by Faulty.mu.
	off  bool
	sent map[int]uint64    // how many packets have come from each link
	last map[int]time.Time // when the last of each is due
	held late
	n    uint64
}

const numberSize = 4

func (l *faultyLink) MaxPayload() int { return l.Link.MaxPayload() - numberSize }

func (l *faultyLink) Publish(p Packet) error {
	if err := CheckPacket(p, l.MaxPayload()); err != nil {
		return err
	}
	l.bus.mu.Lock()
	off := l.off
	l.bus.mu.Unlock()
	if off {
		return &Error{Op: "publishing", Err: ErrDisconnected}
	}
	data := binary.BigEndian.AppendUint32(make([]byte, 0, numberSize+len(p.Data)), uint32(l.at))
	return l.Link.Publish(Packet{p.Subject, append(data, p.Data...)})
}

func (l *faultyLink) Close(ctx context.Context) error {
	err := l.Link.Close(ctx)
	l.once.Do(func() { close(l.done) })
	<-l.gone
	l.box.close()
	return err
}

// packet decides what becomes of one packet.
func (l *faultyLink) packet(p Packet) {
	if len(p.Data) < numberSize {
		return
	}
	from := int(binary.BigEndian.Uint32(p.Data))
	p.Data = p.Data[numberSize:]
	f := l.bus
	f.mu.Lock()
	defer f.mu.Unlock()
	l.sent[from]++
	r := rand.New(rand.NewPCG(f.opts.Seed, uint64(from)<<48^uint64(l.at)<<32^l.sent[from]))
	drop, double, reorder := r.Float64() < f.opts.Drop, r.Float64() < f.opts.Double, r.Float64() < f.opts.Reorder
	hold := time.Duration(r.Int64N(int64(f.opts.Hold)) + 1)
	if f.cut[[2]int{from, l.at}] || l.off || drop && !f.calm {
		return
	}
	due := time.Now().Add(f.opts.Delay)
	if last := l.last[from]; due.Before(last) {
		due = last
	}
	if reorder && !f.calm {
		l.hold(p, due.Add(hold))
	} else {
		l.last[from] = due
		l.hold(p, due)
	}
	if double && !f.calm {
		l.hold(p, due.Add(hold))
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *faultyLink) hold(p Packet, due time.Time) {
	l.n++
	heap.Push(&l.held, heldPacket{p, due, l.n})
}

// run passes on what is due.
func (l *faultyLink) run() {
	defer close(l.gone)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		l.bus.mu.Lock()
		next := time.Hour
		for len(l.held) > 0 {
			if next = time.Until(l.held[0].due); next > 0 {
				break
			}
			p := heap.Pop(&l.held).(heldPacket).Packet
			if !l.off {
				l.box.put(p)
			}
			next = time.Hour
		}
		l.bus.mu.Unlock()
		timer.Reset(next)
		select {
		case <-timer.C:
		case <-l.wake:
		case <-l.done:
			return
		}
	}
}

// heldPacket waits for its time; n orders those of one time.
type heldPacket struct {
	Packet
	due time.Time
	n   uint64
}

type late []heldPacket

func (h late) Len() int      { return len(h) }
func (h late) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h late) Less(i, j int) bool {
	return h[i].due.Before(h[j].due) || h[i].due.Equal(h[j].due) && h[i].n < h[j].n
}
func (h *late) Push(x any) { *h = append(*h, x.(heldPacket)) }
func (h *late) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
