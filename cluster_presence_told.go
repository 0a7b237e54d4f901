package sfere

import (
	"cmp"
	"slices"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// told takes what another node says of its keys. All of it is from outside: what is not
// valid or too much is refused, and harms the entries of no other node.
func (o *others) told(m relay.Received, p relay.Presence) {
	warn := o.take(m.From, m.To, p)
	for _, f := range warn {
		f()
	}
}

// progressWithin is within what time the next part of a full state has to come.
const progressWithin = 2 * time.Second

// take is told. It returns what is to be logged, under no lock.
func (o *others) take(from relay.ID, to relay.Address, p relay.Presence) (warn []func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.nodes[from]
	if n == nil {
		return nil
	}
	r := n.of[to]
	if r == nil {
		return nil // nobody watches any more
	}
	n.hash ^= r.part()
	in := &intake{o: o, n: n, r: r, now: time.Now()}
	switch {
	case p.Full:
		in.part(p)
	case p.Seq == p.After:
		in.same(p)
	case p.Seq < p.After:
		in.refuse("its numbers go backwards", "address", to)
	case p.After == r.seq && r.seq != 0:
		hole := len(r.waiting) > 0
		in.change(p)
		in.follow(hole)
	case p.Seq > r.seq:
		in.early(p)
	}
	n.hash ^= r.part()
	n.seq = max(n.seq, r.seq)
	n.compare(in.now)
	if n.asking > 0 || !n.check.IsZero() {
		poke(o.s.wake)
	}
	return in.warn
}

// intake is one message that is being taken. others.mu is held.
type intake struct {
	o    *others
	n    *remote
	r    *replica
	now  time.Time
	warn []func()
}

// refuse counts something that is not taken.
func (in *intake) refuse(why string, args ...any) {
	if f := in.n.warned.add(in.n.name, why, args...); f != nil {
		in.warn = append(in.warn, f)
	}
}

// lost asks for everything.
func (in *intake) lost() {
	in.r.seq, in.n.seq = 0, 0
	in.n.ask(in.r, in.now)
}

// same takes that nothing follows a state.
func (in *intake) same(p relay.Presence) {
	r := in.r
	switch {
	case p.Seq == r.seq && p.Hash == r.hash:
		in.n.settle(r)
	case p.Seq == r.seq:
		in.lost()
	case p.Seq > r.seq:
		in.n.ask(r, in.now)
	default:
		in.old()
	}
}

// old is called for an answer from before what is known. It has been overtaken, or what
// is known never was true.
func (in *intake) old() {
	if r := in.r; !r.due.IsZero() && r.tries > 2 {
		in.lost()
	}
}

// change takes a change that follows what is known.
func (in *intake) change(p relay.Presence) {
	r := in.r
	for _, g := range p.Gone {
		if k, ok := in.key(g.Key); ok {
			in.went(k, g.Final)
		}
	}
	for _, v := range p.Here {
		if k, ok := in.key(v.Key); ok {
			in.came(k, v.Since)
		}
	}
	r.seq, r.hash = p.Seq, p.Hash
	if !r.due.IsZero() {
		r.tries, in.n.backoff = min(r.tries, 1), 0 // it was right to ask
	}
	if r.sum != r.hash && !r.flawed {
		in.lost()
	}
}

// early keeps a change until what is before it has come.
func (in *intake) early(p relay.Presence) {
	r := in.r
	in.n.ask(r, in.now)
	if len(r.waiting) == maxWaiting || !in.hold(p) {
		for _, w := range r.waiting {
			in.free(w)
		}
		r.waiting = nil // the answer will have it all
		return
	}
	r.waiting = append(r.waiting, p)
}

// hold notes that p is kept. It reports false if the node has too much of that.
func (in *intake) hold(p relay.Presence) bool {
	if in.n.held+weight(p) > in.o.maxBytes {
		return false
	}
	in.keep(p)
	return true
}

func (in *intake) keep(p relay.Presence) {
	in.n.held += weight(p)
	in.r.held += weight(p)
}

// trim takes from a full state what is too much. The sum tells.
func (in *intake) trim(p *relay.Presence) {
	room := in.o.maxBytes - in.n.held - perKey
	for i, v := range p.Here {
		if room -= bytesOf(Key(v.Key)); room < 0 {
			p.Here = slices.Clone(p.Here[:i])
			return
		}
	}
}

func (in *intake) free(p relay.Presence) {
	in.n.held -= weight(p)
	in.r.held -= weight(p)
}

// weight is about what a message costs in memory.
func weight(p relay.Presence) int {
	size := perKey
	for _, v := range p.Here {
		size += bytesOf(Key(v.Key))
	}
	for _, g := range p.Gone {
		size += bytesOf(Key(g.Key))
	}
	return size
}

// follow takes what has waited for the message before. answered says that nothing else
// is missing if that is all.
func (in *intake) follow(answered bool) {
	r := in.r
	slices.SortFunc(r.waiting, func(a, b relay.Presence) int { return cmp.Compare(a.After, b.After) })
	var rest []relay.Presence
	for _, p := range r.waiting {
		if p.After == r.seq && r.seq != 0 {
			in.change(p)
		}
		if r.seq != 0 && p.Seq <= r.seq {
			in.free(p)
		} else {
			rest = append(rest, p)
		}
	}
	switch r.waiting = rest; {
	case r.seq == 0: // everything has been asked for
	case len(rest) > 0:
		in.n.ask(r, in.now)
	case answered:
		in.n.settle(r)
	}
}

// part takes a part of a full state.
func (in *intake) part(p relay.Presence) {
	r := in.r
	switch {
	case p.Seq < r.seq:
		in.old()
		return
	case p.Seq == r.seq:
		return // it has come twice
	case p.Part < 0 || p.Part >= maxParts:
		in.refuse("a full state has too many parts", "address", r.to.to, "part", p.Part)
		return
	case r.parts == nil || p.Seq > r.partsOf:
		in.freeParts()
		r.parts, r.partsOf, r.last = map[int]relay.Presence{}, p.Seq, -1
	}
	if _, had := r.parts[p.Part]; had || p.Seq < r.partsOf {
		return
	}
	if !p.More {
		r.last = p.Part
	}
	p.Gone = nil
	in.trim(&p)
	in.keep(p)
	r.parts[p.Part] = p
	if !r.due.IsZero() {
		r.due = in.now.Add(progressWithin)
	}
	if r.last >= 0 && len(r.parts) > r.last {
		in.install(p.Seq, p.Hash)
		in.follow(true)
	}
}

func (in *intake) freeParts() {
	for _, p := range in.r.parts {
		in.free(p)
	}
	in.r.parts = nil
}

// install replaces everything by a full state.
func (in *intake) install(seq, hash uint64) {
	r := in.r
	r.flawed, in.n.backoff = false, 0
	here := map[Key]time.Time{}
	for _, p := range r.parts {
		for _, v := range p.Here {
			if k, ok := in.key(v.Key); ok {
				here[k] = v.Since
			}
		}
	}
	in.freeParts()
	for k := range r.keys.m {
		if _, still := here[k]; !still {
			in.went(k, false)
		}
	}
	for k, since := range here {
		in.came(k, since)
	}
	r.seq, r.hash = seq, hash
	if r.sum != hash && !r.flawed {
		// Asking again would lead to the same: something was too much, or the node is
		// another version of the program.
		in.refuse("its keys are not those that it counts", "address", r.to.to)
		r.flawed = true
	}
}

// key returns a key of the message, if it is one of the address.
func (in *intake) key(a relay.Address) (Key, bool) {
	k, ok := long(a, in.r.to.to)
	if !ok {
		in.refuse("a key is not valid, or of another address", "address", in.r.to.to)
		in.r.flawed = true
	}
	return k, ok
}

func (in *intake) came(k Key, since time.Time) {
	r, n := in.r, in.n
	if _, had := r.keys.m[k]; had {
		return
	}
	if n.keys >= in.o.maxKeys || n.bytes+bytesOf(k) > in.o.maxBytes {
		in.refuse("it has too many keys", "address", r.to.to, "most", in.o.maxKeys, "bytes", in.o.maxBytes)
		r.flawed = true
		return
	}
	since = believable(since, in.now)
	r.keys.set(k, since)
	n.keys++
	n.bytes += bytesOf(k)
	r.sum ^= hashOf(k)
	r.to.came(k, since)
}

func (in *intake) went(k Key, final bool) {
	r, n := in.r, in.n
	if _, had := r.keys.m[k]; !had {
		return
	}
	r.keys.delete(k)
	n.keys--
	n.bytes -= bytesOf(k)
	r.sum ^= hashOf(k)
	r.to.went(k, final)
}
