package relaytest_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/relay/natsrelay"
	"github.com/sfere-go/sfere/relay/relaytest"
)

// No test of this package may leave a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts a server, which the caller must close.
func start(t *testing.T, o *natsrelay.EmbeddedOptions) *natsrelay.Embedded {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	e, err := natsrelay.StartEmbedded(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRelayConformance(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		relaytest.Relay(t, relaytest.Options{New: func(*testing.T) relay.Relay { return relay.NewMemory(nil) }})
	})
	t.Run("faulty-without-faults", func(t *testing.T) {
		var f *relay.Faulty
		relaytest.Relay(t, relaytest.Options{
			New: func(*testing.T) relay.Relay { f = relay.NewFaulty(relay.NewMemory(nil), nil); return f },
			Bounce: func(*testing.T) {
				for i := range 2 {
					f.Disconnect(i)
				}
				for i := range 2 {
					f.Reconnect(i)
				}
			},
		})
	})
	for _, c := range []struct {
		name string
		o    relay.FaultyOptions
	}{
		{"drops", relay.FaultyOptions{Seed: 1, Drop: 0.1}},
		{"doubles", relay.FaultyOptions{Seed: 2, Double: 0.2, Hold: 5 * time.Millisecond}},
		{"reorders", relay.FaultyOptions{Seed: 3, Reorder: 0.2, Hold: 5 * time.Millisecond}},
		{"delays", relay.FaultyOptions{Seed: 4, Delay: 3 * time.Millisecond}},
		{"everything", relay.FaultyOptions{Seed: 5, Drop: 0.05, Double: 0.05, Reorder: 0.05, Delay: time.Millisecond, Hold: 5 * time.Millisecond}},
	} {
		t.Run("faulty-"+c.name, func(t *testing.T) {
			relaytest.Relay(t, relaytest.Options{
				New:   func(*testing.T) relay.Relay { return relay.NewFaulty(relay.NewMemory(nil), &c.o) },
				Lossy: c.o.Drop+c.o.Double+c.o.Reorder > 0,
			})
		})
	}
	t.Run("nats-inside", func(t *testing.T) {
		relaytest.Relay(t, relaytest.Options{New: func(t *testing.T) relay.Relay {
			e := start(t, nil)
			t.Cleanup(e.Close)
			return e
		}})
	})
	t.Run("nats", func(t *testing.T) {
		var e *natsrelay.Embedded
		relaytest.Relay(t, relaytest.Options{
			New: func(t *testing.T) relay.Relay {
				e = start(t, nil)
				t.Cleanup(func() { e.Close() }) // the one that is there at the end
				return natsrelay.New(e.URL(), &natsrelay.Options{ReconnectWait: 10 * time.Millisecond})
			},
			Bounce: func(t *testing.T) {
				port := e.Port()
				e.Close()
				e = start(t, &natsrelay.EmbeddedOptions{Port: port})
			},
		})
	})
}
