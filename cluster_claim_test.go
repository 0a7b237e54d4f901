package sfere_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
)

// nodes are the programs of a test of claims.
type nodes []*rig

func (ns nodes) claim(t *testing.T, node int, owner string, status int) {
	t.Helper()
	wantStatus(t, ns[node].conns.Claim(key("name"), owner, 10*time.Second), status)
}

// hold opens a stream for an owner, who may be nobody, under the name.
func (ns nodes) hold(t *testing.T, node int, owner string, status int) *client {
	t.Helper()
	return ns.open(t, node, owned("name", owner), status)
}

// open opens a stream and waits until it is decided whether it opens.
func (ns nodes) open(t *testing.T, node int, query string, status int) *client {
	t.Helper()
	c := ns[node].visit(query)
	for range 100 {
		synctest.Wait()
		if c.isLeft() || strings.Contains(c.text(), "hello") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	got := http.StatusOK
	if c.isLeft() {
		c.mu.Lock()
		got = c.writer.status
		c.mu.Unlock()
	}
	if got != status {
		t.Errorf("node %d answers %s with status %d, want %d", node, query, got, status)
	}
	return c
}

func (c *client) isLeft() bool {
	select {
	case <-c.left:
		return true
	default:
		return false
	}
}

// owners fails the test unless each node names the owner.
func (ns nodes) owners(t *testing.T, want ...string) {
	t.Helper()
	for i, r := range ns {
		if got, _ := r.conns.OwnerOf(key("name")); got != want[i] {
			t.Errorf("node %d says that the name is of %q, want %q", i, got, want[i])
		}
	}
}

// What is claimed on one node is claimed on all.
func TestClaimHoldsOnEveryNode(t *testing.T) {
	const (
		conflict = http.StatusConflict
		ok       = http.StatusOK
		forClaim = 10 * time.Second
	)
	faulty := func() relay.Relay { return relay.NewFaulty(relay.NewMemory(nil), nil) }
	slow := func() relay.Relay {
		return relay.NewFaulty(relay.NewMemory(nil), &relay.FaultyOptions{Delay: 50 * time.Millisecond})
	}
	for _, tt := range []struct {
		name, reason string
		bus          func() relay.Relay
		do           func(t *testing.T, bus relay.Relay, ns nodes)
	}{
		{"exclusive", "nobody else gets it on any node, with a claim or with a stream; its owner does on all", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			ns.claim(t, 0, "ann", 0)
			settle()
			ns.owners(t, "ann", "ann", "ann")
			for i := range ns {
				ns.claim(t, i, "bob", conflict)
				ns.hold(t, i, "bob", conflict)
				ns.hold(t, i, "", conflict)
				ns.open(t, i, id("name")+"&policy=reject", conflict)
				ns.open(t, i, id("name")+"&policy=replace", conflict)
			}
			for i := range ns {
				ns.claim(t, i, "ann", 0)
				ns.hold(t, i, "ann", ok)
			}
		}},
		{"at once", "another node refuses it in the moment in which it is claimed, before anything was told", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			ns.claim(t, 0, "ann", 0)
			ns.claim(t, 1, "bob", conflict)
			ns.hold(t, 2, "", conflict)
		}},
		{"expires", "it is free on all nodes again, to the moment", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			ns.claim(t, 0, "ann", 0)
			time.Sleep(forClaim - time.Millisecond)
			ns.claim(t, 1, "bob", conflict)
			time.Sleep(time.Millisecond)
			ns.claim(t, 1, "bob", 0)
		}},
		{"renewed elsewhere", "the next request of a person comes to any node", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			for i := range 6 {
				ns.claim(t, i%3, "ann", 0)
				time.Sleep(forClaim - time.Millisecond)
			}
			ns.claim(t, 0, "bob", conflict)
			time.Sleep(time.Millisecond)
			ns.claim(t, 0, "bob", 0)
		}},
		{"stream elsewhere", "a stream keeps the name for as long as it lasts, and after that for the time of the claim, which was made on another node", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			ns.claim(t, 0, "ann", 0)
			settle()
			c := ns.hold(t, 1, "ann", ok)
			time.Sleep(time.Hour)
			ns.claim(t, 2, "bob", conflict)
			ns.owners(t, "ann", "ann", "ann")
			c.close()
			settle()
			time.Sleep(forClaim - 400*time.Millisecond)
			ns.claim(t, 2, "bob", conflict)
			time.Sleep(400 * time.Millisecond)
			ns.claim(t, 2, "bob", 0)
		}},
		{"streams on two nodes", "the tabs of one person come to different machines", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			a, b := ns.hold(t, 0, "ann", ok), ns.hold(t, 1, "ann", ok)
			a.close()
			time.Sleep(time.Hour)
			ns.claim(t, 0, "bob", conflict)
			ns.hold(t, 2, "bob", conflict)
			b.close()
			time.Sleep(time.Hour)
			ns.claim(t, 0, "bob", 0)
		}},
		{"released elsewhere", "who leaves gives up the name, on whatever node", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			ns.claim(t, 0, "ann", 0)
			ns.claim(t, 2, "ann", 0)
			settle()
			if ns[1].conns.Release(key("name"), "bob") {
				t.Error("somebody else released it")
			}
			if !ns[1].conns.Release(key("name"), "ann") || ns[1].conns.Release(key("name"), "ann") {
				t.Error("it is released once")
			}
			settle()
			ns.owners(t, "", "", "")
			ns.claim(t, 1, "bob", 0)
		}},
		{"released elsewhere with a stream", "the claim ends with the stream", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			c := ns.hold(t, 0, "ann", ok)
			settle()
			ns[1].dispatch(sfere.Release{Key: key("name"), Owner: "ann"})
			settle()
			ns.claim(t, 2, "bob", conflict)
			c.close()
			settle()
			ns.claim(t, 2, "bob", 0)
		}},
		{"claimed again after a release", "a release is about claims that were made before it", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			ns.claim(t, 0, "ann", 0)
			settle()
			ns[1].conns.Release(key("name"), "ann")
			ns.claim(t, 1, "ann", 0)
			settle()
			ns.claim(t, 2, "bob", conflict)
		}},
		{"somebody is there", "a key with streams that nobody has claimed is taken", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			c := ns.hold(t, 0, "", ok)
			ns.claim(t, 1, "ann", conflict)
			ns.hold(t, 1, "ann", conflict)
			ns.hold(t, 2, "", ok).close()
			c.close()
			ns.claim(t, 1, "ann", 0)
		}},
		{"refused stream", "a stream that was refused by its own node has claimed nothing on the others", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			ns.open(t, 0, owned("name", "ann")+"&then=zero", http.StatusInternalServerError)
			ns.claim(t, 1, "bob", 0)
			ns.hold(t, 0, "ann", conflict)
			settle()
			ns.owners(t, "bob", "bob", "bob")
		}},
		{"refused bid", "a claim that one node refuses keeps nobody away from the others", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			c := ns.hold(t, 0, "", ok)
			ns.claim(t, 1, "ann", conflict)
			settle()
			ns.hold(t, 2, "", ok)
			c.close()
		}},
		{"another scope", "the scope is part of the key", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			ns.claim(t, 0, "ann", 0)
			wantStatus(t, ns[1].conns.Claim(key("name").In("acme"), "bob", forClaim), 0)
			settle()
			ns.owners(t, "ann", "ann", "ann")
			if got, _ := ns[0].conns.OwnerOf(key("name").In("acme")); got != "bob" {
				t.Errorf("in the other scope it is of %q", got)
			}
		}},
		{"as an effect", "its value says whether it is new, wherever it was made before", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			for i, want := range []bool{true, false, false} {
				res := ns[i].dispatch(sfere.Claim{Key: key("name"), Owner: "ann"})
				if got, ok := effect.Value[bool](res); !ok || got != want {
					t.Errorf("on node %d its value is %v, want %v", i, got, want)
				}
				settle()
			}
			err := ns[0].d.Dispatch(t.Context(), app{}, sfere.Claim{Key: key("name"), Owner: "bob"}).Err()
			if !errors.Is(err, sfere.ErrTaken) || !strings.Contains(err.Error(), key("name").String()) {
				t.Errorf("error %v", err)
			}
		}},
		{"node ends", "what it had lasts for its time, so that its people can come back elsewhere", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			ns.claim(t, 2, "ann", 0)
			c := ns.hold(t, 2, "ann", ok)
			settle()
			ns[2].conns.Close()
			ns.claim(t, 0, "bob", conflict)
			time.Sleep(forClaim - time.Second)
			ns.claim(t, 0, "bob", conflict)
			time.Sleep(time.Second)
			ns.claim(t, 0, "bob", 0)
			c.close()
		}},
		{"node dies", "after it is taken for down what it had lasts for its time; until then its owner is admitted elsewhere and nobody else is", faulty, func(t *testing.T, bus relay.Relay, ns nodes) {
			ns.claim(t, 2, "ann", 0)
			ns.hold(t, 2, "ann", ok)
			settle()
			bus.(*relay.Faulty).Split(2)
			time.Sleep(8 * time.Second)
			ns.claim(t, 0, "bob", conflict)
			c := ns.hold(t, 0, "ann", ok)
			c.close()
			ns[0].conns.Release(key("name"), "ann") // of node 0, and of node 2 if it could hear it
			time.Sleep(10 * time.Second)
			ns.claim(t, 1, "bob", conflict)
			time.Sleep(forClaim)
			ns.claim(t, 1, "bob", 0)
		}},
		{"joins later", "a node that comes learns what is claimed", memoryBus, func(t *testing.T, bus relay.Relay, ns nodes) {
			ns.claim(t, 0, "ann", 0)
			c := ns.hold(t, 1, "ann", ok)
			late := nodes(joinRigs(t, bus, 1, setup{}))
			settle()
			late.owners(t, "ann")
			late.hold(t, 0, "", conflict)
			c.close()
			late[0].conns.Close()
		}},
		{"asks as soon as it joins", "a node that knows nobody yet waits for the others to answer its greeting", memoryBus, func(t *testing.T, bus relay.Relay, ns nodes) {
			ns.claim(t, 0, "ann", 0)
			late := newRig(t, setup{opts: sfere.Options{Relay: bus}})
			if err := late.conns.JoinRelay(t.Context()); err != nil {
				t.Fatal(err)
			}
			nodes{late}.claim(t, 0, "bob", conflict)
			late.conns.Close()
		}},
		{"cut off", "a node that could not hear it learns it", faulty, func(t *testing.T, bus relay.Relay, ns nodes) {
			f := bus.(*relay.Faulty)
			f.Split(2)
			time.Sleep(12 * time.Second)
			ns.claim(t, 0, "ann", 0)
			c := ns.hold(t, 0, "ann", ok)
			f.Heal()
			time.Sleep(5 * time.Second)
			ns.owners(t, "ann", "ann", "ann")
			ns.hold(t, 2, "", conflict)
			f.Split(2)
			time.Sleep(time.Second)
			c.close()
			ns[0].conns.Release(key("name"), "ann")
			settle()
			f.Heal()
			time.Sleep(5 * time.Second)
			ns.owners(t, "", "", "")
		}},
		{"being claimed", "while it is asked for, nobody slips in on a node that has agreed", slow, func(t *testing.T, _ relay.Relay, ns nodes) {
			time.Sleep(time.Second)
			done := make(chan error, 1)
			go func() { done <- ns[0].conns.Claim(key("name"), "ann", forClaim) }()
			for _, after := range []time.Duration{60, 40, 20, 20, 40} { // asked, agreed, told
				time.Sleep(after * time.Millisecond)
				ns.hold(t, 2, "", conflict)
			}
			wantStatus(t, <-done, 0)
		}},
		{"renewed while it is released", "a release that is still on its way does not end what was made after it", slow, func(t *testing.T, _ relay.Relay, ns nodes) {
			ns.claim(t, 0, "ann", 0)
			settle()
			ns[1].conns.Release(key("name"), "ann")
			time.Sleep(20 * time.Millisecond)
			ns.claim(t, 0, "ann", 0)
			settle()
			ns.owners(t, "ann", "ann", "ann")
		}},
		{"drops", "every third packet is lost, and all nodes agree when that has ended", func() relay.Relay {
			return relay.NewFaulty(relay.NewMemory(nil), &relay.FaultyOptions{Seed: 9, Drop: 0.3, Reorder: 0.2, Double: 0.1})
		}, func(t *testing.T, bus relay.Relay, ns nodes) {
			owned := map[string]int{}
			for i := range 60 {
				name := fmt.Sprint("n", i%20)
				if err := ns[i%3].conns.Claim(key(name), fmt.Sprint("owner ", i%3), time.Hour); err == nil {
					owned[name]++
				}
				if i%7 == 0 {
					ns[(i+1)%3].conns.Release(key(name), fmt.Sprint("owner ", i%3))
				}
			}
			bus.(*relay.Faulty).Calm(true)
			time.Sleep(15 * time.Second)
			if len(owned) < 5 {
				t.Errorf("only %d names were given", len(owned))
			}
			for name := range owned {
				first, _ := ns[0].conns.OwnerOf(key(name))
				for i, r := range ns {
					if got, _ := r.conns.OwnerOf(key(name)); got != first {
						t.Errorf("node %d says that %s is of %q, node 0 of %q", i, name, got, first)
					}
				}
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inCluster(t, tt.bus, 3, setup{}, func(t *testing.T, bus relay.Relay, rs []*rig) {
				tt.do(t, bus, rs)
				if t.Failed() {
					t.Log(tt.reason)
				}
			})
		})
	}
}
