package sfere_test

import (
	"fmt"
	"math/rand/v2"
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

// The same with messages that take their time, so that the bids of all nodes meet on the
// way; with streams that want the key for themselves as well.
func TestClaimsMeetOnTheWay(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			bus := func() relay.Relay {
				return relay.NewFaulty(relay.NewMemory(nil), &relay.FaultyOptions{Delay: time.Duration(2+seed) * time.Millisecond})
			}
			s := setup{opts: sfere.Options{Node: &relay.Options{AnswerWithin: 10 * time.Second}}}
			inCluster(t, bus, 3, s, func(t *testing.T, _ relay.Relay, rs []*rig) {
				random := rand.New(rand.NewPCG(seed, 1))
				time.Sleep(time.Second)
				for round := range 30 {
					name := fmt.Sprint("seat ", round)
					owners := make(chan string, len(rs))
					var streams []*client
					for i, r := range rs {
						after := time.Duration(random.IntN(20)) * time.Millisecond
						owner := fmt.Sprint("owner ", i)
						if round%2 == 0 {
							time.Sleep(after / 3)
							streams = append(streams, r.visit(id(name)+"&policy=reject"))
							continue
						}
						go func() {
							time.Sleep(after)
							if r.conns.Claim(key(name), owner, time.Hour) != nil {
								owner = ""
							}
							owners <- owner
						}()
					}
					if round%2 == 0 {
						time.Sleep(time.Minute)
						if open := alive(streams); len(open) != 1 {
							t.Errorf("round %d: the streams %v are open", round, open)
						}
						continue
					}
					var won []string
					for range rs {
						if o := <-owners; o != "" {
							won = append(won, o)
						}
					}
					if len(won) != 1 {
						t.Errorf("round %d: %q have it", round, won)
					}
				}
			})
		})
	}
}
