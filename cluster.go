package sfere

import (
	"cmp"
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sfere-go/sfere/internal/lastof"
	"github.com/sfere-go/sfere/relay"
)

// cluster is the part that a Conns takes in a relay. It has three goroutines from
// JoinRelay to Conns.Close: one subscribes and makes good what was missed, one talks to
// nodes and waits for their answers, and one shares presence. What other machines have run for each
// recipient has goroutines of its own, which end before close returns.
type cluster struct {
	c       *Conns
	node    *relay.Node   // constant once up is closed
	up      chan struct{} // closed when the node may be used
	hooks   relay.Options // of the program
	within  time.Duration // how long a report waits for answers
	allowed map[string]bool
	ctx     context.Context // ends with the cluster
	stop    context.CancelFunc
	running sync.WaitGroup
	slots   chan struct{} // what runs for each recipient has one
	wake    chan struct{}
	say     chan struct{} // likewise, for the goroutine that talks
	book    ledger        // Conns.mu guards it
	sharing *sharing      // of presence

	// mu guards the fields below. Conns.mu may be held when it is taken; nothing is
	// called and no other lock is taken under it.
	mu       sync.Mutex
	dirty    map[Key]bool // addresses that somebody is under now, or nobody any more
	lost     map[relay.Address]bool
	repair   time.Time // when what was lost is made good; zero if nothing was
	repaired time.Time // when that was done last
	sweeps   []sweep   // in order of time
	sayings  []saying
	met      map[relay.ID]bool // nodes that have been asked whom they keep away
	states   map[relay.ID]nodeState
	lettings []letting
	claimed  toTell
	sayApart map[Key]bool // keys of streams that are alone, to be said
	again    []again      // in order of time
	results  lastof.Map[ref, *result]
	ordering map[Key]bool // lists that are put in order for other nodes
}

const (
	// repairWithin is within which time after a gap the views are refreshed, and
	// repairEvery how often at most.
	repairWithin = 500 * time.Millisecond
	repairEvery  = time.Second
	// perNode is how much later, for each node, a refresh of another one may be
	// rendered, so that all of them do not ask the database at once.
	perNode    = 5 * time.Millisecond
	maxLost    = 1000 // addresses; more are everything
	maxRunning = 64   // deliveries of other machines that run something for each
	leaveIn    = 5 * time.Second
)

// JoinRelay connects c to Options.Relay, after which what is sent here reaches the
// other machines, and the other way round. [App.Run] and [App.Serve] call it; a
// program without an App calls it before it serves. [Conns.Close] leaves again. ctx is
// for connecting only. It does nothing without a relay, and the second time. The error
// is an *[Error].
func (c *Conns) JoinRelay(ctx context.Context) error {
	if c.opts.Relay == nil || c.cluster.Load() != nil {
		return nil
	}
	fail := func(err error) error { return &Error{Op: "joining the relay", Err: err} }
	cl := &cluster{
		c: c, up: make(chan struct{}), allowed: map[string]bool{}, slots: make(chan struct{}, maxRunning),
		wake: make(chan struct{}, 1), say: make(chan struct{}, 1),
		results: lastof.Map[ref, *result]{Max: maxResults},
		dirty:   map[Key]bool{}, lost: map[relay.Address]bool{}, met: map[relay.ID]bool{}, states: map[relay.ID]nodeState{},
		book: newLedger(), claimed: toTell{keys: map[Key]bool{}}, sayApart: map[Key]bool{},
	}
	cl.sharing = newSharing(cl)
	for _, d := range c.opts.FromRelay {
		cl.allowed[d.EffectName()] = true
	}
	if c.opts.Node != nil {
		cl.hooks = *c.opts.Node
	}
	cl.within = cmp.Or(cl.hooks.AnswerWithin, 500*time.Millisecond)
	o := cl.hooks
	o.Receive, o.Answer, o.Gap, o.Changed = cl.receive, cl.answer, cl.gap, cl.changed
	node, err := relay.Join(ctx, c.opts.Relay, &o)
	if err != nil {
		return fail(err)
	}
	cl.node = node
	cl.ctx, cl.stop = context.WithCancel(context.Background())
	abandon := func(err error) error {
		close(cl.up)
		cl.stop()
		_ = node.Close(ctx)
		return err
	}
	// Refreshes travel under the address of everybody, so that none is missed between
	// the opening of a stream and the subscription of its key.
	if err := node.Subscribe(relay.Address{}); err != nil {
		return abandon(fail(err))
	}
	if err := node.Flush(ctx); err != nil {
		return abandon(fail(err))
	}
	c.mu.Lock()
	switch {
	case c.closed:
		c.mu.Unlock()
		return abandon(fail(ErrConnsClosed))
	case c.cluster.Load() != nil: // somebody else was faster
		c.mu.Unlock()
		return abandon(nil)
	}
	c.index.changed, c.claims.changed = cl.addressed, cl.tellOf
	for k := range c.index.cells.m {
		cl.addressed(k, true)
	}
	for k := range c.index.lists.m {
		if addressed(shapeOf(k)) {
			cl.addressed(k, true)
		}
	}
	c.cluster.Store(cl)
	watches := c.watches
	cl.running.Go(cl.work)
	cl.running.Go(cl.talk)
	go cl.sharing.run()
	c.mu.Unlock()
	cl.sharing.others.followAll(watches)
	close(cl.up)
	return nil
}

// close leaves the relay and ends everything that runs for other machines.
func (cl *cluster) close() {
	ctx, cancel := context.WithTimeout(context.Background(), leaveIn)
	defer cancel()
	late := time.AfterFunc(leaveIn, cl.stop) // whoever waits for a slot waits no longer
	defer late.Stop()
	cl.sharing.end()
	_ = cl.node.Close(ctx) // what could not be sent is a gap for the others
	cl.sharing.others.close()
	cl.stop()
	cl.running.Wait()
}

// addressed is told by the index of an address that somebody is under from now on, or
// nobody. Conns.mu is held.
func (cl *cluster) addressed(open Key, there bool) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.dirty[open] = there
	poke(cl.wake)
}

// poke wakes the goroutine that waits for c.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// work subscribes to what the index has, and does what is due.
func (cl *cluster) work() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	subscribed := map[Key]bool{}
	for {
		select {
		case <-cl.ctx.Done():
			return
		case <-cl.wake:
		case <-timer.C:
		}
		next := time.Now().Add(time.Hour)
		alone, more := cl.apartKeys()
		cl.subscribe(subscribed)
		cl.announce(alone)
		cl.tellClaims()
		for _, due := range []time.Time{more, cl.makeGood(), cl.sweep()} {
			if !due.IsZero() && due.Before(next) {
				next = due
			}
		}
		timer.Reset(time.Until(next))
	}
}

// subscribe brings the subscriptions in line with the index.
func (cl *cluster) subscribe(subscribed map[Key]bool) {
	cl.mu.Lock()
	dirty := cl.dirty
	cl.dirty = map[Key]bool{}
	cl.mu.Unlock()
	for k, there := range dirty {
		switch {
		case there == subscribed[k]:
		case !there:
			delete(subscribed, k)
			cl.node.Unsubscribe(addressOf(k))
		case cl.node.Subscribe(addressOf(k)) == nil:
			subscribed[k] = true
		} // an error says that the node is closed
	}
}

// nodes returns how many nodes there are.
func (cl *cluster) nodes() int { return cl.node.Stats().Nodes }

// gap is told by the node that messages have been missed, perhaps.
func (cl *cluster) gap(g relay.Gap) {
	<-cl.up
	all := g.To == (relay.Address{})
	if g.Presence || all {
		cl.sharing.others.missed(g)
	}
	if !g.Presence {
		cl.miss(g.To)
		cl.missedApart(g.To)
		if all {
			cl.sayTo(control{Want: true})
		}
	}
	if cl.c.opts.Observer != nil {
		cl.c.tell(func(o Observer) { o.Missed(g) })
	}
	if cl.hooks.Gap != nil {
		cl.hooks.Gap(g)
	}
}

// miss notes that something for an address was missed. What its streams show is
// refreshed a little later, once for all that is noted until then.
func (cl *cluster) miss(a relay.Address) {
	now := time.Now()
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if len(cl.lost) >= maxLost {
		a = relay.Address{}
	}
	cl.lost[a] = true
	if cl.repair.IsZero() {
		cl.repair = now.Add(rand.N(repairWithin))
		if next := cl.repaired.Add(repairEvery); cl.repair.Before(next) {
			cl.repair = next
		}
	}
	poke(cl.wake)
}

// makeGood refreshes what the streams show that have missed something, if it is time.
// It returns when it is.
func (cl *cluster) makeGood() (due time.Time) {
	now := time.Now()
	cl.mu.Lock()
	if due = cl.repair; due.IsZero() || due.After(now) {
		cl.mu.Unlock()
		return due
	}
	lost := cl.lost
	cl.lost, cl.repair, cl.repaired = map[relay.Address]bool{}, time.Time{}, now
	cl.mu.Unlock()
	if lost[relay.Address{}] {
		cl.c.views.flying.MarkAll(time.Duration(cl.nodes()) * perNode)
		return time.Time{}
	}
	do := cl.refreshing(0)
	for a := range lost {
		do.of(cl.c, patternOf(a))
	}
	do.later.mark()
	return time.Time{}
}

// changed is told by the node that another one has come, gone or fallen silent.
func (cl *cluster) changed(m relay.Member) {
	<-cl.up
	cl.mu.Lock()
	fresh := m.State == relay.Live && !cl.met[m.ID]
	switch m.State {
	case relay.Live:
		cl.met[m.ID] = true
	case relay.Down, relay.Left:
		delete(cl.met, m.ID)
	}
	state := nodeState{m.Name, m.State, m.Draining}
	news := cl.states[m.ID] != state // and not only the mark of its presence
	cl.states[m.ID] = state
	if m.State == relay.Down || m.State == relay.Left {
		delete(cl.states, m.ID)
	}
	cl.mu.Unlock()
	cl.claimsOf(m)
	cl.sharing.changed(m)
	if fresh {
		cl.sayTo(control{Want: true}, m.ID)
	}
	if news && cl.hooks.Changed != nil {
		cl.hooks.Changed(m)
	}
}

// nodeState is what a program is told of a node.
type nodeState struct {
	name     string
	state    relay.State
	draining bool
}

// shapeOf returns the shape of the list that k is the name of.
func shapeOf(k Key) (s shape) {
	for i, v := range k.fields() {
		if v != "" {
			s |= 1 << i
		}
	}
	return s
}

// addressOf returns k, with "" in its open positions, as an address.
func addressOf(k Key) relay.Address { return relay.Address(k) }

// patternOf returns the pattern of an address. It is not valid if the address is not.
func patternOf(a relay.Address) Pattern {
	var m [3]Match
	for i, v := range [...]string{a.Scope, a.Category, a.ID} {
		if m[i] = Any; v != "" {
			m[i] = Is(v)
		}
	}
	return Pattern{m[0], m[1], m[2]}
}

// address returns p, which is valid and has a scope, as an address.
func (p Pattern) address() relay.Address {
	want, _, _ := p.fixed()
	return addressOf(want)
}
