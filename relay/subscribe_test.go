package relay

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

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
