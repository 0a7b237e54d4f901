package sfere

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// sharing is presence over all nodes: what this node tells others of its keys, and what
// it knows of theirs. It has one goroutine, from JoinRelay to Conns.Close, which sends
// everything, so that all of it has one order.
//
// A node asks each other one for the addresses that somebody here watches (an
// [relay.Interest]), and says what it has of them. The other answers with what is
// missing, and for leaseFor tells everybody who has asked of every change.
type sharing struct {
	cl     *cluster
	feeds  feeds
	others others
	wake   chan struct{}
	quit   chan struct{}
	gone   chan struct{}
	once   sync.Once
}

const (
	// gatherFor is how long changes are gathered, so that a crowd is few messages.
	gatherFor = 50 * time.Millisecond
	// tellBytes is about the size of a message: beats and broadcasts go in between.
	tellBytes = 128 << 10
	// leaseFor is how long a node is told of changes after it has asked, and renewEvery
	// how often it asks again when nothing is missing.
	leaseFor   = 3 * time.Minute
	renewEvery = time.Minute
	// retryFirst and retryLast are after what time a question without an answer is
	// asked again. Nothing tells the end of a cut in one direction.
	retryFirst = time.Second
	retryLast  = 2 * time.Second
	// askEvery is how often a node is asked for an address at most, whatever it does.
	askEvery = 200 * time.Millisecond
	// checkFirst and checkLast are how often what is known of a node is compared with
	// it because its mark does not fit.
	checkFirst = time.Second
	checkLast  = 10 * time.Second
	// perAsker spreads the questions of all nodes after a reconnection.
	perAsker = 2 * time.Millisecond
	// fullAgain is after what time the relay is tried again when its queue is full.
	fullAgain = 20 * time.Millisecond

	maxFeeds    = 10_000   // addresses that one node may ask for
	maxFarKeys  = 250_000  // entries of one node
	maxFarBytes = 64 << 20 // of their keys, and of messages that wait
	maxLog      = 4096     // changes of an address that need no full state
	maxWaiting  = 1024     // messages that wait for one before them
	maxParts    = 100_000  // of one full state
)

func newSharing(cl *cluster) *sharing {
	s := &sharing{cl: cl, wake: make(chan struct{}, 1), quit: make(chan struct{}), gone: make(chan struct{})}
	s.feeds = feeds{s: s, m: map[relay.Address]*feed{}, questions: map[asking]relay.Known{}, answers: map[asking][]relay.Presence{}, asks: map[relay.ID]int{}, maxLog: maxLog}
	s.others = others{
		s: s, following: map[relay.Address]*following{}, nodes: map[relay.ID]*remote{}, dirty: map[relay.Address]bool{},
		maxKeys: maxFarKeys, maxBytes: maxFarBytes,
	}
	return s
}

// run does what is due.
func (s *sharing) run() {
	defer close(s.gone)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	subscribed := map[relay.Address]bool{}
	for {
		select {
		case <-s.quit:
			return
		case <-s.wake:
		case <-timer.C:
		}
		next := time.Now().Add(time.Hour)
		s.others.subscribe(subscribed)
		for _, due := range []time.Time{s.others.ask(), s.feeds.work()} {
			if !due.IsZero() && due.Before(next) {
				next = due
			}
		}
		timer.Reset(time.Until(next))
	}
}

// end tells what is still to be told.
func (s *sharing) end() {
	s.once.Do(func() {
		close(s.quit)
		<-s.gone
		s.feeds.end()
	})
}

// changed is told of what a node says of itself, and of its silence.
func (s *sharing) changed(m relay.Member) {
	switch m.State {
	case relay.Left:
		s.feeds.leaves(m.ID)
		s.others.lose(m.ID)
	case relay.Down:
		s.others.lose(m.ID)
	default:
		s.others.heard(m)
	}
}

// earliest returns the earlier of two times of which zero is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// NodePresence is what a Conns knows of the keys that have a live stream on one node.
type NodePresence struct {
	Node relay.ID `json:"node"`
	Name string   `json:"name,omitempty"` // empty for this node
	Self bool     `json:"self,omitempty"`
	// Addresses are how many are watched here; for this node, how many others watch.
	Addresses int `json:"addresses"`
	// Keys are how many are there under those addresses, one that is under two of them
	// twice.
	Keys int `json:"keys"`
	// Refused are keys, addresses and messages of the node that were not taken: not
	// valid, or too many. What was refused is missing in the lists here.
	Refused uint64 `json:"refused,omitempty"`
	// Asking says that something may be missing that the node has been asked for.
	Asking bool `json:"asking,omitempty"`
}

// ClusterPresence returns what this machine knows of the presence of each node, itself
// first and then by name and id; nothing without a relay.
func (c *Conns) ClusterPresence() []NodePresence {
	cl := c.cluster.Load()
	if cl == nil {
		return nil
	}
	all := []NodePresence{cl.sharing.feeds.outline(cl.node.ID())}
	far := cl.sharing.others.outline()
	slices.SortFunc(far, func(a, b NodePresence) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), slices.Compare(a.Node[:], b.Node[:]))
	})
	return append(all, far...)
}

// warnings logs refusals, not more often than once in a while.
type warnings struct {
	count uint64
	next  time.Time
}

const warnEvery = time.Minute

// add counts a refusal and returns what is to be logged, under no lock; nil if nothing.
func (w *warnings) add(name string, why string, args ...any) func() {
	w.count++
	now := time.Now()
	if now.Before(w.next) {
		return nil
	}
	w.next = now.Add(warnEvery)
	count := w.count
	return func() {
		slog.Warn("sfere: presence of another machine was refused: "+why, append([]any{"node", name, "refused", count}, args...)...)
	}
}
