package relay

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLossIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFaulty(NewMemory(nil), nil)
		a, b := joinT(t, f, "a", nil), joinT(t, f, "b", nil)
		defer leaveT(a, b)
		b.hold(acme, other)
		settle()
		a.say(acme, "1")
		b.want("before", "1")
		f.Cut(0, 1)
		a.say(acme, "2")
		time.Sleep(100 * time.Millisecond)
		f.Heal()
		a.say(other, "o")
		b.want("another address has lost nothing", "o")
		a.say(acme, "3")
		b.want("in front of the message that follows the loss", "gap acme [skipped]", "3")
	})
}

// The last message of an address is followed by none.
func TestLossOfTheLastMessageIsAGap(t *testing.T) {
	for _, c := range []struct {
		reason string
		before bool // there was a message that arrived
	}{{"after others", true}, {"the first of all", false}} {
		synctest.Test(t, func(t *testing.T) {
			f := NewFaulty(NewMemory(nil), nil)
			a, b := joinT(t, f, "a", nil), joinT(t, f, "b", nil)
			defer leaveT(a, b)
			b.hold(acme)
			settle()
			if c.before {
				a.say(acme, "1")
			}
			synctest.Wait()
			b.take()
			time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(1500 * time.Millisecond))) // between beats
			f.Cut(0, 1)
			a.say(acme, "2")
			synctest.Wait()
			f.Heal()
			time.Sleep(1100 * time.Millisecond)
			b.want(c.reason, "gap acme [skipped]")
			time.Sleep(5 * time.Second)
			b.want("once")
		})
	}
}

// If what tells of a loss is lost, too, the loss is told of all the same.
func TestLossOfTailsIsAGapForEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFaulty(NewMemory(nil), nil)
		a, b := joinT(t, f, "a", nil), joinT(t, f, "b", nil)
		defer leaveT(a, b)
		b.hold(acme)
		settle()
		f.Cut(0, 1)
		a.say(acme, "lost")
		time.Sleep(2 * time.Second)
		f.Heal()
		time.Sleep(3 * time.Second)
		b.want("gap", "gap  [skipped]")
	})
}

func TestSubscriberThatCameLaterHasMissedNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := NewMemory(nil)
		a := joinT(t, bus, "a", nil)
		a.say(acme, "1")
		a.say(acme, "2")
		settle()
		b := joinT(t, bus, "b", nil)
		defer leaveT(a, b)
		b.hold(acme)
		settle()
		a.say(acme, "3")
		b.want("only what came since", "3")
		if got := b.Stats().Gaps; got != 0 {
			t.Errorf("%d gaps", got)
		}
	})
}

func TestDoubledAndOvertakenMessages(t *testing.T) {
	for _, c := range []struct {
		reason string
		o      FaultyOptions
	}{
		{"doubled", FaultyOptions{Seed: 1, Double: 0.3}},
		{"overtaken", FaultyOptions{Seed: 1, Reorder: 0.3}},
		{"both, and lost", FaultyOptions{Seed: 1, Double: 0.2, Reorder: 0.2, Drop: 0.2, Delay: 10 * time.Millisecond}},
	} {
		run := func() (got []string, stats Stats) {
			synctest.Test(t, func(t *testing.T) {
				f := NewFaulty(NewMemory(nil), &c.o)
				f.Calm(true)
				a, b := joinT(t, f, "a", nil), joinT(t, f, "b", func(o *Options) { o.Jitter = time.Hour })
				defer leaveT(a, b)
				b.hold(acme)
				settle()
				time.Sleep(time.Millisecond / 2) // never in the same moment as a beat
				f.Calm(false)
				for i := range 100 {
					a.say(acme, strings.Repeat("i", i))
					time.Sleep(time.Millisecond)
				}
				time.Sleep(100 * time.Millisecond)
				f.Calm(true)
				got, stats = b.take(), b.Stats()
			})
			return got, stats
		}
		got, stats := run()
		next, gap := 0, false
		for _, text := range got {
			if strings.HasPrefix(text, "gap") {
				gap = true
				continue
			}
			if len(text) < next || len(text) > next && !gap {
				t.Errorf("%s: message %d after %d, gap %v", c.reason, len(text), next-1, gap)
			}
			next, gap = len(text)+1, false
		}
		if c.o.Double+c.o.Reorder > 0 && stats.Late == 0 {
			t.Errorf("%s: nothing was late", c.reason)
		}
		if again, _ := run(); !slices.Equal(got, again) {
			t.Errorf("%s: the same seed makes other mistakes:\n%q\n%q", c.reason, got, again)
		}
	}
}

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

// However often the connection comes and goes within the jitter, everything that is
// shown is refreshed once.
func TestReconnectionIsOneGapLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFaulty(NewMemory(nil), nil)
		a, b := joinT(t, f, "a", nil), joinT(t, f, "b", nil)
		defer leaveT(a, b)
		b.hold(acme)
		settle()
		begun := time.Now()
		for range 5 {
			f.Disconnect(1)
			f.Reconnect(1)
		}
		f.Disconnect(0)
		synctest.Wait()
		_, err := a.Send(Envelope{To: acme, Body: Refresh{Topic: "lost"}})
		failing(t, "sending without a connection", err, ErrDisconnected)
		if answers, err := a.Ask(t.Context(), Sent{}, nil); !errors.Is(err, ErrDisconnected) || len(answers) != 1 || answers[0].Fate != Silent {
			t.Errorf("asking without a connection: %+v, %v", answers, err)
		}
		f.Reconnect(0)
		b.want("not at once")
		time.Sleep(a.opts.Jitter)
		synctest.Wait()
		a.want("the one", "gap  [reconnected skipped]")
		for _, text := range b.take() {
			if !strings.HasPrefix(text, "gap") {
				t.Errorf("%q at %v", text, time.Since(begun))
			}
		}
		if got := a.Stats().Gaps; got != 1 {
			t.Errorf("%d gaps, want 1", got)
		}
		a.say(acme, "again")
		if got := b.take(); len(got) == 0 || got[len(got)-1] != "again" {
			t.Errorf("after it: %q", got)
		}
	})
}

// A question says what became of a message, and never calls silence a delivery.
func TestFatesOfMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFaulty(NewMemory(nil), nil)
		a, b, c := joinT(t, f, "a", nil), joinT(t, f, "b", func(o *Options) {
			o.Receive = func(m Received) {
				if m.Body.(Refresh).Topic == "bad" {
					panic("no")
				}
			}
		}), joinT(t, f, "c", nil)
		defer leaveT(a, b, c)
		b.hold(acme)
		settle()
		want := func(reason string, sent Sent, want ...string) {
			t.Helper()
			if got := a.ask(sent); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", reason, got, want)
			}
		}
		want("who has nobody there says so", a.say(acme, "1"), "b taken", "c nobody")
		f.Cut(0, 1)
		lost := a.say(acme, "2")
		synctest.Wait()
		f.Heal()
		want("what was lost on the way was missed", lost, "b missed", "c nobody")
		b.want("and is a gap as soon as that is known", "gap acme [skipped]")
		bad := a.say(acme, "bad")
		want("a receiver that panics has not taken it", bad, "b refused", "c nobody")
		late, err := a.Send(Envelope{To: acme, Report: true, Deadline: time.Now().Add(-1), Body: Refresh{}})
		if err != nil {
			t.Fatal(err)
		}
		want("what comes after its deadline is refused", late, "b refused", "c nobody")
		f.Cut(1, 0)
		begun := time.Now()
		want("whose answer is lost is silent", a.say(acme, "3"), "b silent", "c nobody")
		if took := time.Since(begun); took != 500*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		begun = time.Now()
		if answers, err := a.Ask(ctx, Sent{}, nil); err != nil || len(answers) != 2 || answers[0].Fate != Silent {
			t.Errorf("%+v, %v", answers, err)
		}
		if took := time.Since(begun); took != 20*time.Millisecond {
			t.Errorf("the context ended after %v", took)
		}
	})
}

func TestSubscriptionsLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := NewMemory(nil)
		a, b := joinT(t, bus, "a", nil), joinT(t, bus, "b", nil)
		defer leaveT(a, b)
		settle()
		b.hold(acme, acme)
		b.Unsubscribe(acme)
		a.say(acme, "1")
		b.want("one of two is left", "1")
		b.Unsubscribe(acme)
		time.Sleep(3 * time.Second)
		b.hold(acme) // the page was loaded again
		time.Sleep(10 * time.Second)
		a.say(acme, "2")
		b.want("it has not ended", "2")
		b.Unsubscribe(acme)
		b.Unsubscribe(acme) // one too many
		time.Sleep(6 * time.Second)
		a.say(acme, "3")
		b.want("it has")
		if got := b.Subscriptions(); got != 0 {
			t.Errorf("%d subscriptions", got)
		}
		err := b.Subscribe(Address{Scope: "acme", ID: "ann"})
		if err == nil || !strings.Contains(err.Error(), "Carrier") {
			t.Errorf("subscribing to what travels elsewhere: %v", err)
		}
	})
}

// stuck is a relay whose links block in Publish.
type stuck struct {
	Relay
	open chan struct{}
}

type stuckLink struct {
	Link
	open chan struct{}
}

func (s stuck) Connect(ctx context.Context, to Receiver) (Link, error) {
	l, err := s.Relay.Connect(ctx, to)
	return stuckLink{l, s.open}, err
}

func (l stuckLink) Publish(p Packet) error {
	<-l.open
	return l.Link.Publish(p)
}

func (l stuckLink) Close(ctx context.Context) error {
	select {
	case <-l.open:
	default:
		close(l.open)
	}
	return l.Link.Close(ctx)
}

// A relay that hangs holds up nobody: what waits is bounded, and what was refused is a
// gap for the others.
func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := NewMemory(nil)
		open := make(chan struct{})
		a := joinT(t, stuck{bus, open}, "a", func(o *Options) { o.QueueBytes = 64 << 10 })
		b := joinT(t, bus, "b", nil)
		defer leaveT(a, b)
		b.hold(acme)
		settle()
		text := strings.Repeat("x", 1000)
		var err error
		n := 0
		for ; err == nil && n < 1000; n++ {
			_, err = a.Send(Envelope{To: acme, Body: Refresh{Topic: text}})
		}
		failing(t, "sending into a full queue", err, ErrFull)
		if got := a.Stats().QueueBytes; got > 64<<10+1<<10 {
			t.Errorf("%d bytes wait", got)
		}
		close(open)
		time.Sleep(2 * time.Second)
		got := b.take()
		if len(got) != n || got[len(got)-1] != "gap acme [skipped]" {
			t.Errorf("%d were taken and %d things arrived; the last is %.30q", n-1, len(got), got[len(got)-1])
		}
	})
}

func TestCloseOfAHangingRelayEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := make(chan struct{})
		a := joinT(t, stuck{NewMemory(nil), open}, "a", nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := a.Close(ctx)
		failing(t, "closing", err, context.DeadlineExceeded)
		_, err = a.Send(Envelope{Body: Admit{}})
		failing(t, "sending", err, ErrClosed)
		_, err = a.Ask(t.Context(), Sent{}, nil)
		if err != nil {
			t.Errorf("asking nobody: %v", err)
		}
		failing(t, "flushing", a.Flush(t.Context()), ErrClosed)
	})
}

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

// A slow receiver is noticed by itself.
func TestOverrunIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := NewMemory(nil)
		stop := make(chan struct{})
		a := joinT(t, bus, "a", nil)
		var b *told
		b = joinT(t, bus, "b", func(o *Options) {
			o.InboxBytes = 32 << 10
			o.Receive = func(Received) { <-stop }
		})
		defer leaveT(a, b)
		b.hold(acme)
		settle()
		for range 300 {
			a.say(acme, "x")
			synctest.Wait()
		}
		if got := b.in.bytes.Load(); got > 32<<10 {
			t.Errorf("%d bytes wait", got)
		}
		close(stop)
		time.Sleep(5 * time.Second)
		got := b.take()
		if !slices.Contains(got, "gap acme [skipped]") && !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "overrun") }) {
			t.Errorf("%q", got)
		}
		if got := b.in.bytes.Load(); got != 0 {
			t.Errorf("%d bytes wait when nothing does", got)
		}
		if got := b.Stats(); got.Received > 200 {
			t.Errorf("%+v: everything arrived, so nothing was tested", got)
		}
	})
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for _, c := range []struct {
		reason string
		o      Options
	}{
		{"a prefix with a wildcard hears other programs", Options{Prefix: "a.*"}},
		{"an empty token", Options{Prefix: "a..b"}},
		{"a name is sent with every beat", Options{Name: strings.Repeat("n", 129)}},
		{"a beat in nanoseconds", Options{Beat: 5}},
		{"a negative bound", Options{QueueBytes: -1}},
	} {
		if _, err := Join(t.Context(), NewMemory(nil), &c.o); err == nil {
			t.Errorf("%s: no error", c.reason)
		}
	}
	n, err := Join(t.Context(), NewMemory(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close(context.Background())
	sent, err := n.Send(Envelope{Body: Admit{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Ask(t.Context(), sent, nil); err == nil {
		t.Error("one can ask about a message that nobody remembers")
	}
	if _, err := n.Send(Envelope{}); err == nil {
		t.Error("an envelope without a body can be sent")
	}
	if _, err := n.Send(Envelope{Body: leave{}}); err == nil {
		t.Error("a program can say that its node ends")
	}
	if _, err := n.Send(Envelope{To: Address{Scope: "*"}, Body: Admit{}}); err == nil {
		t.Error("a wildcard is a scope")
	}
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

// Who has heard nothing of a sender with an address knows all the same that something
// came before, if that was sent when it was interested already.
func TestLossOfTheFirstMessageIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFaulty(NewMemory(nil), nil)
		a, b := joinT(t, f, "a", nil), joinT(t, f, "b", nil)
		defer leaveT(a, b)
		b.hold(acme)
		settle()
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(1300 * time.Millisecond))) // between beats
		f.Cut(0, 1)
		a.say(acme, "1")
		synctest.Wait()
		f.Heal()
		a.say(acme, "2")
		b.want("before the next beat", "gap acme [skipped]", "2")
		time.Sleep(5 * time.Second)
		b.want("once")
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

// Many begin and end the same subscription at once; who has it gets the messages.
func TestSubscriptionsFromManyGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := NewMemory(nil)
		a, b := joinT(t, bus, "a", nil), joinT(t, bus, "b", func(o *Options) { o.Linger = -1 })
		defer leaveT(a, b)
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range 200 {
					if err := b.Subscribe(acme); err != nil {
						t.Error(err)
					}
					b.Unsubscribe(acme)
				}
			})
		}
		group.Wait()
		if got := b.Subscriptions(); got != 0 {
			t.Errorf("%d subscriptions", got)
		}
		b.hold(acme)
		a.say(acme, "1")
		b.want("in the end", "1")
	})
}
