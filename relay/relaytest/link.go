package relaytest

import (
	"bytes"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/relay"
)

// peer is a link and what it has received.
type peer struct {
	relay.Link
	got    log[relay.Packet]
	events log[relay.Event]
	inside atomic.Int32 // calls that are running
	over   atomic.Bool  // Close has returned
}

func (r *run) connect(subjects ...string) *peer {
	r.Helper()
	p := &peer{}
	call := func(f func()) {
		if p.inside.Add(1) > 1 {
			r.Error("two calls of a receiver at one time")
		}
		if p.over.Load() {
			r.Error("a call of a receiver whose link has been closed")
		}
		f()
		p.inside.Add(-1)
	}
	link, err := r.bus.Connect(r.ctx(), relay.Receiver{
		Packet: func(q relay.Packet) { call(func() { p.got.add(q) }) },
		Event:  func(e relay.Event) { call(func() { p.events.add(e) }) },
	})
	r.must(err)
	p.Link = link
	r.Cleanup(func() {
		if err := p.Close(r.ctx()); err != nil {
			r.Error(err)
		}
		p.over.Store(true)
	})
	for _, s := range subjects {
		r.must(p.Subscribe(s))
	}
	r.must(p.Flush(r.ctx()))
	return p
}

func (r *run) publish(from *peer, subject, data string) {
	r.Helper()
	r.must(from.Publish(relay.Packet{Subject: subject, Data: []byte(data)}))
}

// texts are packets in the form that cases compare.
func texts(all []relay.Packet) (out []string) {
	for _, p := range all {
		out = append(out, p.Subject+" "+string(p.Data))
	}
	return out
}

func (r *run) equal(what string, want, got []string) {
	r.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		r.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

var linkCases = []kase{
	{"carries", "who asks for a subject gets what is published there, to the byte, and nobody else does", true, false, func(r *run) {
		a, b, c := r.connect("x"), r.connect("x", "y"), r.connect("x.z")
		data := string([]byte{0, 1, '\r', '\n', 255, 0})
		r.publish(a, "x", data)
		r.publish(a, "y", "")
		r.publish(a, "x.z", "end")
		r.publish(b, "x", "end")
		r.equal("a subscriber", []string{"x " + data, "y "}, texts(b.got.until(r, "two packets", count[relay.Packet](2))))
		r.equal("a longer subject is another", []string{"x.z end"}, texts(c.got.until(r, "one packet", count[relay.Packet](1))))
		r.equal("not what it published itself", []string{"x end"}, texts(a.got.until(r, "one packet", count[relay.Packet](1))))
	}},
	{"one-order", "what one node says arrives in one order over all subjects, so that an answer covers what was said before", true, false, func(r *run) {
		subjects := []string{"a", "b.c", "d"}
		from, to := r.connect(), r.connect(subjects...)
		var want []string
		for i := range 3000 {
			s := subjects[i%len(subjects)]
			want = append(want, fmt.Sprintf("%s %d", s, i))
			r.publish(from, s, fmt.Sprint(i))
		}
		r.equal("order", want, texts(to.got.until(r, "3000 packets", count[relay.Packet](3000))))
	}},
	{"keeps-nothing", "whoever publishes uses the bytes again", true, false, func(r *run) {
		from, to := r.connect(), r.connect("x")
		data := []byte("before")
		r.must(from.Publish(relay.Packet{Subject: "x", Data: data}))
		copy(data, "AFTER!")
		r.equal("data", []string{"x before"}, texts(to.got.until(r, "one packet", count[relay.Packet](1))))
	}},
	{"bounds", "a packet that cannot be carried is refused with a reason, and one that is as large as allowed arrives", true, false, func(r *run) {
		from, to := r.connect(), r.connect("x")
		limit := from.MaxPayload()
		if err := from.Publish(relay.Packet{Subject: "x", Data: make([]byte, limit+1)}); !errors.Is(err, relay.ErrTooLarge) {
			r.Errorf("%d bytes: error %v, want ErrTooLarge", limit+1, err)
		}
		whole := bytes.Repeat([]byte("s"), limit)
		r.must(from.Publish(relay.Packet{Subject: "x", Data: whole}))
		if got := to.got.until(r, "one packet", count[relay.Packet](1)); !bytes.Equal(got[0].Data, whole) {
			r.Errorf("%d bytes arrived, want %d", len(got[0].Data), limit)
		}
	}},
	{"subjects", "a subject with a wildcard or a space would reach others, or break the protocol", false, false, func(r *run) {
		p := r.connect()
		for _, s := range []string{"", "a b", "a..b", ".a", "a.", "a.*", ">", "a\r\nb", "a.é", string(make([]byte, relay.MaxSubject+1))} {
			if err := p.Publish(relay.Packet{Subject: s}); err == nil {
				r.Errorf("%q can be published to", s)
			}
			if err := p.Subscribe(s); err == nil {
				r.Errorf("%q can be subscribed to", s)
			}
		}
	}},
	{"unsubscribe", "a subscription ends, ends only itself, and can begin again", true, false, func(r *run) {
		from, to := r.connect(), r.connect("x", "x", "y")
		r.publish(from, "x", "1")
		to.got.until(r, "one packet", count[relay.Packet](1))
		r.must(to.Unsubscribe("x"))
		r.must(to.Unsubscribe("x"))
		r.must(to.Unsubscribe("never"))
		r.must(to.Flush(r.ctx()))
		r.publish(from, "x", "2")
		r.publish(from, "y", "3")
		to.got.until(r, "two packets", count[relay.Packet](2))
		r.must(to.Subscribe("x"))
		r.must(to.Flush(r.ctx()))
		r.publish(from, "x", "4")
		r.equal("packets", []string{"x 1", "y 3", "x 4"}, texts(to.got.until(r, "three packets", count[relay.Packet](3))))
	}},
	{"close", "what was said before the end arrives; after it there is neither a call nor a success", true, false, func(r *run) {
		from, to := r.connect("x"), r.connect("x")
		for i := range 100 {
			r.publish(from, "x", fmt.Sprint(i))
		}
		r.must(from.Close(r.ctx()))
		from.over.Store(true)
		to.got.until(r, "100 packets", count[relay.Packet](100))
		r.publish(to, "x", "nobody")
		r.must(to.Flush(r.ctx()))
		if err := from.Publish(relay.Packet{Subject: "x"}); !errors.Is(err, relay.ErrClosed) {
			r.Errorf("publishing after the end: error %v, want ErrClosed", err)
		}
		if err := from.Subscribe("y"); err == nil {
			r.Error("subscribing after the end is no error")
		}
		r.must(from.Close(r.ctx()))
	}},
	{"concurrent", "all methods of a link may be called from any goroutine", false, false, func(r *run) {
		from, to := r.connect("x"), r.connect()
		done := make(chan struct{})
		for g := range 4 {
			go func() {
				defer func() { done <- struct{}{} }()
				for i := range 200 {
					s := fmt.Sprintf("s%d", (i+g)%5)
					_ = to.Subscribe(s)
					_ = from.Publish(relay.Packet{Subject: s})
					_ = to.Unsubscribe(s)
				}
			}()
		}
		for range 4 {
			<-done
		}
	}},
	{"bounce", "after a connection was lost and came back, the receiver has been told and the subscriptions hold", true, true, func(r *run) {
		from, to := r.connect(), r.connect("x")
		r.o.Bounce(r.T)
		both := func(all []relay.Event) bool { return len(all) >= 2 }
		for _, p := range []*peer{from, to} {
			events := p.events.until(r, "an end and a return", both)
			if diff := cmp.Diff([]relay.Event{relay.Lost, relay.Back}, events); diff != "" {
				r.Errorf("events (-want +got):\n%s", diff)
			}
		}
		r.publish(from, "x", "again")
		r.equal("packets", []string{"x again"}, texts(to.got.until(r, "one packet", count[relay.Packet](1))))
	}},
}
