package relay

import (
	"strings"
	"testing"
	"testing/synctest"
)

// Presence reaches those who have asked for it, and nobody else; its loss is a gap of
// its own, so that nothing is rendered for it.
func TestPresenceHasSubjectsOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := NewFaulty(NewMemory(nil), nil)
		var gaps []Gap
		var got []Received
		note := func(o *Options) {
			o.Receive = func(m Received) { got = append(got, m) }
			o.Gap = func(g Gap) { gaps = append(gaps, g) }
		}
		a, b := joinT(t, bus, "a", nil), joinT(t, bus, "b", note)
		defer leaveT(a, b)
		settle()
		b.hold(acme)
		say := func(seq uint64) {
			t.Helper()
			if _, err := a.Send(Envelope{To: acme, Body: Presence{Seq: seq}}); err != nil {
				t.Fatal(err)
			}
			settle()
		}
		want := func(what string, seqs ...uint64) {
			t.Helper()
			if len(got) != len(seqs) {
				t.Fatalf("%s: %d messages, want %d", what, len(got), len(seqs))
			}
			for i, m := range got {
				if s := m.Body.(Presence).Seq; s != seqs[i] || m.From != a.ID() || m.To != acme {
					t.Errorf("%s: message %d is %+v, want number %d", what, i, m, seqs[i])
				}
			}
			got = nil
		}
		say(1)
		want("whoever is in a room has not asked who else is")
		if err := b.SubscribePresence(acme); err != nil {
			t.Fatal(err)
		}
		settle()
		say(2)
		want("now it has", 2)
		if len(gaps) > 0 {
			t.Errorf("gaps %+v", gaps)
		}
		bus.Cut(0, 1)
		say(3)
		bus.Heal()
		say(4)
		want("one is lost", 4)
		found := false
		for _, g := range gaps {
			found = found || g.Presence && g.To == acme && g.From == a.ID()
			if !g.Presence && g.To == acme {
				t.Errorf("a gap in what is shown: %+v", g)
			}
		}
		if !found {
			t.Errorf("no gap of presence among %+v", gaps)
		}
		if err := a.SendTo(b.ID(), Envelope{To: other, Body: Presence{Seq: 5}}); err != nil {
			t.Fatal(err)
		}
		settle()
		if len(got) != 1 || got[0].To != other {
			t.Errorf("for one node: %+v", got)
		}
		got = nil
		b.UnsubscribePresence(acme)
		settle()
		settle()
		settle()
		say(6)
		want("it has lost interest")
	})
}

// What is for one node is not for all, and the other way round.
func TestWhatIsForOneNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := joinT(t, NewMemory(nil), "a", nil)
		defer leaveT(a)
		if err := a.SendTo(ID{1}, Envelope{Body: Refresh{}}); err == nil || !strings.Contains(err.Error(), "one node") {
			t.Errorf("a refresh for one node: %v", err)
		}
		if _, err := a.Send(Envelope{Body: Interest{}}); err == nil || !strings.Contains(err.Error(), "SendTo") {
			t.Errorf("an interest for all: %v", err)
		}
	})
}
