package sfere_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/twk"
)

// galleries are nodes of a cluster that show one state.
type galleries struct {
	all   []*gallery
	pages []*client
}

func newGalleries(t *testing.T, bus relay.Relay, n int) *galleries {
	t.Helper()
	gs := &galleries{}
	for i := range n {
		g := newGallery(t, &galleryOptions{conns: sfere.Options{Relay: bus, Node: nodeOptions(i, nil)}})
		if err := g.conns.JoinRelay(context.Background()); err != nil {
			t.Fatal(err)
		}
		gs.all = append(gs.all, g)
	}
	time.Sleep(5 * time.Second) // they meet; each that joins may have missed something, and renders everything once
	return gs
}

// open opens streams on every node.
func (gs *galleries) open(users int) {
	for i, g := range gs.all {
		for u := range users {
			gs.pages = append(gs.pages, g.open("acme", fmt.Sprintf("u%d-%d", i, u), poster{7}, poster{8}, inbox{1}, notice{1}))
		}
	}
	time.Sleep(time.Second)
}

func (gs *galleries) set(name string, n int) {
	for _, g := range gs.all {
		g.set(name, n)
	}
}

// renders returns how many there have been on each node, and how many values there are.
func (gs *galleries) renders() (counts []int, values int) {
	for _, g := range gs.all {
		g.mu.Lock()
		n := 0
		for _, c := range g.renders {
			n += c
		}
		values = len(g.renders)
		g.mu.Unlock()
		counts = append(counts, n)
	}
	return counts, values
}

// want fails the test unless all pages show the state.
func (gs *galleries) want(t *testing.T, step string) {
	t.Helper()
	for i, c := range gs.pages {
		g := gs.all[i*len(gs.all)/len(gs.pages)]
		for name, whose := range map[string]string{"board-7": "acme", "board-8": "acme", "notice-1": "all"} {
			if got, all := c.page(name); got != fmt.Sprint(whose, " ", g.state[name]) {
				t.Errorf("%s: page %d shows %s as %q, want %d; it was %q", step, i, name, got, g.state[name], all)
			}
		}
	}
}

func (gs *galleries) close(t *testing.T) {
	for _, c := range gs.pages {
		c.close()
	}
	for _, g := range gs.all {
		g.conns.Close()
		g.complaints()
	}
	synctest.Wait()
}

// A refresh of one node refreshes what all of them show, by whatever it names.
func TestViewClusterRefresh(t *testing.T) {
	for _, tt := range []struct {
		name, reason string
		refresh      sfere.Refresh
		seven, eight int
		notice       int
	}{
		{"topic", "the most usual way", sfere.Refresh{Topic: sfere.T("board", 7)}, 1, 0, 0},
		{"pattern", "all that these streams show", sfere.Refresh{To: sfere.Category("page").In("acme")}, 1, 1, 1},
		{"pattern of another scope", "nobody is there", sfere.Refresh{To: sfere.Category("page").In("rival")}, 0, 0, 0},
		{"view", "this one only", sfere.Refresh{Views: effect.List{poster{8}}}, 0, 1, 0},
		{"view across scopes", "whatever the scope of the dispatch", sfere.Refresh{Views: effect.List{notice{1}}}, 0, 0, 1},
		{"several", "together", sfere.Refresh{Topic: sfere.T("board", 7), Views: effect.List{notice{1}}}, 1, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				gs := newGalleries(t, relay.NewMemory(nil), 3)
				gs.open(2)
				for _, name := range []string{"board-7", "board-8", "notice-1"} {
					gs.set(name, 1)
				}
				res := gs.all[1].d.Dispatch(t.Context(), viewer{Session: twkSession("acme")}, tt.refresh)
				if err := res.Err(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				for i, c := range gs.pages {
					seven, _ := c.page("board-7")
					eight, _ := c.page("board-8")
					note, _ := c.page("notice-1")
					got := seven + ", " + eight + ", " + note
					if want := fmt.Sprintf("acme %d, acme %d, all %d", tt.seven, tt.eight, tt.notice); got != want {
						t.Errorf("%s: page %d shows %q, want %q", tt.reason, i, got, want)
					}
				}
				gs.close(t)
			})
		})
	}
}

// After whatever goes wrong on the way, all streams of all nodes show the current state,
// and each value is rendered once for that.
func TestViewCluster(t *testing.T) {
	for _, nodes := range []int{2, 3} {
		for _, tt := range []struct {
			name, reason string
			faults       *relay.FaultyOptions // nil: the bus makes no mistakes
			wrong        func(f *relay.Faulty)
			right        func(f *relay.Faulty)
		}{
			{"memory", "nothing goes wrong", nil, nil, nil},
			{"drops", "a loss is a gap", &relay.FaultyOptions{Seed: 1, Drop: 0.3}, nil, nil},
			{"everything", "losses, doubles and late ones", &relay.FaultyOptions{Seed: 2, Drop: 0.2, Double: 0.2, Reorder: 0.2, Delay: 10 * time.Millisecond}, nil, nil},
			{"cut off", "a node hears nobody for a minute, and nobody hears it", &relay.FaultyOptions{}, func(f *relay.Faulty) { f.Split(1) }, func(f *relay.Faulty) { f.Heal() }},
			{"deaf", "it is heard, and hears nothing", &relay.FaultyOptions{}, func(f *relay.Faulty) { f.Cut(0, 1) }, func(f *relay.Faulty) { f.Heal() }},
			{"disconnected", "its connection is down for a minute", &relay.FaultyOptions{}, func(f *relay.Faulty) { f.Disconnect(1) }, func(f *relay.Faulty) { f.Reconnect(1) }},
		} {
			t.Run(fmt.Sprint(nodes, " ", tt.name), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var bus relay.Relay = relay.NewMemory(nil)
					var f *relay.Faulty
					if tt.faults != nil {
						f = relay.NewFaulty(bus, tt.faults)
						bus = f
					}
					gs := newGalleries(t, bus, nodes)
					gs.open(3)
					if tt.wrong != nil {
						tt.wrong(f)
					}
					r := rand.New(rand.NewPCG(1, uint64(nodes)))
					for i := range 200 { // over a minute
						name := []string{"board-7", "board-8", "notice-1"}[r.IntN(3)]
						gs.set(name, i+1)
						refresh := sfere.Refresh{Topic: sfere.T("board", name[len(name)-1:])}
						if name == "notice-1" {
							refresh = sfere.Refresh{Views: effect.List{notice{1}}}
						}
						gs.all[r.IntN(nodes)].d.Dispatch(t.Context(), viewer{Session: twkSession("acme")}, refresh)
						time.Sleep(time.Duration(r.IntN(600)) * time.Millisecond)
					}
					if f != nil {
						f.Calm(true)
					}
					if tt.right != nil {
						time.Sleep(time.Second)
						before, values := gs.renders()
						tt.right(f)
						time.Sleep(time.Second)
						after, _ := gs.renders()
						for i := range before {
							if n := after[i] - before[i]; n > values {
								t.Errorf("%s: node %d renders %d times in the first second, and has %d values", tt.reason, i, n, values)
							}
						}
					}
					time.Sleep(10 * time.Second) // beats tell of what was lost last; jitter
					gs.want(t, tt.reason)
					gs.close(t)
				})
			})
		}
	}
}

// Nobody is left with a state that is older than what a refresh asks for, also if the
// replica of a node is behind.
func TestViewClusterAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gs := newGalleries(t, relay.NewMemory(nil), 3)
		for i, g := range gs.all {
			lag := time.Duration(i) * 300 * time.Millisecond
			var at uint64 // how far the replica is, guarded by g.mu
			g.before = func(ctx context.Context) error {
				g.mu.Lock()
				defer g.mu.Unlock()
				if sfere.AfterOf(ctx) > at {
					return sfere.ErrNotYet
				}
				return nil
			}
			go func() { // the position n is there a second after n-1, here a little later
				time.Sleep(lag)
				for n := uint64(1); n <= 20; n++ {
					time.Sleep(time.Second)
					g.mu.Lock()
					at = n
					g.state["board-7"] = int(n)
					g.mu.Unlock()
				}
			}()
		}
		gs.open(1)
		for n := uint64(1); n <= 20; n++ {
			time.Sleep(time.Second)
			gs.all[0].d.Dispatch(t.Context(), viewer{}, sfere.Refresh{Topic: sfere.T("board", 7), After: n})
		}
		time.Sleep(5 * time.Second)
		for i, c := range gs.pages {
			if got, all := c.page("board-7"); got != "acme 20" {
				t.Errorf("page %d rests on %q; it was %q", i, got, all)
			}
		}
		gs.close(t)
	})
}

func twkSession(scope string) twk.Session { return twk.Session{Request: request(scope)} }

// On each of several nodes a value is rendered as often as on one, and what the nodes
// say to each other does not grow with their viewers.
func TestViewClusterCost(t *testing.T) {
	for _, nodes := range []int{2, 5} {
		t.Run(fmt.Sprint(nodes, " nodes"), func(t *testing.T) {
			cost := func(viewers int) (bytes int) {
				synctest.Test(t, func(t *testing.T) {
					bus := &countingBus{Relay: relay.NewMemory(nil), subs: map[string]bool{}}
					gs := newGalleries(t, bus, nodes)
					for i, g := range gs.all {
						for u := range viewers {
							gs.pages = append(gs.pages, g.open("acme", fmt.Sprintf("u%d-%d", i, u), poster{7}))
						}
					}
					time.Sleep(5 * time.Second)
					before, since := make([]int, nodes), bus.published()
					for i, g := range gs.all {
						before[i] = g.count("board-7 acme")
					}
					for n := range 1000 { // in 10 s, each on another node
						gs.set("board-7", n)
						gs.all[n%nodes].run(sfere.Refresh{Topic: sfere.T("board", 7)})
						time.Sleep(10 * time.Millisecond)
					}
					bytes = bus.published() - since
					time.Sleep(time.Second)
					for i, g := range gs.all {
						if n := g.count("board-7 acme") - before[i]; n > 105 {
							t.Errorf("node %d renders %d times in 10 s, want about 100", i, n)
						}
					}
					for i, c := range gs.pages {
						if got, _ := c.page("board-7"); got != "acme 999" {
							t.Errorf("page %d shows %q", i, got)
						}
					}
					gs.close(t)
				})
				return bytes
			}
			few, many := cost(2), cost(16)
			t.Logf("%d bytes for 1000 refreshes and the beats of 10 s", few)
			if many > few+few/10 {
				t.Errorf("%d bytes with 2 viewers on each node, %d with 16", few, many)
			}
		})
	}
}
