package relay

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever can write to the bus must have the key.
func TestTrust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		public := NewMemory(&MemoryOptions{Public: true})
		_, err := Join(t.Context(), public, nil)
		failing(t, "joining without a key", err, ErrUnsigned)
		if _, err := Join(t.Context(), public, &Options{Keys: [][]byte{[]byte("short")}}); err == nil {
			t.Error("a key of 5 bytes is accepted")
		}
		key := bytes.Repeat([]byte{1}, 32)
		keyed := func(o *Options) { o.Keys = [][]byte{key} }
		a, b := joinT(t, public, "a", keyed), joinT(t, public, "b", keyed)
		defer leaveT(a, b)
		b.hold(acme)
		var recorded Packet
		thief, err := public.Connect(t.Context(), Receiver{Packet: func(p Packet) { recorded = p }, Event: func(Event) {}})
		if err != nil {
			t.Fatal(err)
		}
		defer thief.Close(t.Context())
		subject := acme.subject(a.prefix())
		if err := thief.Subscribe(subject); err != nil {
			t.Fatal(err)
		}
		settle()
		a.say(acme, "1")
		b.want("signed", "1")
		again := func(p Packet) {
			t.Helper()
			if err := thief.Publish(p); err != nil {
				t.Fatal(err)
			}
		}
		again(recorded)
		b.want("sent again at once, it is the same message")
		again(Packet{b.Node.all, recorded.Data})
		b.want("under another subject", "refused "+errForged.Error())
		leaveT(a)
		synctest.Wait()
		again(recorded)
		b.want("when its sender has gone")
		time.Sleep(3 * time.Minute)
		again(recorded)
		b.want("later", "refused "+errStale.Error())
		time.Sleep(time.Hour)
		again(recorded)
		b.want("when its sender has been forgotten", "refused "+errStale.Error())
	})
}

// A rolling deploy has nodes of two versions for a while.
func TestTwoVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := NewMemory(nil)
		b := joinT(t, bus, "b", nil)
		defer leaveT(b)
		b.hold(acme)
		settle()
		next := ID{9}
		answers := make(chan Envelope, 8)
		link, err := bus.Connect(t.Context(), Receiver{Event: func(Event) {}, Packet: func(p Packet) {
			h, err := readHead(p, nil)
			if err != nil {
				t.Error(err)
			}
			e, err := b.codec.decode(h, p.Data)
			if err != nil {
				t.Error(err)
			}
			answers <- e
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer link.Close(t.Context())
		if err := link.Subscribe(b.prefix() + ".node." + next.String()); err != nil {
			t.Fatal(err)
		}
		say := func(subject string, h head, p []byte) {
			t.Helper()
			h.from, h.sent = next, time.Now()
			h.put(p, subject, nil)
			if err := link.Publish(Packet{subject, p}); err != nil {
				t.Fatal(err)
			}
		}
		room := acme.subject(b.prefix())
		known, err := b.codec.encode(Envelope{To: acme, Body: Refresh{Topic: "known"}})
		if err != nil {
			t.Fatal(err)
		}
		say(room, head{version: 1, seq: 1}, body(`{"kind":"teleport","to":{"scope":"acme"}}`, ""))
		b.want("a kind", `refused this node does not know the kind "teleport"`, "gap acme [unreadable]")
		say(room, head{version: 1, seq: 2, prev: 1}, body(`{"kind":"refresh","to":{"scope":"acme"},"body":{"colour":1}}`, ""))
		got := b.take()
		if len(got) != 2 || !strings.Contains(got[0], `"colour"`) || got[1] != "gap acme [unreadable]" {
			t.Errorf("a field: %q", got)
		}
		say(room, head{version: 2, seq: 3, prev: 2}, []byte(string(make([]byte, headSize))+"anything"))
		b.want("a version", "refused it is of version 2, and this node speaks 1", "gap acme [unreadable]")
		say(room, head{version: 1, seq: 4, prev: 3}, known)
		b.want("what both know goes on, and nothing is missing", "known")

		ask, err := b.codec.encode(Envelope{Body: question{ID: 1, To: acme, Seq: 1}})
		if err != nil {
			t.Fatal(err)
		}
		say(b.Node.all, head{version: 1, seq: 5}, ask)
		synctest.Wait()
		r, _ := (<-answers).Body.(reply)
		if r.Fate != Refused || !strings.Contains(r.Reason, `"teleport"`) {
			t.Errorf("the sender is told %+v", r)
		}
		b.take()
	})
}

// What is for one tenant and comes by the subject of another is not taken: subjects are
// what permissions are given for.
func TestForeignSubject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := NewMemory(nil)
		b := joinT(t, bus, "b", nil)
		defer leaveT(b)
		b.hold(acme, other)
		settle()
		link, err := bus.Connect(t.Context(), Receiver{Packet: func(Packet) {}, Event: func(Event) {}})
		if err != nil {
			t.Fatal(err)
		}
		defer link.Close(t.Context())
		for i, c := range []struct {
			reason, subject string
			e               Envelope
		}{
			{"a message for another scope", other.subject(b.prefix()), Envelope{To: acme, Body: Refresh{}}},
			{"a message for everybody", other.subject(b.prefix()), Envelope{Body: Refresh{}}},
			{"a message where nodes talk", b.Node.all, Envelope{To: acme, Body: Refresh{}}},
			{"what nodes say where messages are", other.subject(b.prefix()), Envelope{Body: leave{}}},
			{"presence where messages are", other.subject(b.prefix()), Envelope{To: other, Body: Presence{Seq: 1}}},
			{"an interest that all get", other.subject(b.prefix()), Envelope{To: other, Body: Interest{}}},
			{"an interest where nodes talk", b.Node.all, Envelope{Body: Interest{}}},
			{"a message for one node", b.Node.own, Envelope{To: other, Body: Refresh{}}},
		} {
			p, err := b.codec.encode(c.e)
			if err != nil {
				t.Fatal(err)
			}
			h := head{version: version, from: ID{byte(i + 1)}, seq: 1, sent: time.Now()}
			h.put(p, c.subject, nil)
			if err := link.Publish(Packet{c.subject, p}); err != nil {
				t.Fatal(err)
			}
			if got := b.take(); len(got) == 0 || got[0] != "refused "+errSubject.Error() {
				t.Errorf("%s: %q", c.reason, got)
			}
		}
	})
}

// A packet of tomorrow could be sent again until then.
func TestClocksThatDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, key := NewMemory(nil), [][]byte{bytes.Repeat([]byte{1}, 32)}
		b := joinT(t, bus, "b", func(o *Options) { o.Keys = key })
		defer leaveT(b)
		b.hold(acme)
		link, err := bus.Connect(t.Context(), Receiver{Packet: func(Packet) {}, Event: func(Event) {}})
		if err != nil {
			t.Fatal(err)
		}
		defer link.Close(t.Context())
		settle()
		for i, c := range []struct {
			reason string
			ahead  time.Duration
			want   string
		}{
			{"the same", 0, "t"},
			{"a minute behind", -time.Minute, "t"},
			{"a minute ahead", time.Minute, "t"},
			{"an hour behind", -time.Hour, "refused " + errStale.Error()},
			{"an hour ahead", time.Hour, "refused " + errStale.Error()},
		} {
			p, err := b.codec.encode(Envelope{To: acme, Body: Refresh{Topic: "t"}})
			if err != nil {
				t.Fatal(err)
			}
			subject := acme.subject(b.prefix())
			h := head{version: version, from: ID{byte(i + 1)}, seq: 1, sent: time.Now().Add(c.ahead)}
			h.put(p, subject, newSeals(key))
			if err := link.Publish(Packet{subject, p}); err != nil {
				t.Fatal(err)
			}
			b.want("the clock of the sender is "+c.reason, c.want)
		}
	})
}
