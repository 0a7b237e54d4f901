// Package relaytest checks relays.
//
//	func TestRelay(t *testing.T) {
//		relaytest.Relay(t, relaytest.Options{
//			New: func(t *testing.T) relay.Relay { return relay.NewMemory(nil) },
//		})
//	}
package relaytest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// Options say what the relay under test promises.
type Options struct {
	// New returns a relay that nobody is connected to. What it needs is cleaned up by
	// t.Cleanup.
	New func(t *testing.T) relay.Relay
	// Lossy tells that packets may be lost, doubled and overtaken. Then only those
	// cases run that hold all the same.
	Lossy bool
	// Bounce breaks all connections to the relay that New returned last, and repairs
	// them. nil leaves out the cases about it.
	Bounce func(t *testing.T)
}

// Relay runs the conformance cases that apply to the relay.
func Relay(t *testing.T, o Options) {
	t.Helper()
	if o.New == nil {
		t.Fatal("relaytest: Options need New")
	}
	for _, c := range cases {
		if c.exact && o.Lossy || c.bounce && o.Bounce == nil {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			r := &run{T: t, o: o, bus: o.New(t)}
			defer func() {
				if t.Failed() {
					t.Log("why this matters: " + c.reason)
				}
			}()
			c.run(r)
		})
	}
}

// kase is one promise of a relay.
type kase struct {
	name   string
	reason string
	exact  bool // not for relays that lose packets
	bounce bool
	run    func(*run)
}

var cases = append(append([]kase{}, linkCases...), nodeCases...)

// run is one case at work.
type run struct {
	*testing.T
	o   Options
	bus relay.Relay
}

// patience is how long a case waits for what has to happen.
const patience = 20 * time.Second

func (r *run) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r.Cleanup(cancel)
	return ctx
}

func (r *run) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// until waits until yes holds for what cannot be waited for otherwise.
func (r *run) until(what string, yes func() bool) {
	r.Helper()
	limit := time.After(patience)
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !yes() {
		select {
		case <-look.C:
		case <-limit:
			r.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// log collects what comes, and lets others wait for it.
type log[E any] struct {
	mu   sync.Mutex // guards the rest
	all  []E
	more chan struct{} // closed when the next comes
}

func (l *log[E]) add(e E) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, e)
	if l.more != nil {
		close(l.more)
		l.more = nil
	}
}

func (l *log[E]) get() []E {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]E(nil), l.all...)
}

// until waits until enough holds for what has come, and returns that.
func (l *log[E]) until(r *run, what string, enough func([]E) bool) []E {
	r.Helper()
	limit := time.After(patience)
	for {
		l.mu.Lock()
		all := append([]E(nil), l.all...)
		if enough(all) {
			l.mu.Unlock()
			return all
		}
		if l.more == nil {
			l.more = make(chan struct{})
		}
		more := l.more
		l.mu.Unlock()
		select {
		case <-more:
		case <-limit:
			r.Fatalf("waited %v for %s; there is %+v", patience, what, all)
		}
	}
}

// count is enough when n have come.
func count[E any](n int) func([]E) bool { return func(all []E) bool { return len(all) >= n } }
