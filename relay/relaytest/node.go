package relaytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
)

// node is a node and what it has been told.
type node struct {
	*relay.Node
	got      log[relay.Received]
	gaps     log[relay.Gap]
	members  log[relay.Member]
	refusals log[relay.Refusal]
}

// beat is that of the nodes of all cases.
const beat = 100 * time.Millisecond

func (r *run) join(name string, change func(*relay.Options)) *node {
	r.Helper()
	n := &node{}
	o := relay.Options{
		Name: name, Keys: [][]byte{bytes.Repeat([]byte{7}, 32)}, Beat: beat, Linger: -1, Jitter: -1, AnswerWithin: patience,
		Receive: n.got.add, Gap: n.gaps.add, Changed: n.members.add, Refused: n.refusals.add,
	}
	if change != nil {
		change(&o)
	}
	var err error
	n.Node, err = relay.Join(r.ctx(), r.bus, &o)
	r.must(err)
	r.Cleanup(func() {
		if err := n.Close(r.ctx()); err != nil {
			r.Error(err)
		}
	})
	return n
}

// meet waits until all nodes know each other.
func (r *run) meet(nodes ...*node) {
	r.Helper()
	for _, n := range nodes {
		r.until("all others", func() bool { return len(n.Members()) == len(nodes) })
	}
}

func (r *run) hold(n *node, at ...relay.Address) {
	r.Helper()
	for _, a := range at {
		r.must(n.Subscribe(a))
	}
	r.must(n.Flush(r.ctx()))
}

func (r *run) send(n *node, to relay.Address, topic string) relay.Sent {
	r.Helper()
	sent, err := n.Send(relay.Envelope{To: to, Report: true, Body: relay.Refresh{Topic: topic}})
	r.must(err)
	return sent
}

// topics are refreshes in the form that cases compare.
func topics(all []relay.Received) (out []string) {
	for _, m := range all {
		if b, ok := m.Body.(relay.Refresh); ok {
			out = append(out, b.Topic)
		}
	}
	return out
}

// fates are answers in the form that cases compare.
func fates(all []relay.Answer) (out []string) {
	for _, a := range all {
		out = append(out, a.Name+" "+string(a.Fate))
	}
	return out
}

var (
	acme  = relay.Address{Scope: "acme", Category: "room"}
	other = relay.Address{Scope: "other", Category: "room"}
	ann   = relay.Address{Scope: "acme", Category: "room", ID: "ann > *.x"}
)

var nodeCases = []kase{
	{"members", "every node knows who is there, by one run of the program, and is told once of each arrival and departure", true, false, func(r *run) {
		a, b, c := r.join("a", nil), r.join("b", nil), r.join("c", nil)
		r.meet(a, b, c)
		b.Drain()
		r.until("b to drain", func() bool { return a.Members()[1].Draining })
		r.must(b.Close(r.ctx()))
		for _, n := range []*node{a, c} {
			n.members.until(r, "b to leave", func(all []relay.Member) bool { return all[len(all)-1].State == relay.Left })
		}
		var names []string
		for _, m := range a.Members() {
			names = append(names, fmt.Sprintf("%s %s %v", m.Name, m.State, m.Self))
		}
		r.equal("members", []string{"a live true", "c live false"}, names)
		again := r.join("b", nil)
		r.meet(a, again, c)
		if again.ID() == b.ID() {
			r.Error("a program that was started again is the same run")
		}
	}},
	{"kinds", "what is said arrives as it was said: frames to the byte, places, times and numbers with all digits", true, false, func(r *run) {
		a, b := r.join("a", nil), r.join("b", nil)
		r.meet(a, b)
		r.must(b.SubscribePresence(ann))
		r.hold(b, ann)
		frame, err := sse.RawFrame([]byte("event: x\ndata: <é>\n\n"), &sse.FrameOptions{Coalesce: "k", Overflow: sse.DropOldest, Version: 3})
		r.must(err)
		at := time.Now().Add(time.Hour)
		effect := json.RawMessage(`{"effect":"a/b","args":{"n":12345678901234567890}}`)
		steps := []relay.Step{{Frames: []*sse.Frame{frame, frame}}, {Effect: effect}}
		want := []relay.Body{
			relay.Broadcast{Steps: steps, Each: true}, relay.Refresh{Topic: "t/1", Views: []json.RawMessage{effect}, After: 1 << 63},
			relay.Close{Cause: "closed", Streams: []relay.Stream{{Node: a.ID(), ID: 1 << 63}}}, relay.Kick{Why: steps, Until: at}, relay.Admit{},
			relay.Claim{Rule: relay.Newest, At: 1}, relay.Claims{All: []relay.Claimed{{Owner: "o", At: 2, For: time.Second}}},
			relay.Presence{Seq: 1 << 63, Here: []relay.Visitor{{Key: ann, Since: at}}, Gone: []relay.Departure{{Key: other, Final: true}}},
		}
		for _, body := range want {
			_, err := a.Send(relay.Envelope{To: ann, Deadline: at, Body: body, Exclude: relay.Exclude{Matching: []relay.Address{other}}})
			r.must(err)
		}
		private := relay.Interest{Of: []relay.Known{{To: ann, Seq: 1 << 63, Hash: 1<<64 - 1}}}
		r.must(a.SendTo(b.ID(), relay.Envelope{To: ann, Deadline: at, Body: private, Exclude: relay.Exclude{Matching: []relay.Address{other}}}))
		want = append(want, private)
		var got []relay.Body
		for _, m := range b.got.until(r, "all kinds", count[relay.Received](len(want))) {
			got = append(got, m.Body)
			if m.From != a.ID() || m.To != ann || !m.Deadline.Equal(at) || len(m.Exclude.Matching) != 1 {
				r.Errorf("the envelope is %+v", m)
			}
		}
		same := cmp.Comparer(func(a, b *sse.Frame) bool { return bytes.Equal(a.Bytes(), b.Bytes()) && a.Options() == b.Options() })
		if diff := cmp.Diff(want, got, same, cmpopts.EquateEmpty()); diff != "" {
			r.Errorf("bodies (-want +got):\n%s", diff)
		}
	}},
	{"scopes", "nothing reaches a node that has nobody in the scope, however odd its name is", true, false, func(r *run) {
		odd := []relay.Address{acme, other, ann, {Scope: "acme.room"}, {Scope: "acme"}, {Category: "room"}, {}, {Scope: "_"}, {Scope: "*x"}, {Scope: strings.Repeat("s", 200)}}
		a := r.join("a", nil)
		nodes := []*node{a}
		for i, at := range odd {
			n := r.join(fmt.Sprintf("n%d", i), nil)
			r.hold(n, at)
			nodes = append(nodes, n)
		}
		r.meet(nodes...)
		for i, to := range odd {
			answers, err := a.Ask(r.ctx(), r.send(a, to, fmt.Sprint(i)), nil) // a barrier
			r.must(err)
			for _, answer := range answers {
				want := relay.Nobody
				if answer.Name == fmt.Sprintf("n%d", i) {
					want = relay.Taken
				}
				if answer.Fate != want {
					r.Errorf("a message for %+v at %s is %s, want %s", to, answer.Name, answer.Fate, want)
				}
			}
		}
		for i, n := range nodes[1:] {
			r.equal(fmt.Sprintf("node of %+v", odd[i]), []string{fmt.Sprint(i)}, topics(n.got.get()))
		}
	}},
	{"answers", "an answer covers the message that was sent before it, and says what the program says", true, false, func(r *run) {
		a := r.join("a", nil)
		var b *node
		b = r.join("b", func(o *relay.Options) {
			o.Answer = func(q relay.Question) (json.RawMessage, error) {
				got := b.got.get()
				return json.Marshal(len(got) > 0 && got[len(got)-1].Seq == q.Seq && q.From == a.ID() && string(q.Data) == `"why"`)
			}
		})
		c := r.join("c", func(o *relay.Options) {
			o.Answer = func(relay.Question) (json.RawMessage, error) { return nil, errors.New("no idea") }
		})
		d := r.join("d", func(o *relay.Options) {
			o.Answer = func(relay.Question) (json.RawMessage, error) { return json.RawMessage("{"), nil }
		})
		e := r.join("e", nil)
		r.meet(a, b, c, d, e)
		for _, n := range []*node{b, c, d} {
			r.hold(n, acme)
		}
		for range 50 {
			answers, err := a.Ask(r.ctx(), r.send(a, acme, "t"), json.RawMessage(`"why"`))
			r.must(err)
			r.equal("fates", []string{"b taken", "c failed", "d failed", "e nobody"}, fates(answers))
			if string(answers[0].Data) != "true" {
				r.Fatalf("when it answered, b had not had the message: %s", answers[0].Data)
			}
			if answers[1].Reason != "no idea" || !strings.Contains(answers[2].Reason, "JSON") {
				r.Errorf("reasons %q, %q", answers[1].Reason, answers[2].Reason)
			}
		}
		one, err := a.Ask(r.ctx(), relay.Sent{}, nil, c.ID())
		r.must(err)
		r.equal("one node", []string{"c failed"}, fates(one))
	}},
	{"silence", "who does not answer in time is silent and never delivered, and holds nobody up for longer than the limit", true, false, func(r *run) {
		a := r.join("a", func(o *relay.Options) { o.AnswerWithin = 5 * beat })
		stuck := make(chan struct{})
		defer close(stuck)
		b := r.join("b", func(o *relay.Options) { o.Receive = func(relay.Received) { <-stuck } })
		r.meet(a, b)
		r.hold(b, acme)
		answers, err := a.Ask(r.ctx(), r.send(a, acme, "t"), nil)
		r.must(err)
		r.equal("fates", []string{"b silent"}, fates(answers))
	}},
	{"no-false-gaps", "a gap costs a refresh of everything that is shown: without a loss there is none", true, false, func(r *run) {
		a, b := r.join("a", nil), r.join("b", nil)
		r.meet(a, b)
		r.hold(b, acme, ann)
		for i := range 500 {
			r.send(a, []relay.Address{acme, ann, other}[i%3], fmt.Sprint(i))
		}
		_, err := a.Ask(r.ctx(), relay.Sent{}, nil)
		r.must(err)
		beats := b.Stats().Received
		r.until("beats with tails", func() bool { return b.Stats().Received > beats+4 })
		gaps := slices.DeleteFunc(b.gaps.get(), func(g relay.Gap) bool {
			return slices.Equal(g.Causes, []relay.Cause{relay.Asleep}) // the machine is busy
		})
		if len(gaps) > 0 {
			r.Errorf("gaps %+v", gaps)
		}
	}},
	{"too-large", "a message that does not fit is refused at its sender, which can then send a Refresh instead", true, false, func(r *run) {
		a := r.join("a", nil)
		_, err := a.Send(relay.Envelope{To: acme, Body: relay.Refresh{Topic: strings.Repeat("t", 1<<20)}})
		if e, ok := errors.AsType[*relay.Error](err); !ok || !errors.Is(err, relay.ErrTooLarge) {
			r.Errorf("error %v (%v), want an *Error with ErrTooLarge", err, e)
		}
	}},
	{"foreign", "a message is code in every browser: what is not signed with the key is refused, and told of", true, false, func(r *run) {
		a := r.join("a", nil)
		b := r.join("b", func(o *relay.Options) { o.Keys = [][]byte{bytes.Repeat([]byte{8}, 32)} })
		c := r.join("c", func(o *relay.Options) { o.Keys, o.Unsigned = nil, true })
		for _, n := range []*node{b, c} {
			r.hold(a, acme)
			r.send(n, acme, "forged")
		}
		a.refusals.until(r, "refusals of both", func(all []relay.Refusal) bool {
			forged := slices.ContainsFunc(all, func(f relay.Refusal) bool { return strings.Contains(f.Err.Error(), "another key") })
			bare := slices.ContainsFunc(all, func(f relay.Refusal) bool { return strings.Contains(f.Err.Error(), "not signed") })
			return forged && bare
		})
		if got := a.got.get(); len(got) > 0 || len(a.Members()) > 1 {
			r.Errorf("it took %+v and knows %+v", got, a.Members())
		}
	}},
	{"losses-have-gaps", "messages of one node with one address arrive in order and at most once, and every loss is a gap", false, false, func(r *run) {
		var seen log[happened]
		a := r.join("a", nil)
		b := r.join("b", func(o *relay.Options) {
			o.Receive = func(m relay.Received) { seen.add(happened{to: m.To, n: topics([]relay.Received{m})[0]}) }
			o.Gap = func(g relay.Gap) { seen.add(happened{to: g.To, gap: true}) }
		})
		r.meet(a, b)
		r.hold(b, acme, ann)
		const n = 400 // of each address
		for i := range n {
			for _, to := range []relay.Address{acme, ann} {
				r.send(a, to, fmt.Sprintf("%06d", i))
			}
		}
		// The last messages may be the lost ones. Then a gap follows: the tails tell of
		// it or, if those are lost, the beats that follow them.
		for _, to := range []relay.Address{acme, ann} {
			seen.until(r, "the last message, or a gap for it", func(all []happened) bool {
				next, gap := follow(r, all, to)
				return next == n || gap
			})
		}
	}},
	{"gap-after-bounce", "what was missed while there was no connection is a gap for everything, once", true, true, func(r *run) {
		a, b := r.join("a", nil), r.join("b", nil)
		r.meet(a, b)
		r.hold(b, acme)
		r.o.Bounce(r.T)
		for _, n := range []*node{a, b} {
			n.gaps.until(r, "a gap for everything", func(all []relay.Gap) bool {
				return slices.ContainsFunc(all, func(g relay.Gap) bool {
					return g.To == relay.Address{} && slices.Contains(g.Causes, relay.Reconnected)
				})
			})
		}
		r.send(a, acme, "again")
		b.got.until(r, "a message", count[relay.Received](1))
	}},
}

// happened is a message or a gap.
type happened struct {
	to  relay.Address
	n   string
	gap bool
}

// follow checks that the messages with an address are in order, and that in front of
// each that is not the next one there is a gap. It returns which is the next, and
// whether there is a gap since.
func follow(r *run, all []happened, to relay.Address) (next int, gap bool) {
	r.Helper()
	for _, h := range all {
		switch {
		case h.gap:
			gap = gap || h.to == to || h.to == relay.Address{}
		case h.to == to:
			var n int
			fmt.Sscanf(h.n, "%d", &n)
			if n < next {
				r.Fatalf("%v: %d came when %d was the next", to, n, next)
			}
			if n > next && !gap {
				r.Fatalf("%v: %d came when %d was the next, and nobody was told of a gap", to, n, next)
			}
			next, gap = n+1, false
		}
	}
	return next, gap
}
