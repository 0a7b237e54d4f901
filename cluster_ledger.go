package sfere

import (
	"slices"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// ledger is what a node knows of keys that are not shared, beside its own claims.
// Conns.mu guards it.
type ledger struct {
	clock  relay.Clock
	bids   map[Key]*bid             // that are being decided here
	remote expiring[[]remoteClaim]  // claims of other nodes
	syncs  map[relay.ID]*claimsSync // lists that are coming in
	there  map[relay.ID]bool        // nodes that are there, as far as this one has been told
	apart  map[Key]apart            // streams here that share their key with none

	releases []relay.Claimed // given up here of late, for nodes that have missed it
}

// remoteClaim is what one other node has of a key.
type remoteClaim struct {
	node     relay.ID
	owner    string
	since    relay.Clock // when the owner got it
	at       relay.Clock // when the node said so
	keep     time.Duration
	end      time.Time // zero: it lasts as long as the node
	alone    bool
	promised bool // it has bid for it, and this node has said that it may
	over     bool // it has nothing; what it said before does not count
}

const (
	maxRemote = 1 << 20 // keys
	// overFor is how long it is remembered that a claim is over, against what was said
	// before and comes late.
	overFor = 10 * time.Second
	// goneFor is how long a claim of a stream lasts, beside its time, if its node is not
	// there.
	goneFor = 10 * time.Second
	// aheadBy is by how much the clock of another machine may be fast and still count.
	aheadBy = 2 * time.Minute
	// maxReleases is how many releases are remembered, and releaseFor how long.
	maxReleases = 1000
	releaseFor  = 10 * time.Minute
	maxKeep     = 1 << 58 // nanoseconds, 9 years: what is added to a time does not overflow
)

func newLedger() ledger {
	return ledger{bids: map[Key]*bid{}, syncs: map[relay.ID]*claimsSync{}, there: map[relay.ID]bool{}, apart: map[Key]apart{}}
}

// tick returns the next time of the clock.
func (l *ledger) tick() relay.Clock {
	l.clock = max(l.clock+1, relay.Clock(time.Now().UnixNano()))
	return l.clock
}

// see moves the clock past what another node has said.
func (l *ledger) see(at relay.Clock, now time.Time) {
	if at <= relay.Clock(now.Add(aheadBy).UnixNano()) {
		l.clock = max(l.clock, at)
	}
}

// of returns what other nodes have of k. The slice must not be kept.
func (l *ledger) of(k Key, now time.Time) []remoteClaim {
	if i := l.remote.get(k, now); i != nil {
		l.prune(i, now)
		return i.value
	}
	return nil
}

// recent returns the releases that are remembered.
func (l *ledger) recent(now time.Time) []relay.Claimed {
	old := relay.Clock(now.Add(-releaseFor).UnixNano())
	n := max(0, len(l.releases)-maxReleases+1)
	for n < len(l.releases) && l.releases[n].At < old {
		n++
	}
	l.releases = slices.Delete(l.releases, 0, n)
	return l.releases
}

// full reports whether there is no room for what other nodes have.
func (l *ledger) full() bool { return len(l.remote.items.m) >= maxRemote }

// prune drops what has ended, and i with the last.
func (l *ledger) prune(i *item[[]remoteClaim], now time.Time) {
	i.value = slices.DeleteFunc(i.value, func(r remoteClaim) bool { return !r.end.IsZero() && !r.end.After(now) })
	var last time.Time
	for _, r := range i.value {
		if r.end.IsZero() {
			l.remote.keep(i)
			return
		}
		if r.end.After(last) {
			last = r.end
		}
	}
	if len(i.value) == 0 {
		l.remote.drop(i)
	} else {
		l.remote.until(i, last)
	}
}

// put notes what a node has of k, unless it has said something later.
func (l *ledger) put(k Key, r remoteClaim, now time.Time) bool {
	i := l.remote.get(k, now)
	if i == nil {
		if l.full() {
			return false
		}
		i = l.remote.add(k, nil)
	}
	at := slices.IndexFunc(i.value, func(o remoteClaim) bool { return o.node == r.node })
	switch {
	case at < 0:
		i.value = append(i.value, r)
	case i.value[at].at > r.at && !r.promised && !i.value[at].promised:
		return false // it comes late
	case r.promised && !i.value[at].promised && !i.value[at].over && i.value[at].owner == r.owner:
		return false // it has it
	default:
		i.value[at] = r
	}
	l.prune(i, now)
	return true
}

// remove drops what some nodes have.
func (l *ledger) remove(k Key, now time.Time, which func(remoteClaim) bool) {
	if i := l.remote.get(k, now); i != nil {
		i.value = slices.DeleteFunc(i.value, which)
		l.prune(i, now)
	}
}

// overrule drops what was heard of nodes that have nothing against w.
func (l *ledger) overrule(w want, votes map[relay.ID][]verdict, now time.Time) {
	l.remove(w.Key, now, func(r remoteClaim) bool { return votes[r.node] != nil && r.owner != w.Owner && !r.over })
}

// rival reports whether somebody else than owner has claimed k on another node, or with
// promised is about to.
func (l *ledger) rival(k Key, owner string, promised bool, now time.Time) bool {
	for _, r := range l.of(k, now) {
		if r.owner != "" && r.owner != owner && !r.over && (promised || !r.promised) {
			return true
		}
	}
	return false
}

// first returns the claim of another node that was made first.
func (l *ledger) first(k Key, now time.Time) (first remoteClaim, ok bool) {
	for _, r := range l.of(k, now) {
		if r.over || r.promised || r.owner == "" {
			continue
		}
		if !ok || earlier(r.since, r.owner, first.since, first.owner) {
			first, ok = r, true
		}
	}
	return first, ok
}

// has reports whether owner has claimed k on another node.
func (l *ledger) has(k Key, owner string, now time.Time) bool {
	return slices.ContainsFunc(l.of(k, now), func(r remoteClaim) bool { return r.owner == owner && !r.promised && !r.over })
}

// ownedBy reports whether k is owner's, by a claim on another node.
func (l *ledger) ownedBy(k Key, owner string, now time.Time) bool {
	first, ok := l.first(k, now)
	return ok && first.owner == owner
}

// earlier orders the claims of two owners, also if each has one on several nodes.
func earlier(a relay.Clock, of string, b relay.Clock, by string) bool {
	return a < b || a == b && of < by
}

// gone makes what a node has end in its time, because the node is not there any more.
// What it has bid for it does not get.
func (l *ledger) gone(node relay.ID, now time.Time) {
	delete(l.there, node)
	delete(l.syncs, node)
	var ends []*item[[]remoteClaim]
	for _, i := range l.remote.items.m {
		for n := range i.value {
			r := &i.value[n]
			switch {
			case r.node != node:
				continue
			case r.promised:
				r.end = now
			case r.end.IsZero():
				r.end = now.Add(r.keep)
			}
			ends = append(ends, i)
		}
	}
	for _, i := range ends {
		l.prune(i, now)
	}
}
