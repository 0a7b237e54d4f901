package sfere

import (
	"slices"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// vote says whether another node may have keys. What this node has nothing against it
// does not give to anybody else until it is told what has become of them, or for a
// while.
func (cl *cluster) vote(from relay.ID, q bidding) []verdict {
	if len(q.Wants) == 0 || len(q.Wants) > maxWants {
		return nil
	}
	for _, w := range q.Wants {
		if w.Key.Validate() != nil || len(w.Owner) > maxOwner || w.Owner == "" && !w.Alone {
			return nil
		}
	}
	now := time.Now()
	self := cl.node.ID()
	c := cl.c
	c.mu.Lock()
	defer c.mu.Unlock()
	cl.book.see(q.At, now)
	out := make([]verdict, len(q.Wants))
	granted := true
	for i, w := range q.Wants {
		out[i] = cl.judge(self, from, q.At, w, now)
		granted = granted && out[i].granted()
	}
	if !granted {
		return out
	}
	for _, w := range q.Wants {
		if b := cl.book.bids[w.Key]; b != nil && b.clashes(w) { // it is the later one
			b.lost = true
		}
		cl.book.put(w.Key, remoteClaim{node: from, owner: w.Owner, alone: w.Alone, at: q.At, end: now.Add(cl.promiseFor()), promised: true}, now)
	}
	return out
}

// promiseFor is how long a key is kept for a node that has been told it may have it.
func (cl *cluster) promiseFor() time.Duration { return 4*cl.within + time.Second }

// judge says what speaks on this node against w of another one. Conns.mu is held.
func (cl *cluster) judge(self, from relay.ID, at relay.Clock, w want, now time.Time) (v verdict) {
	c := cl.c
	i, live := c.claims.get(w.Key, now), false
	if i == nil || w.Alone {
		live = len(c.live(w.Key)) > 0
	}
	b := cl.book.bids[w.Key]
	switch {
	case i != nil && i.value.owner != w.Owner, live:
		v.Taken = true
	case b != nil && b.clashes(w) && (b.won || before(b.at, self, at, from)):
		v.Busy = true
	case cl.book.full():
		v.Busy = true
	}
	for _, r := range cl.book.of(w.Key, now) {
		if r.node != from && !r.over && w.clashes(want{w.Key, r.owner, r.alone && r.promised}) {
			v.By = append(v.By, blocker{r.node, !r.promised})
		}
	}
	return v
}

func (b *bid) clashes(w want) bool {
	return slices.ContainsFunc(b.wants, func(mine want) bool { return mine.Key == w.Key && mine.clashes(w) })
}

// before reports whether what node a did comes before what node b did.
func before(a relay.Clock, of relay.ID, b relay.Clock, by relay.ID) bool {
	if a != b {
		return a < b
	}
	return slices.Compare(of[:], by[:]) < 0
}
