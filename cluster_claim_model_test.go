package sfere_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
)

// claimWorld is three nodes and what a model knows of one name: who must have it, and
// who may.
type claimWorld struct {
	t     *testing.T
	rt    *rapid.T
	bus   *relay.Faulty
	rigs  []*rig
	link  []int // of each rig on the bus
	links int
	when  sfere.WhenDown

	apart           bool // somebody has been cut off, and what follows from it may not be made good yet
	owner           string
	surely, perhaps time.Time          // how long the owner has it without a stream, at least and at most
	streams         map[*client]string // open, with their owners
}

const (
	shortClaim = 10 * time.Second // that of Claim
	longClaim  = 30 * time.Second // that of a stream alone
)

func (w *claimWorld) add(i int) {
	r := newRig(w.t, setup{hub: sse.HubOptions{Heartbeat: -1}, opts: sfere.Options{Relay: w.bus, WhenDown: w.when, Node: nodeOptions(i, nil)}})
	if err := r.conns.JoinRelay(context.Background()); err != nil {
		w.rt.Fatal(err)
	}
	w.rigs[i], w.link[i] = r, w.links
	w.links++
}

func (w *claimWorld) end(i int) {
	if err := w.rigs[i].hub.Drain(context.Background(), 0); err != nil {
		w.rt.Error(err)
	}
	w.rigs[i].conns.Close()
}

// look takes out the streams that have ended.
func (w *claimWorld) look() {
	synctest.Wait()
	for c := range w.streams {
		if c.isLeft() {
			delete(w.streams, c)
		}
	}
}

// here returns for whom streams are open.
func (w *claimWorld) here() (owners []string) {
	w.look()
	for _, o := range w.streams {
		if !slices.Contains(owners, o) {
			owners = append(owners, o)
		}
	}
	return owners
}

// check compares the outcome of a wish of owner with the model.
func (w *claimWorld) check(what, owner string, got bool) {
	now := time.Now()
	streams := w.here()
	if w.apart {
		return
	}
	if len(streams) > 1 {
		w.rt.Fatalf("streams of %q are open", streams)
	}
	other := w.owner != "" && w.owner != owner
	switch {
	case got && other && (len(streams) > 0 && streams[0] != owner || now.Before(w.surely)):
		w.rt.Fatalf("%s for %s: it is given to two, %s has it", what, owner, w.owner)
	case !got && (!other || len(streams) == 0 && !now.Before(w.perhaps)):
		w.rt.Fatalf("%s for %s: refused, and only %q has had it", what, owner, w.owner)
	}
}

// has notes that owner has the name.
func (w *claimWorld) has(owner string, at least) {
	now := time.Now()
	if w.owner != owner {
		w.owner, w.surely, w.perhaps = owner, time.Time{}, time.Time{}
	}
	if s := now.Add(time.Duration(at)); s.After(w.surely) {
		w.surely = s
	}
	w.perhaps = now.Add(longClaim + time.Second)
}

type least time.Duration

// TestClaimModelOverNodes makes and gives up claims on three nodes that are cut off,
// come back, end and are started again. As long as nobody is cut off there is at most
// one owner at any time. Some time after the last heal all nodes name one, and all
// streams are of that one.
func TestClaimModelOverNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		rapid.Check(timeless{t}, func(rt *rapid.T) {
			if runs++; testing.Short() && runs > 20 {
				return
			}
			w := &claimWorld{
				t: t, rt: rt, bus: relay.NewFaulty(relay.NewMemory(nil), nil), rigs: make([]*rig, 3), link: make([]int, 3),
				when: rapid.SampledFrom([]sfere.WhenDown{sfere.RefuseWhenDown, sfere.AdmitWhenDown}).Draw(rt, "when"), streams: map[*client]string{},
			}
			for i := range w.rigs {
				w.add(i)
			}
			time.Sleep(time.Second)
			defer func() {
				w.bus.Heal()
				for i := range w.rigs {
					w.end(i)
				}
				synctest.Wait()
			}()
			drawNode := func(rt *rapid.T) int { return rapid.IntRange(0, 2).Draw(rt, "node") }
			drawOwner := func(rt *rapid.T) string { return rapid.SampledFrom([]string{"ann", "bob", "eve"}).Draw(rt, "owner") }
			whole := func() { // everything is made good
				w.bus.Heal()
				agreed := func() (first string, err error) {
					streams := w.here()
					first, _ = w.rigs[0].conns.OwnerOf(key("name"))
					for i, r := range w.rigs {
						if got, _ := r.conns.OwnerOf(key("name")); got != first {
							return "", fmt.Errorf("node %d says that it is of %q, node 0 of %q", i, got, first)
						}
					}
					if len(streams) > 1 || len(streams) == 1 && streams[0] != first {
						return "", fmt.Errorf("streams of %q are open, and it is of %q", streams, first)
					}
					return first, nil
				}
				time.Sleep(10 * time.Second)
				first, err := agreed()
				if err != nil { // a node that has ended is remembered by those who could not hear that
					time.Sleep(longClaim + 10*time.Second)
					first, err = agreed()
				}
				if err != nil {
					w.rt.Fatal(err)
				}
				w.owner, w.surely, w.perhaps, w.apart = first, time.Now(), time.Now().Add(longClaim+time.Second), false
			}
			rt.Repeat(map[string]func(*rapid.T){
				"": func(*rapid.T) {
					if streams := w.here(); !w.apart && len(streams) > 1 {
						w.rt.Fatalf("streams of %q are open", streams)
					}
				},
				"claim": func(rt *rapid.T) {
					n, owner := drawNode(rt), drawOwner(rt)
					err := w.rigs[n].conns.Claim(key("name"), owner, shortClaim)
					if !w.apart && errors.Is(err, sfere.ErrUnanswered) {
						rt.Fatalf("claiming: %v", err)
					}
					w.check("claiming", owner, err == nil)
					if err == nil {
						w.has(owner, least(shortClaim))
					}
				},
				"claim at once": func(rt *rapid.T) {
					got := make(chan string, 3)
					for i, owner := range []string{"ann", "bob", "eve"} {
						go func() {
							if w.rigs[i].conns.Claim(key("name"), owner, shortClaim) != nil {
								owner = ""
							}
							got <- owner
						}()
					}
					var winner []string
					for range 3 {
						if o := <-got; o != "" {
							winner = append(winner, o)
						}
					}
					if w.apart {
						return
					}
					if len(winner) > 1 {
						rt.Fatalf("%q have got it", winner)
					}
					if len(winner) == 0 && (w.owner == "" || len(w.here()) == 0 && !time.Now().Before(w.perhaps)) {
						rt.Fatal("nobody has got it")
					}
					for _, o := range winner {
						w.check("claiming", o, true)
						w.has(o, least(shortClaim))
					}
				},
				"hold": func(rt *rapid.T) {
					n, owner := drawNode(rt), drawOwner(rt)
					c := w.rigs[n].visit(owned("name", owner))
					for range 300 {
						if synctest.Wait(); c.isLeft() || strings.Contains(c.text(), "hello") {
							break
						}
						time.Sleep(10 * time.Millisecond)
					}
					got := !c.isLeft()
					if !got && c.writer.status != http.StatusConflict && !w.apart {
						rt.Fatalf("holding: status %d", c.writer.status)
					}
					w.check("holding", owner, got)
					if got {
						w.has(owner, least(shortClaim))
						w.streams[c] = owner
					}
				},
				"leave": func(rt *rapid.T) {
					w.look()
					for c, owner := range w.streams {
						c.close()
						delete(w.streams, c)
						if w.has(owner, least(0)); !w.apart {
							settle()
						}
						return
					}
					rt.Skip("nobody")
				},
				"release": func(rt *rapid.T) {
					n, owner := drawNode(rt), drawOwner(rt)
					settle()
					w.rigs[n].conns.Release(key("name"), owner)
					settle()
					if w.owner == owner {
						w.surely = time.Now()
					}
				},
				"cut off": func(rt *rapid.T) {
					w.bus.Split(w.link[drawNode(rt)])
					w.apart = true
				},
				"cut one way": func(rt *rapid.T) {
					a, b := drawNode(rt), drawNode(rt)
					w.bus.Cut(w.link[a], w.link[b])
					w.apart = true
				},
				"heal": func(rt *rapid.T) { whole() },
				"start again": func(rt *rapid.T) {
					n := drawNode(rt)
					w.end(n)
					w.add(n)
					time.Sleep(time.Second)
					if w.owner != "" {
						w.perhaps = time.Now().Add(longClaim + time.Second)
						if w.surely.After(time.Now()) { // it may have been of that node
							w.surely = time.Now()
						}
					}
				},
				"advance": func(rt *rapid.T) {
					time.Sleep(time.Duration(rapid.IntRange(1, 20).Draw(rt, "seconds")) * time.Second)
				},
			})
			whole()
		})
	})
}
