package sfere_test

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// join makes a rig of each setup a node of bus.
func joinRigs(t testing.TB, bus relay.Relay, n int, s setup) []*rig {
	t.Helper()
	var rigs []*rig
	for i := range n {
		rigs = append(rigs, joinRig(t, bus, i, s))
	}
	time.Sleep(100 * time.Millisecond) // they meet
	return rigs
}

// joinRig makes a rig of a setup the node i of bus.
func joinRig(t testing.TB, bus relay.Relay, i int, s setup) *rig {
	t.Helper()
	s.opts.Relay = bus
	s.opts.Node = nodeOptions(i, s.opts.Node)
	r := newRig(t, s)
	if err := r.conns.JoinRelay(context.Background()); err != nil {
		t.Fatal(err)
	}
	return r
}

func nodeOptions(i int, o *relay.Options) *relay.Options {
	var node relay.Options
	if o != nil {
		node = *o
	}
	node.Name = string(rune('a' + i))
	return &node
}

// inCluster runs a test in a bubble with n rigs on a bus, which end with it.
func inCluster(t *testing.T, bus func() relay.Relay, n int, s setup, do func(t *testing.T, bus relay.Relay, rigs []*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := bus()
		rigs := joinRigs(t, b, n, s)
		do(t, b, rigs)
		for _, r := range rigs {
			if err := r.hub.Drain(context.Background(), 0); err != nil {
				t.Error(err)
			}
			r.conns.Close()
		}
		synctest.Wait()
	})
}

func memoryBus() relay.Relay { return relay.NewMemory(nil) }

// settle gives what is on its way time to arrive.
func settle() { time.Sleep(settleT); synctest.Wait() }

const settleT = 300 * time.Millisecond

// countingBus counts the subscriptions of programs, and what they publish.
type countingBus struct {
	relay.Relay

	mu    sync.Mutex // guards all below
	subs  map[string]bool
	bytes int
}

// published returns how many bytes have been published.
func (b *countingBus) published() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes
}

func (b *countingBus) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.subs)
}

func (b *countingBus) Connect(ctx context.Context, to relay.Receiver) (relay.Link, error) {
	l, err := b.Relay.Connect(ctx, to)
	return &countingLink{l, b}, err
}

type countingLink struct {
	relay.Link
	bus *countingBus
}

func (l *countingLink) Publish(p relay.Packet) error {
	l.bus.mu.Lock()
	l.bus.bytes += len(p.Data)
	l.bus.mu.Unlock()
	return l.Link.Publish(p)
}

func (l *countingLink) Subscribe(subject string) error {
	if own := strings.Contains(subject, ".all") || strings.Contains(subject, ".node."); !own {
		l.bus.mu.Lock()
		l.bus.subs[subject] = true
		l.bus.mu.Unlock()
	}
	return l.Link.Subscribe(subject)
}

func (l *countingLink) Unsubscribe(subject string) error {
	l.bus.mu.Lock()
	delete(l.bus.subs, subject)
	l.bus.mu.Unlock()
	return l.Link.Unsubscribe(subject)
}

// gapLog counts gaps.
type gapLog struct {
	mu  sync.Mutex // guards all
	all []relay.Gap
}

func (g *gapLog) add(gap relay.Gap) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all = append(g.all, gap)
}

func (g *gapLog) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.all)
}

func queryEscape(s string) string { return url.QueryEscape(s) }

// lastText returns the text of the last tell, or the signals as they are.
func lastText(c *client) string {
	all := strings.Fields(c.texts())
	return all[len(all)-1]
}
