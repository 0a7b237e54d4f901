package sfere

import (
	"errors"
	"log/slog"
	"time"

	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/relay"
)

// What the goroutine of sharing does for the feeds.

// perTurn is how many messages of answers are sent before changes are told again.
const perTurn = 16

// sweepEvery is how often feeds are ended that nobody has asked for any more.
const sweepEvery = leaseFor / 6

// work tells what is due and answers questions. It returns when there is more to do.
func (f *feeds) work() (due time.Time) {
	now := time.Now()
	f.mu.Lock()
	questions, departed := f.questions, f.departed
	f.questions, f.departed = map[asking]relay.Known{}, nil
	f.mu.Unlock()
	for _, id := range departed {
		f.drop(func(from relay.ID, _ time.Time) bool { return from == id })
	}
	for at, k := range questions {
		f.answer(at, k, now)
	}
	if now.Sub(f.swept) >= sweepEvery {
		f.swept = now
		f.drop(func(_ relay.ID, last time.Time) bool { return now.Sub(last) > leaseFor })
	}
	f.mu.Lock()
	due = f.due
	some := len(f.m) > 0
	f.mu.Unlock()
	if !due.IsZero() && !due.After(now) {
		f.tellAll()
		due = time.Time{}
	}
	f.mark()
	if f.give() {
		due = earliest(due, now.Add(fullAgain))
	}
	if some {
		due = earliest(due, f.swept.Add(sweepEvery))
	}
	return due
}

// tellAll tells everything that has changed.
func (f *feeds) tellAll() {
	type news struct {
		to  relay.Address
		all []relay.Presence
	}
	var out []news
	f.mu.Lock()
	for _, d := range f.changed {
		if f.m[d.to] == d {
			out = append(out, news{d.to, f.tell(d)})
		}
	}
	f.changed, f.due = nil, time.Time{}
	f.mu.Unlock()
	for _, n := range out {
		f.send(n.to, n.all)
	}
	f.mark()
}

// end tells what is still to be told, and counts streams no more.
func (f *feeds) end() {
	f.tellAll()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.m, f.of = map[relay.Address]*feed{}, [levels]int{}
	f.s.cl.c.feeding.Store(nil)
}

// send tells everybody who has asked. What the relay does not take is missed, and the
// others notice by the numbers.
func (f *feeds) send(to relay.Address, all []relay.Presence) {
	for _, m := range all {
		_, err := f.s.cl.node.Send(relay.Envelope{To: to, Body: m})
		f.failed(err)
	}
}

// failed logs what should not happen. A relay that is down or full is told elsewhere.
func (f *feeds) failed(err error) {
	if errors.Is(err, relay.ErrTooLarge) {
		slog.Error("sfere: presence cannot be told", "error", core.SafeText(err))
	}
}

// mark says with every beat where this node is.
func (f *feeds) mark() {
	f.mu.Lock()
	m := relay.PresenceMark{Seq: f.seq, Hash: f.hash}
	same := m == f.marked
	f.marked = m
	f.mu.Unlock()
	if !same {
		f.s.cl.node.SetPresence(m)
	}
}

// answer answers one question.
func (f *feeds) answer(at asking, k relay.Known, now time.Time) {
	f.mu.Lock()
	d := f.m[at.to]
	known := false
	if d != nil {
		_, known = d.asked[at.from]
	}
	var warn func()
	tooMany := !known && f.asks[at.from] >= maxFeeds
	if tooMany {
		warn = f.warned.add(at.from.String(), "it asks for too many addresses", "address", at.to)
	}
	f.mu.Unlock()
	if tooMany {
		if warn != nil {
			warn()
		}
		return
	}
	if d == nil {
		d = f.begin(at.to)
	}
	f.mu.Lock()
	if !known {
		f.asks[at.from]++
	}
	d.asked[at.from] = now
	told := f.tell(d)
	missing := d.missing(k)
	var all []relay.Visitor
	if missing == nil && d.full == nil {
		all = d.everybody()
	}
	first := relay.Presence{Seq: d.seq, Hash: d.hash, Full: true}
	f.mu.Unlock()
	if missing == nil {
		if d.full == nil {
			d.full = parts(first, all)
			f.fulls = append(f.fulls, d)
		}
		missing = d.full
	}
	f.send(d.to, told)
	if _, waits := f.answers[at]; !waits {
		f.queue = append(f.queue, at)
	}
	f.answers[at] = missing
}

// begin makes a feed of the streams that there are.
func (f *feeds) begin(to relay.Address) *feed {
	d := &feed{to: to, asked: map[relay.ID]time.Time{}}
	p := patternOf(to)
	c := f.s.cl.c
	c.mu.RLock() // nobody comes or goes meanwhile
	defer c.mu.RUnlock()
	for _, e := range c.index.appendMatches(nil, p) {
		if !e.isLive {
			continue
		}
		opened := e.stream.Info().Opened
		for h := range e.holdings() {
			if !p.Matches(h.key) {
				continue
			}
			l := d.keys.m[h.key]
			if l == nil {
				l = &local{since: opened, told: true}
				d.keys.set(h.key, l)
				d.hash ^= hashOf(h.key)
			}
			l.count++
			if opened.Before(l.since) {
				l.since = opened
			}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seq++
	d.seq = f.seq
	f.hash ^= partOf(to, d.hash)
	f.m[to] = d
	f.of[levelOf(to)]++
	c.feeding.Store(f)
	return d
}

// drop ends the interest of nodes, and the feeds that nobody is interested in any more.
func (f *feeds) drop(out func(from relay.ID, last time.Time) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for to, d := range f.m {
		for id, last := range d.asked {
			if out(id, last) {
				delete(d.asked, id)
				if f.asks[id]--; f.asks[id] == 0 {
					delete(f.asks, id)
				}
			}
		}
		if len(d.asked) > 0 {
			continue
		}
		delete(f.m, to)
		f.of[levelOf(to)]--
		f.seq++
		f.hash ^= partOf(to, d.hash)
	}
	if len(f.m) == 0 {
		f.s.cl.c.feeding.Store(nil)
	}
}

// give sends answers. It reports whether the relay takes nothing more at the moment.
func (f *feeds) give() (full bool) {
	for range perTurn {
		if len(f.queue) == 0 {
			for _, d := range f.fulls {
				d.full = nil
			}
			f.fulls = nil
			return false
		}
		at := f.queue[0]
		err := f.s.cl.node.SendTo(at.from, relay.Envelope{To: at.to, Body: f.answers[at][0]})
		if errors.Is(err, relay.ErrFull) {
			return true
		}
		f.failed(err)
		if f.answers[at] = f.answers[at][1:]; err != nil || len(f.answers[at]) == 0 { // who gets half of it asks again
			delete(f.answers, at)
			f.queue = f.queue[1:]
		}
	}
	poke(f.s.wake)
	return false
}
