package sfere_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/relay/natsrelay"
	"github.com/sfere-go/sfere/sse"
)

// buses are the relays of tests in real time.
func buses(t *testing.T) map[string]func() relay.Relay {
	all := map[string]func() relay.Relay{"memory": memoryBus}
	if testing.Short() {
		return all
	}
	nats, err := natsrelay.StartEmbedded(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nats.Close)
	all["NATS"] = func() relay.Relay { return natsrelay.New(nats.URL(), nil) }
	return all
}

// joinNow makes n Conns nodes of a bus, in real time.
func joinNow(t testing.TB, bus func() relay.Relay, n int) (all []*sfere.Conns) {
	t.Helper()
	for i := range n {
		c := sfere.New(&sfere.Options{Relay: bus(), Node: &relay.Options{
			Name: fmt.Sprint("node-", i), Keys: [][]byte{[]byte("a key of at least 16 bytes")}, AnswerWithin: 30 * time.Second,
		}})
		t.Cleanup(c.Close)
		if err := c.JoinRelay(t.Context()); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// Of all who claim a key at the same time, on three nodes, exactly one gets it, however
// often; and all nodes know who.
func TestClaimByManyNodesAtOnce(t *testing.T) {
	const rounds, each = 100, 3
	all := buses(t)
	shared := all["memory"]()
	all["memory"] = func() relay.Relay { return shared }
	for name, bus := range all {
		t.Run(name, func(t *testing.T) {
			conns := joinNow(t, bus, 3)
			won := map[int]int{}
			for round := range rounds {
				k := key(fmt.Sprint("seat ", round))
				var wg sync.WaitGroup
				var mu sync.Mutex // guards owners
				var owners []string
				start := make(chan struct{})
				for i := range 3 * each {
					wg.Go(func() {
						<-start
						owner := fmt.Sprint("owner ", i)
						err := conns[(i+round)%3].Claim(k, owner, time.Hour)
						if err != nil && sse.StatusOf(err) != http.StatusConflict {
							t.Errorf("claiming: %v", err)
						}
						if err == nil {
							mu.Lock()
							owners = append(owners, owner)
							won[(i+round)%3]++
							mu.Unlock()
						}
					})
				}
				close(start)
				wg.Wait()
				if len(owners) != 1 {
					t.Fatalf("round %d: %q have it", round, owners)
				}
				until(t, "all nodes know the owner", func() bool {
					return !slices.ContainsFunc(conns, func(c *sfere.Conns) bool {
						got, _ := c.OwnerOf(k)
						return got != owners[0]
					})
				})
			}
			t.Logf("won by node: %v", won)
		})
	}
}
