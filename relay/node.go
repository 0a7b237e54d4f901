package relay

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/internal/lastof"
)

// Node is one running program on a relay. Make one with [Join]. Its methods may be
// called from any goroutine, but see [Options].
type Node struct {
	id      ID
	opts    Options
	started time.Time
	codec   codec
	link    Link
	out     *outbox
	all     string // subject of what is for all nodes
	own     string // subject of what is for this one

	in      *inbox
	slept   chan struct{} // pulse tells the loop that the process stood still
	done    chan struct{} // closed when the node closes
	closing sync.Once
	workers sync.WaitGroup // loop and pulse
	counts  counts

	// mu guards what follows. Nothing is called under it; outbox.mu may be taken.
	mu       sync.Mutex
	members  map[ID]*member
	subs     map[string]*sub         // by subject
	byHash   map[uint64]*sub         // the same by hash
	fates    lastof.Map[ref, string] // why the last messages that are asked about were refused; empty if they were not
	asking   map[uint64]*asked
	lastAsk  uint64
	draining bool
	closed   bool
	presence PresenceMark

	// The rest belongs to the loop.
	seals   seals
	causes  []Cause // of the gap for everything that is to be told
	gapTime *time.Timer
	hailed  time.Time // when the last hello was answered
}

// Join connects to r and makes a node, which others see at once. The caller must close
// it. nil options mean the defaults. The error is an *[Error]; it wraps [ErrUnsigned]
// if others can reach r and there is no key.
func Join(ctx context.Context, r Relay, o *Options) (*Node, error) {
	n := &Node{
		id: newID(), started: time.Now(), codec: newCodec(),
		in: &inbox{wake: make(chan struct{}, 1)}, slept: make(chan struct{}, 1), done: make(chan struct{}),
		members: map[ID]*member{}, subs: map[string]*sub{}, byHash: map[uint64]*sub{}, asking: map[uint64]*asked{},
		fates: lastof.Map[ref, string]{Max: maxFates},
	}
	if o != nil {
		n.opts = *o
	}
	fail := func(err error) (*Node, error) { return nil, &Error{Op: "joining", Err: err} }
	if err := n.opts.fill(); err != nil {
		return fail(err)
	}
	prefix := n.prefix()
	n.in.limit = int64(n.opts.InboxBytes)
	n.all, n.own = prefix+".all", prefix+".node."+n.id.String()
	n.out, n.seals = newOutbox(n), newSeals(n.opts.Keys)
	n.gapTime = time.NewTimer(time.Hour)
	n.gapTime.Stop()
	link, err := r.Connect(ctx, Receiver{Packet: n.in.packet, Event: n.event})
	if err != nil {
		return fail(err)
	}
	n.link = link
	abandon := func(err error) (*Node, error) {
		close(n.done)
		link.Close(ctx)
		return fail(err)
	}
	if len(n.opts.Keys) == 0 && !n.opts.Unsigned && !link.Private() {
		return abandon(ErrUnsigned)
	}
	for _, subject := range []string{n.all, n.own} {
		n.subs[subject] = &sub{control: true, users: 1, last: map[ID]uint64{}}
		if err := link.Subscribe(subject); err != nil {
			return abandon(err)
		}
	}
	if err := link.Flush(ctx); err != nil {
		return abandon(err)
	}
	n.workers.Go(n.loop)
	n.workers.Go(n.pulse)
	n.out.start()
	n.control(n.all, hello{})
	n.beat()
	return n, nil
}

// prefix is the beginning of the subjects of this version of their layout.
func (n *Node) prefix() string { return n.opts.Prefix + ".1" }

// ID returns which run of the program this is.
func (n *Node) ID() ID { return n.id }

// event is called by the link.
func (n *Node) event(e Event) {
	switch e {
	case Lost:
		n.out.connect(false)
	case Back:
		n.out.connect(true)
	}
	n.in.event(e)
}

// loop calls everything that the program has given.
func (n *Node) loop() {
	look := time.NewTicker(max(n.opts.Beat/2, time.Millisecond))
	defer look.Stop()
	defer n.gapTime.Stop()
	for {
		select {
		case <-n.in.wake:
			for _, a := range n.in.take() {
				select {
				case <-n.done:
					return
				default:
				}
				if a.event != "" {
					n.happened(a.event)
					continue
				}
				n.take(a.Packet)
				n.in.bytes.Add(-a.size())
			}
		case <-n.slept:
			n.missedAll(Asleep)
		case now := <-look.C:
			n.look(now)
		case <-n.gapTime.C:
			g := Gap{Causes: n.causes}
			n.causes = nil
			n.gap(g)
		case <-n.done:
			return
		}
	}
}

func (n *Node) happened(e Event) {
	switch e {
	case Back:
		n.missedAll(Reconnected)
		n.control(n.all, hello{})
		n.beat()
	case Dropped:
		n.missedAll(Overrun)
	}
}

// missedAll tells of a gap for everything a little later, once for all causes until
// then.
func (n *Node) missedAll(c Cause) {
	if len(n.causes) == 0 {
		var after time.Duration
		if n.opts.Jitter > 0 {
			after = rand.N(n.opts.Jitter)
		}
		n.gapTime.Reset(after)
	}
	if !slices.Contains(n.causes, c) {
		n.causes = append(n.causes, c)
	}
}

func (n *Node) gap(g Gap) {
	n.counts.gaps.Add(1)
	if n.opts.Gap != nil {
		n.safely("Gap", func() { n.opts.Gap(g) })
	}
}

func (n *Node) refuse(r Refusal) {
	n.counts.refused.Add(1)
	if n.opts.Refused != nil {
		n.safely("Refused", func() { n.opts.Refused(r) })
	}
}

// safely calls a function of the program, which must not end the process.
func (n *Node) safely(name string, f func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			text := core.SafeValue(p)
			slog.Error("relay: a function of the program panicked", "function", name, "panic", text, "stack", string(debug.Stack()))
			err = fmt.Errorf("%s panicked: %s", name, text)
		}
	}()
	f()
	return nil
}

// pulse beats. It does not wait for the functions of the program.
func (n *Node) pulse() {
	ticker := time.NewTicker(n.opts.Beat)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case now := <-ticker.C:
			if now.Sub(last) > time.Duration(suspectIn*float64(n.opts.Beat)) {
				select {
				case n.slept <- struct{}{}:
				default:
				}
			}
			last = now
			for _, t := range n.out.tails(now) {
				n.control(n.all, t)
			}
			n.beat()
		case <-n.done:
			return
		}
	}
}

func (n *Node) beat() {
	n.mu.Lock()
	b := beat{Name: n.opts.Name, Started: n.started, Every: n.opts.Beat, Draining: n.draining, Presence: n.presence}
	n.mu.Unlock()
	n.control(n.all, b)
}

// control sends something of the node's own.
func (n *Node) control(subject string, b Body) {
	p, err := n.codec.encode(Envelope{Body: b})
	if err == nil {
		err = n.fits(p)
	}
	if err == nil {
		_, err = n.out.add(subject, p, true)
	}
	if err != nil {
		n.counts.failed.Add(1)
	}
}

// SetPresence says which state of its presence this node is at, with every beat from
// now on.
func (n *Node) SetPresence(m PresenceMark) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.presence = m
}

// Drain tells the others at once that this node is going to end: see
// [Member].Draining. It goes on receiving and sending.
func (n *Node) Drain() {
	n.mu.Lock()
	n.draining = true
	n.mu.Unlock()
	n.beat()
}

// Flush waits until the relay has taken note of everything that was sent and
// subscribed to before: see [Link.Flush]. Its errors are *[Error], or those of the link.
func (n *Node) Flush(ctx context.Context) error {
	if err := n.out.wait(ctx); err != nil {
		return &Error{Op: "flushing", Err: err}
	}
	return n.link.Flush(ctx)
}

// Close says good-bye, sends what waits until ctx ends, and closes the link. No
// function of the Options is running when it returns. It may be called again; then it
// returns nil.
func (n *Node) Close(ctx context.Context) (err error) {
	n.closing.Do(func() {
		n.control(n.all, leave{})
		err = n.out.close(ctx)
		close(n.done)
		n.mu.Lock()
		n.closed = true
		for _, s := range n.subs {
			s.stop()
		}
		for _, a := range n.asking {
			a.end()
		}
		n.mu.Unlock()
		if e := n.link.Close(ctx); err == nil {
			err = e
		}
		<-n.out.gone
		n.workers.Wait()
	})
	if err != nil {
		return &Error{Op: "closing", Err: err}
	}
	return nil
}

// counts are what Stats shows.
type counts struct{ sent, failed, received, useless, late, refused, gaps atomic.Uint64 }

// Stats counts since the node joined.
type Stats struct {
	Sent       uint64 `json:"sent"`     // packets handed to the relay, beats and answers included
	Failed     uint64 `json:"failed"`   // packets that could not be
	Received   uint64 `json:"received"` // packets of others
	Useless    uint64 `json:"useless"`  // of those: for an address that nobody here has
	Late       uint64 `json:"late"`     // of those: doubled, or overtaken by a later one
	Refused    uint64 `json:"refused"`  // of those: refused
	Gaps       uint64 `json:"gaps"`
	QueueBytes int    `json:"queueBytes"` // that wait to be sent
	Nodes      int    `json:"nodes"`      // that are live, this one included
}

// Stats returns how much has happened.
func (n *Node) Stats() Stats {
	c := &n.counts
	s := Stats{
		Sent: c.sent.Load(), Failed: c.failed.Load(), Received: c.received.Load(), Useless: c.useless.Load(),
		Late: c.late.Load(), Refused: c.refused.Load(), Gaps: c.gaps.Load(), QueueBytes: n.out.size(), Nodes: 1,
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, m := range n.members {
		if m.State == Live {
			s.Nodes++
		}
	}
	return s
}
