package sfere

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// presenceBus counts what is said of presence.
type presenceBus struct {
	relay.Relay

	mu              sync.Mutex // guards the fields below
	messages, bytes int
}

func (b *presenceBus) Connect(ctx context.Context, to relay.Receiver) (relay.Link, error) {
	l, err := b.Relay.Connect(ctx, to)
	return &presenceLink{l, b}, err
}

type presenceLink struct {
	relay.Link
	bus *presenceBus
}

func (l *presenceLink) Publish(p relay.Packet) error {
	if strings.Contains(p.Subject, ".presence.") {
		l.bus.mu.Lock()
		l.bus.messages++
		l.bus.bytes += len(p.Data)
		l.bus.mu.Unlock()
	}
	return l.Link.Publish(p)
}

// count returns what was said since the last time.
func (b *presenceBus) count() (messages, bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	messages, bytes = b.messages, b.bytes
	b.messages, b.bytes = 0, 0
	return messages, bytes
}

// presenceNode makes a crowd a node of bus.
func presenceNode(b *testing.B, bus relay.Relay, name string) *crowded {
	c := newCrowd(b, 0)
	c.conns.opts.Relay, c.conns.opts.Node = bus, &relay.Options{Name: name}
	if err := c.conns.JoinRelay(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.conns.Close)
	return c
}

// presenceUntil waits for a condition.
func presenceUntil(b *testing.B, what string, is func() bool) {
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			b.Fatal("in vain: ", what)
		}
	}
}

// BenchmarkPresenceOpenClose opens and closes streams: without anything, with a watch,
// with a relay on which nobody asks, and with one on which another node watches, too.
// They take turns, 200 streams each, and what counts is the best turn of each, as others
// may use the machine. Ratios are to the first.
func BenchmarkPresenceOpenClose(b *testing.B) {
	const perTurn = 200
	watch := func(c *crowded) {
		w, err := c.conns.Watch(Category("lobby"), nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(w.Stop)
	}
	type variant struct {
		name                 string
		relay, watch, others bool // others: another node watches
		c                    *crowded
		best                 time.Duration
	}
	all := []*variant{
		{name: "plain"}, {name: "watched", watch: true}, {name: "relay", relay: true},
		{name: "relay+watched", relay: true, watch: true}, {name: "relay+both-watched", relay: true, watch: true, others: true},
	}
	for _, v := range all {
		if v.relay {
			bus := relay.NewMemory(nil)
			v.c = presenceNode(b, bus, "a")
			far := presenceNode(b, bus, "b")
			if v.others {
				watch(far)
				presenceUntil(b, "the other node asks", func() bool { return v.c.conns.feeding.Load() != nil })
			}
		} else {
			v.c = newCrowd(b, 0)
			b.Cleanup(v.c.conns.Close)
		}
		if v.watch {
			watch(v.c)
		}
	}
	for b.Loop() {
		for _, v := range all {
			began := time.Now()
			for i := range perTurn {
				v.c.open(Key{DefaultScope, "lobby", fmt.Sprint("p", i)})()
				v.c.wg.Wait()
			}
			if took := time.Since(began); v.best == 0 || took < v.best {
				v.best = took
			}
		}
	}
	for _, v := range all {
		b.ReportMetric(float64(v.best.Nanoseconds())/perTurn, v.name+"-ns")
		b.ReportMetric(float64(v.best)/float64(all[0].best), v.name+"-x")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkPresenceStorm opens 10 000 streams on one node, and waits until another one
// knows all of them; then it closes them all.
func BenchmarkPresenceStorm(b *testing.B) {
	const people = 10_000
	bus := &presenceBus{Relay: relay.NewMemory(nil)}
	c, far := presenceNode(b, bus, "a"), presenceNode(b, bus, "b")
	w, err := far.conns.Watch(Category("lobby"), &PresenceOptions{Grace: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Stop()
	presenceUntil(b, "the other node asks", func() bool { return c.conns.feeding.Load() != nil })
	here := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.list.Len()
	}
	var joins, joined, leaves, left int
	var late time.Duration
	b.ReportAllocs()
	for b.Loop() {
		bus.count()
		for i := range people {
			c.leave = append(c.leave, c.open(Key{DefaultScope, "lobby", fmt.Sprint("person-", i)}))
		}
		last := time.Now()
		presenceUntil(b, "all are known", func() bool { return here() == people })
		late += time.Since(last)
		m, n := bus.count()
		joins, joined = joins+m, joined+n
		c.end()
		c.leave = nil
		presenceUntil(b, "all have left", func() bool { return here() == 0 })
		m, n = bus.count()
		leaves, left = leaves+m, left+n
	}
	per := func(n int) float64 { return float64(n) / float64(b.N) }
	b.ReportMetric(per(joins), "msg/joins")
	b.ReportMetric(per(joined)/people, "B/join")
	b.ReportMetric(per(leaves), "msg/leaves")
	b.ReportMetric(per(left)/people, "B/leave")
	b.ReportMetric(float64(late.Milliseconds())/float64(b.N), "ms-until-known")
}
