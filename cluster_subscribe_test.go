package sfere_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/relay"
)

// A stream costs one subscription beside those of its room, scope and category, and
// none when it has ended.
func TestClusterSubscriptions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := &countingBus{Relay: relay.NewMemory(nil), subs: map[string]bool{}}
		r := newRig(t, setup{opts: sfere.Options{Relay: bus, Node: &relay.Options{Linger: -1}}})
		early := r.visit("id=early") // before the node joins
		synctest.Wait()
		if err := r.conns.JoinRelay(t.Context()); err != nil {
			t.Fatal(err)
		}
		const coarse = 4 // everybody, scope, category, room
		want := func(n int) {
			t.Helper()
			settle()
			if got := bus.count(); got != n {
				t.Errorf("%d subscriptions, want %d", got, n)
			}
		}
		want(coarse + 1)
		var all []*client
		for i := range 100 {
			all = append(all, r.visit(fmt.Sprint("id=p", i)))
		}
		all = append(all, r.visit("id=p0")) // a second tab
		want(coarse + 101)
		all[0].close()
		want(coarse + 101)
		for _, c := range all[1:] {
			c.close()
		}
		want(coarse + 1)
		early.close()
		want(1)
		back := r.visit("id=early")
		want(coarse + 1)
		back.close()
		r.conns.Close()
	})
}
