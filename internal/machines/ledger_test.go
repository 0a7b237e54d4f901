//go:build linux

package machines

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// account is what a fleet has come to.
type account struct {
	said     int // messages
	received int // by streams
	lost     int // by streams, and told of
	failed   int // had no answer, or a bad one
	twice    int
}

// heard is what a stream has received, in a form to look up.
type heard struct {
	*stream
	got   map[message]bool
	first map[string]time.Time // for each node: until then the first of its messages had been said
	last  map[string]time.Time // when the last of them was begun
}

// check compares what was said with what was received. It returns everything that is
// wrong; what is still on its way counts as wrong, too.
//
// A message that was answered reaches each stream of its room exactly once, from the
// first one of its node on that has reached it, and until the stream ends. If it does
// not, the node of the stream has been told a gap after it was begun, or its sender was
// told that the node was silent or not reached, or that it was not sent at all. What a
// report counts as delivered has been. Nothing comes twice to a page, nothing of another
// scope, and what was said at one node by one sender comes in order.
func (f *fleet) check() (a account, err error) {
	for _, m := range f.live() {
		f.note(m)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	wrong := func(format string, a ...any) {
		if len(errs) < 10 {
			errs = append(errs, fmt.Errorf(format, a...))
		}
	}
	known := map[string]*saying{} // without the node, which nobody knows of those that failed
	byPlace := map[string][]*saying{}
	for _, s := range f.sayings {
		known[id(s.message)] = s
		a.said++
		if s.err != nil || s.said.Err != "" {
			a.failed++
		} else {
			byPlace[s.Scope] = append(byPlace[s.Scope], s)
		}
	}
	got, ended := map[string]int{}, map[string]int{}
	for _, p := range f.pages {
		p.mu.Lock()
		twice := map[string]bool{}
		for i, st := range p.streams {
			name := fmt.Sprintf("%s of %s, stream %d at %s", p.user, p.scope, i, st.node)
			for _, e := range st.errs {
				wrong("%s: %s", name, e)
			}
			h := heard{st, map[message]bool{}, map[string]time.Time{}, map[string]time.Time{}}
			order := map[[2]string]int{}
			for _, m := range st.items {
				a.received++
				s := known[id(m)]
				if s == nil {
					wrong("%s has received %s, which nobody has said", name, m)
					continue
				}
				if twice[id(m)] {
					a.twice++
					wrong("%s has received %s twice", name, m)
				}
				twice[id(m)] = true
				got[id(m)]++
				of := [2]string{m.Sender, m.Via}
				if order[of] >= m.N {
					wrong("%s has received %s after number %d", name, m, order[of])
				}
				order[of] = m.N
				h.got[m] = true
				if t, ok := h.first[m.Via]; !ok || s.ended.Before(t) {
					h.first[m.Via] = s.ended
				}
				if s.began.After(h.last[m.Via]) {
					h.last[m.Via] = s.began
				}
			}
			if st.ended {
				ended[p.scope]++
			}
			for _, s := range byPlace[p.scope] {
				first, ok := h.first[s.Via]
				if h.got[s.message] || !ok || s.began.Before(first) || st.ended && s.ended.After(h.last[s.Via]) {
					continue
				}
				if f.told(s, st.node) {
					a.lost++
					continue
				}
				wrong("%s has not received %s (%q), and nobody was told: %+v", name, s, s.kind, s.said)
			}
		}
		p.mu.Unlock()
	}
	for _, s := range f.sayings {
		// What was in an outbox when its stream ended is not counted here.
		if most := got[id(s.message)] + ended[s.Scope] + f.others[s.Scope]; s.said.Delivered > most {
			wrong("%s (%q) counts as delivered to %d streams and has reached %d", s, s.kind, s.said.Delivered, most)
		}
	}
	return a, errors.Join(errs...)
}

// id names a message whatever node it was said to.
func id(m message) string { return fmt.Sprintf("%s/%s/%s/%d", m.Scope, m.Room, m.Sender, m.N) }

// told reports whether somebody was told that a message has not reached a node: its
// sender, or the node. f.mu is held.
func (f *fleet) told(s *saying, node string) bool {
	if s.said.Relay != "" || s.said.Unreached[node] != "" {
		return true
	}
	if slices.ContainsFunc(s.said.Silent, func(n string) bool { return strings.HasPrefix(n, node+" ") }) {
		return true
	}
	for _, g := range f.gaps[node] {
		to := g.To == relay.Address{} || g.To.Scope == s.Scope && (g.To.Category == s.Room || g.To.Category == "")
		from := g.From == relay.ID{} || f.names[node][g.From.String()] == s.Via
		if to && from && !g.At.Before(s.began) {
			return true
		}
	}
	return false
}

// done waits until everything has come to rest: all pages show the last state, and
// check finds nothing.
func (f *fleet) done() account {
	f.t.Helper()
	var a account
	until(f.t, "all is well in the end", func() (err error) {
		if err := f.shown(); err != nil {
			return err
		}
		a, err = f.check()
		return err
	})
	f.t.Logf("%d messages said, %d of them without an answer; %d received, %d lost and told of", a.said, a.failed, a.received, a.lost)
	if a.received < 10*len(f.pages) {
		f.t.Errorf("%d messages received: the test says nothing", a.received)
	}
	return a
}

// healed waits until all pages show the last state although nobody says anything.
func (f *fleet) healed() {
	f.t.Helper()
	until(f.t, "the pages show the last state", func() error { return f.shown() })
}

// quiet waits until no node renders anything any more.
func (f *fleet) quiet() {
	f.t.Helper()
	last, since := map[string]int{}, time.Now()
	until(f.t, "nothing is rendered", func() error {
		for _, m := range f.live() {
			s, err := m.status(f.client)
			if err != nil {
				return err
			}
			if s.Renders != last[m.Name] {
				last[m.Name], since = s.Renders, time.Now()
			}
		}
		if d := time.Since(since); d < 500*time.Millisecond {
			return fmt.Errorf("for %v", d)
		}
		return nil
	})
}

// behind says something at m, which is cut off, until its own pages show it and those of
// others do not.
func (f *fleet) behind(m *machine) {
	f.t.Helper()
	until(f.t, "others do not show what was said at "+m.Name, func() error {
		for _, scope := range scopes {
			f.say(m.url, scope, "last"+m.Name, "", false)
		}
		until(f.t, "the pages of "+m.Name+" show what was said there", func() error { return f.shown(m.Name) })
		if f.shown() == nil {
			return errors.New("they do") // a render of theirs came later
		}
		return nil
	})
}

// shown says which page does not show the last state, of all or of those at some nodes.
func (f *fleet) shown(at ...string) error {
	f.mu.Lock()
	pages := slices.Clone(f.pages)
	f.mu.Unlock()
	want := map[string]string{}
	for _, scope := range scopes {
		text, err := readState(f.dir, scope, room)
		if err != nil {
			return err
		}
		want[scope] = text
	}
	for _, p := range pages {
		s, open := p.current()
		if len(at) > 0 && !slices.Contains(at, s.node) {
			continue
		}
		if !open || s.board != want[p.scope] {
			return fmt.Errorf("%s of %s at %s (open %t) shows %q, want %q", p.user, p.scope, s.node, open, s.board, want[p.scope])
		}
	}
	return nil
}
