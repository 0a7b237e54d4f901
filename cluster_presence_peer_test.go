package sfere_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
)

// peer is a node that says what a test makes it say.
type peer struct {
	t    *testing.T
	node *relay.Node

	mu   sync.Mutex // guards asks
	asks []relay.Known
}

var lobbyT = relay.Address{Scope: sfere.DefaultScope, Category: "lobby"}

func joinPeer(t *testing.T, bus relay.Relay, name string) *peer {
	t.Helper()
	p := &peer{t: t}
	var err error
	p.node, err = relay.Join(t.Context(), bus, &relay.Options{Name: name, Receive: func(m relay.Received) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if in, ok := m.Body.(relay.Interest); ok {
			p.asks = append(p.asks, in.Of...)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// asked returns what the peer was asked since the last time.
func (p *peer) asked() []relay.Known {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	asks := p.asks
	p.asks = nil
	return asks
}

// wantAsked fails the test unless the peer was asked by somebody who is at seq.
func (p *peer) wantAsked(what string, seq uint64) {
	p.t.Helper()
	asks := p.asked()
	for _, k := range asks {
		if k.To == lobbyT && k.Seq == seq {
			return
		}
	}
	p.t.Errorf("%s: asked %+v, want the lobby after %d", what, asks, seq)
}

// say tells everybody who has asked.
func (p *peer) say(m relay.Presence) {
	p.t.Helper()
	if _, err := p.node.Send(relay.Envelope{To: lobbyT, Body: m}); err != nil {
		p.t.Fatal(err)
	}
	settle()
}

func visitors(names ...string) (out []relay.Visitor) {
	for _, n := range names {
		out = append(out, relay.Visitor{Key: relay.Address{ID: n}, Since: time.Now()})
	}
	return out
}

func hashOfNames(names ...string) uint64 {
	var keys []sfere.Key
	for _, n := range names {
		keys = append(keys, key(n))
	}
	return sfere.PresenceHash(keys...)
}

// state is a full state.
func state(seq uint64, names ...string) relay.Presence {
	return relay.Presence{Seq: seq, Full: true, Hash: hashOfNames(names...), Here: visitors(names...)}
}

// withPeer runs a test of a rig that watches the lobby, and a peer whose lobby has ann.
func withPeer(t *testing.T, do func(t *testing.T, bus *relay.Faulty, n watching, p *peer)) {
	t.Helper()
	inCluster(t, faultyBus, 1, setup{hub: sse.HubOptions{Heartbeat: -1}}, func(t *testing.T, bus relay.Relay, rigs []*rig) {
		rigs[0].conns.LimitPresence(100, 20_000, 1000)
		n := watchAll(rigs, graceT)[0]
		p := joinPeer(t, bus, "peer")
		time.Sleep(2 * time.Second)
		p.wantAsked("a node that comes", 0)
		p.say(state(5, "ann"))
		n.d.told(t, "a full state", "joined ann")
		p.asked()
		time.Sleep(5 * time.Second)
		if asks := p.asked(); len(asks) > 0 {
			t.Errorf("asked although nothing is missing: %+v", asks)
		}
		do(t, bus.(*relay.Faulty), n, p)
		n.w.Stop()
		if err := p.node.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Each sign that something is missing leads to a question by itself.
func TestPresenceAsksForWhatIsMissing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, reason string
		do           func(t *testing.T, bus *relay.Faulty, n watching, p *peer)
	}{
		{"skipped", "a change that does not follow waits, and what is before it is asked for", func(t *testing.T, _ *relay.Faulty, n watching, p *peer) {
			p.say(relay.Presence{Seq: 9, After: 7, Hash: hashOfNames("ann", "bob", "carl"), Here: visitors("carl")})
			n.d.told(t, "out of order")
			p.wantAsked("a number is missing", 5)
			p.say(relay.Presence{Seq: 7, After: 5, Hash: hashOfNames("ann", "bob"), Here: visitors("bob")})
			n.d.told(t, "in order", "joined bob", "joined carl")
			time.Sleep(5 * time.Second)
			if asks := p.asked(); len(asks) > 0 {
				t.Errorf("asked although everything has come: %+v", asks)
			}
		}},
		{"hash", "a sum that is not that of the keys needs the full state", func(t *testing.T, _ *relay.Faulty, n watching, p *peer) {
			p.say(relay.Presence{Seq: 6, After: 5, Hash: 1, Here: visitors("bob")})
			p.wantAsked("the sum is wrong", 0)
			p.say(state(7, "carl"))
			n.d.told(t, "the full state replaces everything", "joined bob", "joined carl")
			time.Sleep(graceT)
			n.d.calls()
			wantNames(t, "then", n.w, "carl")
		}},
		{"mark", "the beat says that there is more", func(t *testing.T, _ *relay.Faulty, n watching, p *peer) {
			p.node.SetPresence(relay.PresenceMark{Seq: 6, Hash: 1})
			time.Sleep(2 * time.Second)
			p.wantAsked("the mark does not fit", 5)
			if err := p.node.SendTo(peerOf(p, "a"), relay.Envelope{To: lobbyT, Body: relay.Presence{Seq: 5, After: 5, Hash: hashOfNames("ann")}}); err != nil {
				t.Fatal(err)
			}
			settle()
			p.asked()
			time.Sleep(20 * time.Second)
			if asks := p.asked(); len(asks) > 0 {
				t.Errorf("asked again although it is of another address: %+v", asks)
			}
		}},
		{"gap", "the relay says that a message was lost", func(t *testing.T, bus *relay.Faulty, n watching, p *peer) {
			bus.Cut(1, 0)
			p.say(relay.Presence{Seq: 6, After: 5, Hash: hashOfNames("ann", "bob"), Here: visitors("bob")})
			bus.Heal()
			time.Sleep(2 * time.Second)
			p.wantAsked("a gap", 5)
		}},
		{"flood", "whatever a node says, it is not asked more often than now and then", func(t *testing.T, _ *relay.Faulty, n watching, p *peer) {
			for i := range uint64(500) {
				if _, err := p.node.Send(relay.Envelope{To: lobbyT, Body: relay.Presence{Seq: 100 + 2*i, After: 99 + 2*i}}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Millisecond)
			}
			if asks := p.asked(); len(asks) == 0 || len(asks) > 6 {
				t.Errorf("asked %d times in a second", len(asks))
			}
			settle()
			p.say(state(2000, "ann", "bob"))
			n.d.told(t, "then", "joined bob")
		}},
		{"no answer", "a question is asked again", func(t *testing.T, _ *relay.Faulty, n watching, p *peer) {
			p.say(relay.Presence{Seq: 9, After: 7})
			for range 5 {
				p.wantAsked("again and again", 5)
				time.Sleep(3 * time.Second)
			}
		}},
		{"clocks", "nobody has come in the future", func(t *testing.T, _ *relay.Faulty, n watching, p *peer) {
			m := relay.Presence{Seq: 6, After: 5, Hash: hashOfNames("ann", "bob", "carl"), Here: visitors("bob", "carl")}
			past := time.Now().Add(-time.Hour)
			m.Here[0].Since, m.Here[1].Since = time.Now().Add(time.Hour), past
			p.say(m)
			there, _ := n.w.List()
			for _, v := range there {
				if v.Since.After(time.Now()) || v.Key.ID == "carl" && !v.Since.Equal(past) {
					t.Errorf("%s is there since %v", v.Key.ID, v.Since)
				}
			}
		}},
		{"parts", "a full state counts when all of it is there, whatever the order", func(t *testing.T, _ *relay.Faulty, n watching, p *peer) {
			all := state(8, "ann", "bob", "carl")
			part := func(i int, more bool, names ...string) relay.Presence {
				m := all
				m.Part, m.More, m.Here = i, more, visitors(names...)
				return m
			}
			p.say(part(1, true, "bob"))
			p.say(part(2, false, "carl"))
			n.d.told(t, "a part is missing")
			p.say(part(0, true, "ann"))
			p.say(part(1, true, "bob"))
			settle()
			if got := n.d.calls(); len(got) != 2 {
				t.Errorf("callbacks %v", got)
			}
			wantNames(t, "complete", n.w, "ann", "bob", "carl")
			p.say(state(7, "dora"))
			n.d.told(t, "an older one that comes late")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withPeer(t, func(t *testing.T, bus *relay.Faulty, n watching, p *peer) {
				tt.do(t, bus, n, p)
				if t.Failed() {
					t.Log(tt.reason)
				}
			})
		})
	}
}

// What other nodes say is from outside: what is not valid, or too much, is refused and
// counted, and harms nobody else.
func TestPresenceRefusesGarbage(t *testing.T) {
	t.Parallel()
	many := func(n int, long int) (names []string) {
		for i := range n {
			names = append(names, fmt.Sprint(i)+strings.Repeat("x", long))
		}
		return names
	}
	for _, tt := range []struct {
		reason string
		to     relay.Address
		say    relay.Presence
		here   int // how many of the peer are there afterwards
		counts bool
	}{
		{"a key without an id", lobbyT, relay.Presence{Seq: 6, After: 5, Here: []relay.Visitor{{}}}, 1, true},
		{"a key that spells the scope, even its own", lobbyT, relay.Presence{Seq: 6, After: 5, Here: []relay.Visitor{{Key: relay.Address(key("eve"))}}}, 1, true},
		{"a key of another scope", lobbyT, relay.Presence{Seq: 6, After: 5, Here: []relay.Visitor{{Key: relay.Address{Scope: "acme", ID: "eve"}}}}, 1, true},
		{"an id that no key has", lobbyT, relay.Presence{Seq: 6, After: 5, Here: visitors("*", strings.Repeat("x", 2000))}, 1, true},
		{"the end of a key of another scope", lobbyT, relay.Presence{Seq: 6, After: 5, Gone: []relay.Departure{{Key: relay.Address{Scope: sfere.DefaultScope, ID: "ann"}}}}, 1, true},
		{"the end of who is not there", lobbyT, relay.Presence{Seq: 6, After: 5, Hash: hashOfNames("ann"), Gone: []relay.Departure{{Key: relay.Address{ID: "bob"}}}}, 1, false},
		{"the end of who is there on another node", lobbyT, relay.Presence{Seq: 6, After: 5, Hash: hashOfNames("ann"), Gone: []relay.Departure{{Key: relay.Address{ID: "good"}, Final: true}}}, 1, false},
		{"what nobody has asked for", relay.Address{Scope: "acme"}, relay.Presence{Seq: 6, After: 5, Here: visitors("eve")}, 1, false},
		{"too many keys", lobbyT, state(6, many(150, 0)...), 100, true},
		{"too many bytes", lobbyT, state(6, many(90, 500)...), 20_000 / (500 + 120), true},
		{"too many keys in a change", lobbyT, relay.Presence{Seq: 6, After: 5, Here: visitors(many(150, 0)...)}, 100, true},
		{"too many bytes in a change", lobbyT, relay.Presence{Seq: 6, After: 5, Here: visitors(many(90, 500)...)}, 20_000 / (500 + 120), true},
		{"numbers that go backwards", lobbyT, relay.Presence{Seq: 6, After: 9}, 1, true},
		{"a negative part", lobbyT, relay.Presence{Seq: 6, Full: true, Part: -1, More: true, Here: visitors("eve")}, 1, true},
		{"a part that there cannot be", lobbyT, relay.Presence{Seq: 6, Full: true, Part: 1 << 40, Here: visitors("eve")}, 1, true},
		{"the largest number there is", lobbyT, relay.Presence{Seq: 1<<64 - 1, After: 5, Hash: hashOfNames("ann", "eve"), Here: visitors("eve")}, 2, false},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			withPeer(t, func(t *testing.T, bus *relay.Faulty, n watching, p *peer) {
				good := joinRig(t, bus, 7, setup{hub: sse.HubOptions{Heartbeat: -1}})
				friend := good.come(id("good"))
				w, d := good.watch(graceT)
				time.Sleep(2 * time.Second)
				n.d.told(t, "the other node", "joined good")
				d.calls()
				// Such as a program writes that is not this one.
				if _, err := p.node.Send(relay.Envelope{To: tt.to, Body: tt.say}); err != nil {
					settle()
					t.Skipf("package relay does not send it: %v", err)
				}
				settle()
				var of sfere.NodePresence
				for _, x := range n.conns.ClusterPresence() {
					if x.Name == "peer" {
						of = x
					}
				}
				if of.Keys > max(tt.here+2, 10) || of.Keys < min(tt.here, 20) || tt.here < 20 && of.Keys != tt.here || (of.Refused > 0) != tt.counts {
					t.Errorf("of the peer: %+v, want %d keys, refused %v", of, tt.here, tt.counts)
				}
				if !n.w.Has(key("good")) || n.w.Has(key("eve")) != (tt.here == 2) || n.w.Has(sfere.ID("lobby", "eve").In("acme")) {
					t.Errorf("who is there: %v", names(n.w))
				}
				// And when it says something sensible again, it is believed.
				late := p.node
				for seq := uint64(10); !n.w.Has(key("zoe")) && seq < 70; seq++ {
					if err := late.SendTo(peerOf(p, "a"), relay.Envelope{To: lobbyT, Body: state(seq, "zoe")}); err != nil {
						t.Fatal(err)
					}
					time.Sleep(2 * time.Second)
				}
				time.Sleep(2 * graceT)
				wantNames(t, "at the end", n.w, "good", "zoe")
				w.Stop()
				friend.close()
				good.conns.Close()
			})
		})
	}
}

// peerOf returns the id of the node with a name.
func peerOf(p *peer, name string) relay.ID {
	for _, m := range p.node.Members() {
		if m.Name == name {
			return m.ID
		}
	}
	return relay.ID{}
}

// A node may ask for many addresses, and not for ever so many.
func TestPresenceRefusesTooManyQuestions(t *testing.T) {
	t.Parallel()
	withPeer(t, func(t *testing.T, bus *relay.Faulty, n watching, p *peer) {
		n.come(id("ann"))
		good := joinRig(t, bus, 7, setup{hub: sse.HubOptions{Heartbeat: -1}})
		ask := func(in relay.Interest) {
			t.Helper()
			if err := p.node.SendTo(peerOf(p, "a"), relay.Envelope{Body: in}); err != nil {
				t.Fatal(err)
			}
			settle()
		}
		refused := func() (uint64, int) {
			self := n.conns.ClusterPresence()[0]
			return self.Refused, self.Addresses
		}
		ask(relay.Interest{Of: []relay.Known{{To: relay.Address{Category: "c", ID: "i"}}}})
		if r, a := refused(); r != 1 || a != 0 {
			t.Errorf("an address that nothing travels under: %d refused, %d addresses", r, a)
		}
		for from := range 6 {
			var in relay.Interest
			for i := range 2000 {
				in.Of = append(in.Of, relay.Known{To: relay.Address{Scope: fmt.Sprint("s", from), Category: fmt.Sprint(i)}})
			}
			ask(in)
		}
		if r, a := refused(); r != 2001 || a != 10_000 {
			t.Errorf("%d refused, %d addresses", r, a)
		}
		w, d := good.watch(graceT)
		time.Sleep(wholeT)
		if got := strings.Join(d.calls(), ","); !strings.Contains(got, "joined ann") {
			t.Errorf("another node is told %q", got)
		}
		w.Stop()
		good.conns.Close()
	})
}
