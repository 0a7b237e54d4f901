package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/relay/natsrelay"
)

// nodes is how this process hears of the others. The zero value is for a single one.
type nodes struct {
	bus  relay.Relay
	keys [][]byte
}

// connect returns the NATS server at a URL, or for "embedded" one inside this process,
// whose URL it prints for the others. What is said is signed with key, which a server
// elsewhere demands. The caller calls end when it serves no more.
func connect(ctx context.Context, where, key string) (n nodes, end func(), err error) {
	if where == "" {
		return nodes{}, func() {}, nil
	}
	if key = cmp.Or(key, os.Getenv("SFERE_KEY")); key != "" {
		n.keys = [][]byte{[]byte(key)}
	}
	if where != "embedded" {
		n.bus = natsrelay.New(where, nil)
		return n, func() {}, nil
	}
	server, err := natsrelay.StartEmbedded(ctx, nil)
	if err != nil {
		return nodes{}, nil, err
	}
	n.bus = server
	fmt.Printf("others:    -nats %s\n", server.URL())
	return n, server.Close, nil
}

// options are those of a node. Whoever looks into the program tells nodes by their names.
func (n nodes) options() *relay.Options {
	return &relay.Options{Name: fmt.Sprintf("lobby-%d", os.Getpid()), Keys: n.keys}
}

// The framework carries what is said to the pages of all processes. What was said is
// state of this program, so the program itself takes care that each process has it: the
// talk is a node of its own, which tells the others each line before any page shows it,
// and asks them for their lines when it meets them and when it may have missed one. What
// pages may have missed is shown again. Its subjects begin with "sfere-lobby.", where an
// account of NATS must be allowed to publish and subscribe as well.

const (
	shareWithin = 200 * time.Millisecond // how long a process that is stuck holds up a message
	maxAnswer   = 1 << 19                // bytes
	leaveWithin = time.Second
)

// exchange is what the talks of two processes say to each other.
type exchange struct {
	Lines []line `json:"lines,omitempty"`
	Want  bool   `json:"want,omitempty"` // the answer is all lines
}

// join makes t one of the talks of several processes. It does nothing for a single one.
func (t *talk) join(ctx context.Context, n nodes) (err error) {
	if n.bus == nil {
		return nil
	}
	ready := make(chan struct{})
	defer close(ready)
	o := n.options()
	o.Prefix, o.AnswerWithin = "sfere-lobby", shareWithin
	o.Answer = func(q relay.Question) (json.RawMessage, error) { <-ready; return t.answer(q) }
	o.Gap = func(relay.Gap) { <-ready; t.fetch() }
	o.Changed = func(m relay.Member) {
		if <-ready; m.State == relay.Live {
			t.fetch(m.ID)
		}
	}
	t.node, err = relay.Join(ctx, n.bus, o)
	return err
}

// missed is called when pages here may have missed something, such as what was said
// just before this process was known to be interested. Every loss is told, and nothing
// is sent again but by the program.
func (s *server) missed(g relay.Gap) {
	switch g.To {
	case relay.Address{}: // of everything
		s.again(0)
	case relay.Address{Scope: sfere.DefaultScope, Category: "lobby"}:
		s.again(time.Now().Add(-crossing).UnixMicro())
	}
}

// again shows what was said from a time on, on all pages, whatever of it they show.
func (s *server) again(since int64) {
	if lines := s.talk.since(since); len(lines) > 0 {
		s.say(effect.Serial{Key: "talk", Effects: effect.List{sfere.Tell(lobby, showLines(lines)...)}})
	}
}

// leave ends what join began.
func (t *talk) leave() {
	if t.node == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveWithin)
	defer cancel()
	_ = t.node.Close(ctx) // what others have not heard they ask for
	t.fetches.Wait()
}

// share tells the other processes a line and waits until they have it. Who does not
// answer asks for it later.
func (t *talk) share(ctx context.Context, l line) {
	if t.node != nil {
		text, _ := json.Marshal(exchange{Lines: []line{l}}) // texts and a number
		_, _ = t.node.Ask(ctx, relay.Sent{}, text)
	}
}

// fetch asks other processes, all if none is given, for what was said.
func (t *talk) fetch(of ...relay.ID) {
	t.fetches.Go(func() {
		answers, _ := t.node.Ask(context.Background(), relay.Sent{}, json.RawMessage(`{"want":true}`), of...)
		for _, a := range answers {
			var x exchange
			if json.Unmarshal(a.Data, &x) == nil {
				if since := t.keep(x.Lines...); since != 0 {
					t.learned(since)
				}
			}
		}
	})
}

// answer is asked by other processes.
func (t *talk) answer(q relay.Question) (text json.RawMessage, err error) {
	var x exchange
	if err := json.Unmarshal(q.Data, &x); err != nil {
		return nil, err
	}
	t.keep(x.Lines...)
	if !x.Want {
		return nil, nil
	}
	for lines := t.after(""); ; lines = lines[(len(lines)+1)/2:] { // without the older half
		if text, err = json.Marshal(exchange{Lines: lines}); err != nil || len(text) <= maxAnswer {
			return text, err
		}
	}
}
