//go:build linux

package machines

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// What the tests of the processes compare finds what it is there for.
func TestLedger(t *testing.T) {
	t0 := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	room := func(scope, name string) relay.Address { return relay.Address{Scope: scope, Category: name} }
	for _, c := range []struct {
		name, reason string
		change       func(f *fleet, s *stream)
		want         string // in the error; empty for none
	}{
		{"all", "everything came once", func(*fleet, *stream) {}, ""},
		{"lost", "one is missing, and nobody was told", func(f *fleet, s *stream) { lose(s, 2) }, "has not received acme/lobby/s/2/a"},
		{"lost at the end", "the last one counts as well while the stream is open", func(f *fleet, s *stream) { lose(s, 4) }, "has not received acme/lobby/s/4/a"},
		{"cut", "what came after the stream had ended is not its own", func(f *fleet, s *stream) { lose(s, 4); s.ended = true }, ""},
		{"cut in between", "what came before the last one is", func(f *fleet, s *stream) { lose(s, 2); s.ended = true }, "has not received acme/lobby/s/2/a"},
		{"new", "what was said before the first that came is not expected", func(f *fleet, s *stream) { lose(s, 1) }, ""},
		{"gap", "the node was told", func(f *fleet, s *stream) {
			lose(s, 2)
			f.gap("b", relay.Gap{To: room("acme", "lobby")}, t0.Add(time.Hour))
		}, ""},
		{"early gap", "it was told before that", func(f *fleet, s *stream) { lose(s, 2); f.gap("b", relay.Gap{To: room("acme", "lobby")}, t0) }, "has not received"},
		{"gap elsewhere", "another node was told", func(f *fleet, s *stream) { lose(s, 2); f.gap("c", relay.Gap{}, t0.Add(time.Hour)) }, "has not received"},
		{"gap of another scope", "it was told of others", func(f *fleet, s *stream) {
			lose(s, 2)
			f.gap("b", relay.Gap{To: room("rival", "lobby")}, t0.Add(time.Hour))
		}, "has not received"},
		{"gap of another node", "it was told of another sender", func(f *fleet, s *stream) {
			lose(s, 2)
			f.gap("b", relay.Gap{From: relay.ID{9}}, t0.Add(time.Hour))
		}, "has not received"},
		{"silent", "the sender was told", func(f *fleet, s *stream) { lose(s, 2); f.sayings[1].said.Silent = []string{"b (0123)"} }, ""},
		{"another is silent", "the sender was told of another node", func(f *fleet, s *stream) { lose(s, 2); f.sayings[1].said.Silent = []string{"bb (0123)"} }, "has not received"},
		{"unreached", "the sender was told why", func(f *fleet, s *stream) { lose(s, 2); f.sayings[1].said.Unreached = map[string]string{"b": "refused"} }, ""},
		{"no relay", "the sender was told that there is no connection", func(f *fleet, s *stream) { lose(s, 2); f.sayings[1].said.Relay = "no connection" }, ""},
		{"no answer", "nobody knows what became of it", func(f *fleet, s *stream) { lose(s, 2); f.sayings[1].err = errors.New("EOF") }, ""},
		{"twice", "one came twice", func(f *fleet, s *stream) { s.items = append(s.items, s.items[3]) }, "twice"},
		{"twice in two streams", "one came to a page in its next stream again", func(f *fleet, s *stream) {
			p := f.pages[0]
			s.ended = true
			p.streams = append(p.streams, &stream{node: "c", items: s.items[3:]})
		}, "twice"},
		{"order", "two came in the wrong order", func(f *fleet, s *stream) { s.items[1], s.items[2] = s.items[2], s.items[1] }, "after number 3"},
		{"invented", "nobody has said it", func(f *fleet, s *stream) { s.items = append(s.items, message{"acme", "lobby", "s", 9, "a"}) }, "nobody has said"},
		{"foreign", "the page has noted it when it came", func(f *fleet, s *stream) { s.errs = []string{"it is in another scope"} }, "another scope"},
		{"counted", "a report counts one that has not come", func(f *fleet, s *stream) { f.sayings[2].said.Delivered = 2 }, "counts as delivered to 2"},
	} {
		f := &fleet{gaps: map[string][]gapEntry{}, names: map[string]map[string]string{}, others: map[string]int{}}
		s := &stream{node: "b"}
		for n := 1; n <= 4; n++ {
			m := message{"acme", "lobby", "s", n, "a"}
			at := t0.Add(time.Duration(n) * time.Second)
			f.sayings = append(f.sayings, &saying{message: m, began: at, ended: at.Add(time.Millisecond), said: said{Via: "a"}})
			s.items = append(s.items, m)
		}
		f.pages = []*page{{scope: "acme", room: "lobby", user: "ann", streams: []*stream{s}}}
		c.change(f, s)
		_, err := f.check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %s: error %v, want %q", c.name, c.reason, err, c.want)
		}
	}
}

// lose takes a message from a stream.
func lose(s *stream, n int) {
	for i, m := range s.items {
		if m.N == n {
			s.items = append(s.items[:i:i], s.items[i+1:]...)
			return
		}
	}
}

// gap notes that a node was told a gap.
func (f *fleet) gap(node string, g relay.Gap, at time.Time) {
	f.gaps[node] = append(f.gaps[node], gapEntry{g, at})
	f.names[node] = map[string]string{relay.ID{9}.String(): "c"}
}
