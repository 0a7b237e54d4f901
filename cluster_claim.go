package sfere

import (
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// Each node tells the others what it has claimed whenever that changes. What is lost is
// a gap, after which everything is told again. A claim that a stream holds needs no
// renewal: it lasts as long as its node is there, and then for its time.

// toTell are claims that other nodes are to be told of. cluster.mu guards it.
type toTell struct {
	keys     map[Key]bool    // as they are when they are told
	released []relay.Claimed // given up on all nodes
}

const (
	// maxTold bounds what is told at once, and toldBytes its size as JSON at its worst.
	maxTold       = 1000
	toldBytes     = 256 << 10
	maxReleased   = 1 << 16
	maxClaimParts = 1 << 16
)

// told notes that other nodes are to be told what has become of keys.
func (cl *cluster) told(wants []want) {
	for _, w := range wants {
		cl.tellOf(w.Key)
	}
}

// tellOf is told for one key. Conns.mu may be held.
func (cl *cluster) tellOf(k Key) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.claimed.keys[k] = true
	poke(cl.wake)
}

// tellClaims tells all nodes what is to be told.
func (cl *cluster) tellClaims() {
	cl.mu.Lock()
	keys, all := cl.claimed.keys, cl.claimed.released
	if len(keys)+len(all) == 0 {
		cl.mu.Unlock()
		return
	}
	cl.claimed.keys, cl.claimed.released = map[Key]bool{}, nil
	cl.mu.Unlock()
	now := time.Now()
	c := cl.c
	c.mu.Lock()
	for k := range keys {
		if cl.book.bids[k] != nil { // it is told when that has ended
			continue
		}
		all = append(all, cl.claimedHere(k, now))
	}
	c.mu.Unlock()
	for some := range chunks(all) {
		// What cannot be sent is a gap for the others.
		_, _ = cl.node.Send(relay.Envelope{Body: relay.Claims{All: some}})
	}
}

// claimedHere returns what this node has of k. Conns.mu is held.
func (cl *cluster) claimedHere(k Key, now time.Time) relay.Claimed {
	out := relay.Claimed{Key: addressOf(k), At: cl.book.tick()}
	i := cl.c.claims.get(k, now)
	if i == nil {
		out.Over = true
		return out
	}
	out.Owner, out.Since, out.For, out.Stream = i.value.owner, i.value.since, i.value.keep, i.value.streams > 0
	if !out.Stream {
		out.Left = i.end.Sub(now)
	}
	return out
}

// chunks cuts claims so that each part fits into a packet.
func chunks(all []relay.Claimed) func(func([]relay.Claimed) bool) {
	return func(yield func([]relay.Claimed) bool) {
		from, size := 0, 0
		for i, c := range all {
			// A byte of a text takes up to six in JSON.
			n := 200 + 6*(len(c.Key.Scope)+len(c.Key.Category)+len(c.Key.ID)+len(c.Owner))
			if i > from && (size+n > toldBytes || i-from == maxTold) {
				if !yield(all[from:i:i]) {
					return
				}
				from, size = i, 0
			}
			size += n
		}
		if len(all) > from {
			yield(all[from:])
		}
	}
}

// release tells all nodes that owner gives k up. Conns.mu is held.
func (cl *cluster) release(k Key, owner string) {
	one := relay.Claimed{Key: addressOf(k), Owner: owner, At: cl.book.tick(), Released: true}
	cl.book.releases = append(cl.book.recent(time.Now()), one)
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if len(cl.claimed.released) < maxReleased {
		cl.claimed.released = append(cl.claimed.released, one)
	}
	poke(cl.wake)
}

// sync tells one node everything.
func (cl *cluster) sync(to relay.ID) {
	now := time.Now()
	c := cl.c
	c.mu.Lock()
	start := cl.book.tick()
	c.claims.sweep(now)
	all := make([]relay.Claimed, 0, len(c.claims.items.m))
	for k := range c.claims.items.m {
		all = append(all, cl.claimedHere(k, now))
	}
	all = append(all, cl.book.recent(now)...)
	c.mu.Unlock()
	parts := slices.Collect(chunks(all))
	if len(parts) == 0 {
		parts = [][]relay.Claimed{nil}
	}
	for i, p := range parts {
		cl.sayTo(control{Claims: &relay.Claims{Start: start, Part: i, Parts: len(parts), All: p}}, to)
	}
}

// claimsSync is a list of all claims of a node that is coming in.
type claimsSync struct {
	start relay.Clock
	parts map[int]bool // that have come
}

// heard takes what another node says of its claims.
func (cl *cluster) heard(from relay.ID, said relay.Claims) {
	if len(said.All) > maxTold || said.Parts < 0 || said.Parts > maxClaimParts || said.Part < 0 {
		return
	}
	now := time.Now()
	c := cl.c
	var ended []*entry
	var lost []Key
	c.mu.Lock()
	for _, one := range said.All {
		k := Key(one.Key)
		if k.Validate() != nil || len(one.Owner) > maxOwner || one.For < 0 || one.Left < 0 {
			continue
		}
		cl.book.see(one.At, now)
		if one.Released {
			cl.releasedThere(k, one, now)
			continue
		}
		gone, forfeited := cl.claimedThere(from, k, one, now)
		if ended = append(ended, gone...); forfeited {
			lost = append(lost, k)
		}
	}
	cl.whole(from, said, now)
	c.mu.Unlock()
	for _, e := range ended {
		e.end()
	}
	if len(lost) > 0 {
		slog.Warn("sfere: keys were taken on two machines that did not hear each other; the later claims were ended",
			"keys", len(lost), "such as", lost[0].String(), "streams", len(ended), "of", cl.nameOf(from))
	}
}

// claimedThere notes a claim of another node. It reports whether one of this node, or
// streams without one, had to give way to it, and returns the streams, which have been
// taken out. Conns.mu is held.
func (cl *cluster) claimedThere(from relay.ID, k Key, one relay.Claimed, now time.Time) (ended []*entry, forfeited bool) {
	c := cl.c
	r := remoteClaim{node: from, owner: one.Owner, since: one.Since, at: one.At, keep: min(one.For, maxKeep)}
	switch {
	case one.Over || one.Owner == "":
		r.over, r.owner, r.end = true, "", now.Add(overFor)
	case !one.Stream:
		r.end = now.Add(min(one.Left, maxKeep))
	case !cl.book.there[from]:
		r.end = now.Add(r.keep + goneFor)
	}
	if !cl.book.put(k, r, now) || r.over {
		return nil, false
	}
	i := c.claims.get(k, now)
	switch {
	case i == nil:
	case i.value.owner == one.Owner:
		i.value.since = min(i.value.since, one.Since)
		return nil, false
	case earlier(i.value.since, i.value.owner, one.Since, one.Owner):
		cl.tellOf(k) // the other node may not have heard of it
		return nil, false
	}
	forfeited = i != nil
	for _, e := range c.live(k) {
		if c.takeOut(e, CauseForfeited) {
			ended = append(ended, e)
		}
	}
	if i := c.claims.get(k, now); i != nil {
		c.claims.drop(i)
		cl.tellOf(k)
	}
	return ended, forfeited || len(ended) > 0
}

// releasedThere ends the claims of an owner who has given k up on another node.
// Conns.mu is held.
func (cl *cluster) releasedThere(k Key, one relay.Claimed, now time.Time) {
	i := cl.c.claims.get(k, now)
	if i == nil || i.value.owner != one.Owner {
		return
	}
	if i.value.made <= one.At {
		i.value.keep = 0
		cl.c.claims.rest(i, now)
	}
	cl.tellOf(k) // the other node takes it for over
}

// whole drops what a node does not have any more, when all parts of its list have come.
// Conns.mu is held.
func (cl *cluster) whole(from relay.ID, said relay.Claims, now time.Time) {
	if said.Parts == 0 {
		return
	}
	s := cl.book.syncs[from]
	if s == nil || s.start < said.Start {
		if s == nil && !cl.book.there[from] {
			return
		}
		s = &claimsSync{said.Start, map[int]bool{}}
		cl.book.syncs[from] = s
	}
	if s.start != said.Start || said.Part >= said.Parts {
		return
	}
	if s.parts[said.Part] = true; len(s.parts) < said.Parts {
		return
	}
	s.parts = map[int]bool{}
	stale := func(r remoteClaim) bool { return r.node == from && !r.promised && r.at < s.start }
	for _, k := range slices.Collect(maps.Keys(cl.book.remote.items.m)) {
		cl.book.remove(k, now, stale)
	}
}

// claimsOf is told that a node is there, or is not.
func (cl *cluster) claimsOf(m relay.Member) {
	c := cl.c
	c.mu.Lock()
	defer c.mu.Unlock()
	switch m.State {
	case relay.Live:
		cl.book.there[m.ID] = true
	case relay.Down, relay.Left:
		cl.book.gone(m.ID, time.Now())
	}
}

// nameOf returns the name of a node for people.
func (cl *cluster) nameOf(id relay.ID) string {
	a := relay.Answer{Node: id}
	for _, m := range cl.node.Members() {
		if m.ID == id {
			a.Name = m.Name
		}
	}
	return nameOf(a)
}
