package relay

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestStatesOfNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFaulty(NewMemory(nil), nil)
		a, b, c := joinT(t, f, "a", nil), joinT(t, f, "b", nil), joinT(t, f, "c", nil)
		defer leaveT(a, b, c)
		a.hold(acme)
		settle()
		want := func(n *told, what string, want ...string) {
			t.Helper()
			if got := n.takeMembers(); !slices.Equal(got, want) {
				t.Errorf("%s at %s: %q, want %q", what, n.opts.Name, got, want)
			}
		}
		want(a, "arrival", "b live", "c live")
		f.Cut(1, 0) // one way: b hears a, and a does not hear b
		time.Sleep(3 * time.Second)
		want(a, "two beats are missing")
		time.Sleep(2 * time.Second)
		want(a, "four are", "b suspect")
		if got := a.ask(Sent{}); !slices.Equal(got, []string{"b silent", "c taken"}) {
			t.Errorf("answers %q", got)
		}
		time.Sleep(7 * time.Second)
		want(a, "ten are", "b down")
		if got := a.ask(Sent{}); !slices.Equal(got, []string{"c taken"}) {
			t.Errorf("answers of those that are up %q", got)
		}
		want(b, "b has heard both all the time", "a live", "c live")
		a.take()
		f.Heal()
		time.Sleep(5 * time.Second)
		want(a, "return", "b live")
		got := a.take()
		if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, string(Returned)) }) {
			t.Errorf("nothing was said of what b had said meanwhile: %q", got)
		}
		leaveT(b)
		want(a, "end", "b left")
		time.Sleep(time.Hour)
		want(a, "for good")
		if got := len(a.members0()); got != 1 {
			t.Errorf("%d other nodes are remembered", got)
		}
	})
}

// members0 returns the ids of all that n remembers.
func (n *told) members0() (ids []ID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Node.mu.Lock()
	defer n.Node.mu.Unlock()
	for id := range n.Node.members {
		ids = append(ids, id)
	}
	return ids
}

// Each side of a split goes on by itself, and after it everybody knows that something
// was missed.
func TestSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFaulty(NewMemory(nil), nil)
		var all []*told
		for _, name := range []string{"a", "b", "c", "d"} {
			n := joinT(t, f, name, nil)
			n.hold(acme)
			all = append(all, n)
		}
		defer leaveT(all...)
		a, b, c, d := all[0], all[1], all[2], all[3]
		time.Sleep(5 * time.Second)
		for _, n := range all {
			n.take() // what a newcomer takes for a gap, perhaps
		}
		f.Split(0, 1)
		time.Sleep(15 * time.Second)
		for _, n := range all {
			n.want("the others are down", "gap  [died]")
		}
		a.say(acme, "left")
		c.say(acme, "right")
		b.want("one side", "left")
		d.want("the other side", "right")
		if got := a.ask(Sent{}); !slices.Equal(got, []string{"b taken"}) {
			t.Errorf("who answers on one side: %q", got)
		}
		f.Heal()
		time.Sleep(4 * time.Second)
		for _, n := range all {
			if got := n.take(); !slices.ContainsFunc(got, func(s string) bool {
				return strings.HasPrefix(s, "gap  [") && strings.Contains(s, string(Returned))
			}) {
				t.Errorf("%s has been told %q", n.opts.Name, got)
			}
			if got := len(n.ask(Sent{})); got != 3 {
				t.Errorf("%s gets %d answers", n.opts.Name, got)
			}
		}
	})
}

// What a node has said comes after its good-bye, perhaps. It is over all the same.
func TestMessagesAfterTheGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := NewMemory(nil)
		b := joinT(t, bus, "b", nil)
		defer leaveT(b)
		b.hold(acme)
		settle()
		link, err := bus.Connect(t.Context(), Receiver{Packet: func(Packet) {}, Event: func(Event) {}})
		if err != nil {
			t.Fatal(err)
		}
		defer link.Close(t.Context())
		say := func(subject string, seq uint64, e Envelope) {
			t.Helper()
			p, err := b.codec.encode(e)
			if err != nil {
				t.Fatal(err)
			}
			h := head{version: version, from: ID{1}, seq: seq, sent: time.Now()}
			h.put(p, subject, nil)
			if err := link.Publish(Packet{subject, p}); err != nil {
				t.Fatal(err)
			}
		}
		say(b.Node.all, 1, Envelope{Body: beat{Name: "a", Every: time.Second}})
		say(b.Node.all, 2, Envelope{Body: leave{}})
		say(acme.subject(b.prefix()), 3, Envelope{To: acme, Body: Refresh{Topic: "late"}})
		say(b.Node.all, 4, Envelope{Body: beat{Name: "a", Every: time.Second}})
		b.want("after the good-bye")
		if got, want := b.takeMembers(), []string{"a live", "a left"}; !slices.Equal(got, want) {
			t.Errorf("members %q, want %q", got, want)
		}
	})
}

// What a node has said last before it died may have been lost, and nobody can say so any
// more. Who takes it for down has missed something, perhaps.
func TestDeathIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFaulty(NewMemory(nil), nil)
		a, b := joinT(t, f, "a", nil), joinT(t, f, "b", nil)
		defer leaveT(a, b)
		b.hold(acme)
		settle()
		b.take()
		f.Cut(0, 1)
		a.say(acme, "last words")
		time.Sleep(9 * time.Second)
		b.want("it is silent, and may come back")
		time.Sleep(5 * time.Second)
		b.want("it is down", "gap  [died]")
		time.Sleep(time.Hour)
		b.want("and stays so")
	})
}

// A node that leaves has told what it has said last.
func TestGoodbyeTellsOfTheLastMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFaulty(NewMemory(nil), nil)
		a, b := joinT(t, f, "a", nil), joinT(t, f, "b", nil)
		defer leaveT(b)
		b.hold(acme)
		a.say(acme, "before")
		settle()
		b.take()
		f.Cut(0, 1)
		a.say(acme, "last words")
		synctest.Wait()
		f.Heal()
		leaveT(a)
		b.want("it has left", "gap acme [skipped]")
	})
}

// Whoever joins knows who is there within a tenth of a beat, also right after somebody
// else: nodes answer the greetings of several that come at once with one beat.
func TestGreetingsAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(nil)
		var all []*told
		for i := range 6 {
			all = append(all, joinT(t, m, string(rune('a'+i)), nil))
			defer leaveT(all[i])
		}
		sent := all[0].Stats().Sent
		time.Sleep(time.Second/10 + 1)
		synctest.Wait()
		if n := len(all[5].Members()); n != 6 {
			t.Errorf("the last to join knows of %d nodes, itself included, want 6", n)
		}
		if n := all[0].Stats().Sent - sent; n > 1 {
			t.Errorf("the first one has answered with %d packets, want one", n)
		}
		if d := time.Since(all[5].Greeted()); d != time.Second/10+1 {
			t.Errorf("the greeting is %v old", d)
		}
	})
}
