package sfere

import (
	"slices"
	"sync"
	"time"

	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
)

// feeds are what this node tells others of who is here, for each address that another
// one has asked for. Nobody pays for what nobody asks for.
type feeds struct {
	s      *sharing
	maxLog int

	// answers and what follows belong to the goroutine of sharing, as does making and
	// ending a feed.
	answers map[asking][]relay.Presence // what each is still to be told
	queue   []asking                    // of answers; each at most once
	fulls   []*feed                     // that have a full state in memory
	swept   time.Time

	// mu guards the fields below and those of every feed. Conns.mu may be held when it is
	// taken; nothing is called and no other lock is taken under it.
	mu        sync.Mutex
	m         map[relay.Address]*feed
	of        [levels]int // feeds of each form
	seq, hash uint64
	marked    relay.PresenceMark // was told to the node
	changed   []*feed            // that have something to tell
	due       time.Time          // when it is told
	questions map[asking]relay.Known
	asks      map[relay.ID]int // addresses that each node has asked for
	departed  []relay.ID       // nodes that have left
	warned    warnings
}

// asking is who asks for what.
type asking struct {
	from relay.ID
	to   relay.Address
}

// feed is what is told of one address.
type feed struct {
	to        relay.Address
	seq, hash uint64 // of what has been told
	keys      shrinking[Key, *local]
	changed   []Key // that differ from what has been told, perhaps
	log       []relay.Presence
	logged    int                    // changes in log
	full      []relay.Presence       // for those who ask at one moment; belongs to the goroutine of sharing
	asked     map[relay.ID]time.Time // who is told, and when they asked last
}

// local is a key with live streams on this node, or one whose end is to be told.
type local struct {
	count   int
	since   time.Time
	told    bool // that it is here
	final   bool // its last stream was sent away
	changed bool // it is in feed.changed
}

// each calls do for the feeds that k is in. f.mu is held.
func (f *feeds) each(k Key, do func(*feed)) {
	for level, n := range f.of {
		if n == 0 {
			continue
		}
		if d := f.m[k.at(level)]; d != nil {
			do(d)
		}
	}
}

// came is called under Conns.mu when one more live stream has k.
func (f *feeds) came(k Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.add(k, time.Now())
}

// live is called under Conns.mu when the first effects of e have run.
func (f *feeds) live(e *entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	for h := range e.holdings() {
		f.add(h.key, now)
	}
}

// left is called under Conns.mu when e, which was live, is gone.
func (f *feeds) left(e *entry, cause sse.Cause) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for h := range e.holdings() {
		f.each(h.key, func(d *feed) { f.take(d, h.key, !returns(cause)) })
	}
}

// add counts one stream. f.mu is held.
func (f *feeds) add(k Key, now time.Time) {
	f.each(k, func(d *feed) {
		l := d.keys.m[k]
		if l == nil {
			l = &local{since: now}
			d.keys.set(k, l)
		}
		if l.count++; l.count == 1 {
			f.differs(d, k, l)
		}
	})
}

// take counts one stream less. f.mu is held.
func (f *feeds) take(d *feed, k Key, final bool) {
	l := d.keys.m[k]
	if l == nil || l.count == 0 {
		return // it was live before the feed began, and was not found any more
	}
	if l.count--; l.count == 0 {
		l.final = final
		f.differs(d, k, l)
	}
}

// differs notes that k is to be looked at when the changes are told. f.mu is held.
func (f *feeds) differs(d *feed, k Key, l *local) {
	if l.changed {
		return
	}
	l.changed = true
	if len(d.changed) == 0 {
		f.changed = append(f.changed, d)
	}
	d.changed = append(d.changed, k)
	if f.due.IsZero() {
		f.due = time.Now().Add(gatherFor)
		poke(f.s.wake)
	}
}

// tell returns the messages for what has changed under an address. f.mu is held.
func (f *feeds) tell(d *feed) (out []relay.Presence) {
	var m relay.Presence
	size := 0
	f.hash ^= partOf(d.to, d.hash)
	end := func() {
		if size > 0 {
			f.seq++
			m.Seq, m.After, m.Hash = f.seq, d.seq, d.hash
			d.seq = f.seq
			out = append(out, m)
			d.note(m, f.maxLog)
			m, size = relay.Presence{}, 0
		}
	}
	for _, k := range d.changed {
		l := d.keys.m[k]
		l.changed = false
		here, a := l.count > 0, short(k, d.to)
		switch {
		case here == l.told:
		case here:
			m.Here = append(m.Here, relay.Visitor{Key: a, Since: l.since.UTC()})
		default:
			m.Gone = append(m.Gone, relay.Departure{Key: a, Final: l.final})
		}
		if here != l.told {
			d.hash ^= hashOf(k)
			l.told = here
			size += sizeOf(a)
		}
		if !here {
			d.keys.delete(k)
		}
		if size > tellBytes {
			end()
		}
	}
	end()
	f.hash ^= partOf(d.to, d.hash)
	if d.changed = nil; len(out) > 0 {
		d.full = nil
	}
	return out
}

// note remembers a message for those who miss it.
func (d *feed) note(m relay.Presence, most int) {
	d.log = append(d.log, m)
	d.logged += len(m.Here) + len(m.Gone)
	for d.logged > most {
		d.logged -= len(d.log[0].Here) + len(d.log[0].Gone)
		d.log[0] = relay.Presence{}
		d.log = d.log[1:]
	}
}

// missing returns what somebody lacks who knows k; nothing if that is everything. f.mu
// is held.
func (d *feed) missing(k relay.Known) []relay.Presence {
	if k.Seq == d.seq && k.Hash == d.hash {
		return []relay.Presence{{Seq: d.seq, After: d.seq, Hash: d.hash}}
	}
	for i, m := range d.log {
		if m.After == k.Seq {
			return slices.Clone(d.log[i:])
		}
	}
	return nil
}

// everybody returns who is there. f.mu is held, and streams that open or close wait for
// it: the messages are made later.
func (d *feed) everybody() []relay.Visitor {
	all := make([]relay.Visitor, 0, len(d.keys.m))
	for k, l := range d.keys.m {
		all = append(all, relay.Visitor{Key: short(k, d.to), Since: l.since.UTC()})
	}
	return all
}

// parts returns a full state as messages. m is the first without those who are there.
func parts(m relay.Presence, all []relay.Visitor) (out []relay.Presence) {
	from, size := 0, 0
	for i, v := range all {
		if size > tellBytes {
			one := m
			one.More, one.Here = true, all[from:i:i]
			out = append(out, one)
			m.Part++
			from, size = i, 0
		}
		size += sizeOf(v.Key)
	}
	m.Here = all[from:]
	return append(out, m)
}

// asked takes the questions of another node. They are answered on the goroutine of
// sharing.
func (f *feeds) asked(from relay.ID, in relay.Interest) {
	var warn func()
	f.mu.Lock()
	for _, k := range in.Of {
		if at := (asking{from, k.To}); k.To.Carrier() == k.To && len(f.questions) < 2*maxFeeds {
			f.questions[at] = k
		} else {
			warn = f.warned.add(from.String(), "it asks for an address that there is not, or for too many", "address", k.To)
		}
	}
	poke(f.s.wake)
	f.mu.Unlock()
	if warn != nil {
		warn()
	}
}

// leaves is told of a node that has left.
func (f *feeds) leaves(id relay.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.departed = append(f.departed, id)
	poke(f.s.wake)
}

// outline returns what is shown of this node.
func (f *feeds) outline(self relay.ID) NodePresence {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := NodePresence{Node: self, Self: true, Addresses: len(f.m), Refused: f.warned.count}
	for _, d := range f.m {
		n.Keys += len(d.keys.m)
	}
	return n
}
