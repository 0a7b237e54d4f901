package sfere_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// wantPage fails the test unless the page of c shows want under id.
func wantPage(t testing.TB, c *client, id, want string) {
	t.Helper()
	if got, all := c.page(id); got != want {
		t.Errorf("%s shows %q, want %q; it was %q", id, got, want, all)
	}
}

// What a refresh names is rendered, each value once, and nothing else.
func TestRefreshNames(t *testing.T) {
	for _, tt := range []struct {
		name, reason string
		refresh      sfere.Refresh
		want         sfere.Refreshed
		boards       string // what those of acme show then, 7 and 8
	}{
		{"topic", "all scopes: a mark too many does no harm", sfere.Refresh{Topic: sfere.T("board", 7)}, sfere.Refreshed{Values: 2, Streams: 3}, "acme 1 acme 0"},
		{"topic above", "what concerns board concerns each of them", sfere.Refresh{Topic: sfere.T("board")}, sfere.Refreshed{Values: 3, Streams: 4}, "acme 1 acme 1"},
		{"topic of nobody", "that nobody is shown it is no error", sfere.Refresh{Topic: sfere.T("board", 9)}, sfere.Refreshed{}, "acme 0 acme 0"},
		{"no prefix of text", "boar is not above board", sfere.Refresh{Topic: "boar"}, sfere.Refreshed{}, "acme 0 acme 0"},
		{"pattern", "everything that these streams show", sfere.Refresh{To: to("acme", "ann")}, sfere.Refreshed{Values: 3, Streams: 4}, "acme 1 acme 1"},
		{"view", "this one, of the scope of the dispatch", sfere.Refresh{Views: effect.List{poster{8}}}, sfere.Refreshed{Values: 1, Streams: 1}, "acme 0 acme 1"},
		{"own view", "those of all streams", sfere.Refresh{Views: effect.List{inbox{1}}}, sfere.Refreshed{Values: 2, Streams: 2}, "acme 0 acme 0"},
		{"several", "what two name is one", sfere.Refresh{Topic: sfere.T("board", 7), Views: effect.List{poster{7}}, To: to("acme", "bob")}, sfere.Refreshed{Values: 3, Streams: 4}, "acme 1 acme 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGallery(t, nil)
				ann := g.open("acme", "ann", poster{7}, poster{8}, inbox{1})
				bob := g.open("acme", "bob", poster{7}, inbox{1})
				eve := g.open("rival", "eve", poster{7})
				time.Sleep(time.Second)
				g.set("board-7", 1)
				g.set("board-8", 1)
				res := g.d.Dispatch(t.Context(), viewer{Session: twk.Session{Request: request("acme")}}, tt.refresh)
				if err := res.Err(); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, res.Outcomes[0].Value); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
				}
				time.Sleep(time.Second)
				seven, _ := ann.page("board-7")
				eight, _ := ann.page("board-8")
				if got := seven + " " + eight; got != tt.boards {
					t.Errorf("%s: shows %q, want %q", tt.reason, got, tt.boards)
				}
				g.complaints()
				for _, c := range []*client{ann, bob, eve} {
					c.close()
				}
			})
		})
	}
}

// A state that changes at any moment of a join is shown in the end.
func TestViewJoinGap(t *testing.T) {
	change := func(g *gallery, n int) {
		g.set("board-7", n)
		g.run(sfere.Refresh{Topic: sfere.T("board", 7)})
	}
	for _, tt := range []struct {
		name string
		when func(g *gallery, open func() *client) *client
	}{
		{"before it is held", func(g *gallery, open func() *client) *client { change(g, 1); return open() }},
		{"between the page and the stream", func(g *gallery, open func() *client) *client {
			_, _ = sfere.Render(g.d, g.conns, viewer{}, request("acme"), poster{7})
			change(g, 1)
			return open()
		}},
		{"while it is rendered", func(g *gallery, open func() *client) *client {
			g.takes("board-7", 50*time.Millisecond)
			c := open()
			time.Sleep(20 * time.Millisecond)
			change(g, 1)
			return c
		}},
		{"when it has been given", func(g *gallery, open func() *client) *client {
			c := open()
			synctest.Wait()
			change(g, 1)
			return c
		}},
		{"while nobody is there", func(g *gallery, open func() *client) *client {
			old := open()
			time.Sleep(10 * time.Millisecond)
			old.close()
			g.set("board-7", 1)
			g.run(sfere.Refresh{To: sfere.Category("page").In("acme")}) // matches nobody
			return open()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGallery(t, nil)
				c := tt.when(g, func() *client { return g.open("acme", "ann", poster{7}) })
				time.Sleep(time.Second)
				wantPage(t, c, "board-7", "acme 1")
				if _, all := c.page("board-7"); tt.name == "while nobody is there" && len(all) != 1 {
					t.Errorf("shows %q: what was rendered for others is old", all)
				}
				g.complaints()
				c.close()
			})
		})
	}
}

// With real goroutines: no page shows an older state after a newer one, whoever
// refreshes, comes, loses events or is slow.
func TestViewMonotonic(t *testing.T) {
	g := newGallery(t, &galleryOptions{
		hub:    sse.HubOptions{MaxFrames: 4},
		poster: sfere.ViewOptions[viewer, poster]{Interval: time.Millisecond},
	})
	var pages []*client
	for i := range 8 {
		pages = append(pages, g.open("acme", fmt.Sprint("u", i), poster{7}))
	}
	for i, c := range pages { // before that, too many events cut a stream
		for range 1000 {
			if got, _ := c.page("board-7"); got != "" {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if got, _ := c.page("board-7"); got == "" {
			t.Fatalf("page %d shows nothing", i)
		}
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 300 {
				switch (i + w) % 10 {
				case 0:
					c := g.open("acme", fmt.Sprint("guest", w), poster{7})
					defer c.close()
				case 1:
					g.run(sfere.Broadcast{To: sfere.Category("page").In("acme"), Effects: effect.List{tell("x"), tell("y"), tell("z")}})
				case 2:
					g.run(sfere.Broadcast{To: to("acme", "u3"), Effects: effect.List{sfere.Hide{Views: effect.List{poster{7}}}, sfere.Show{Views: effect.List{poster{7}}}}})
				default:
					g.mu.Lock()
					g.state["board-7"]++
					g.mu.Unlock()
					g.run(sfere.Refresh{Topic: sfere.T("board", 7)})
				}
			}
		})
	}
	wg.Wait()
	g.run(sfere.Refresh{Topic: sfere.T("board", 7), Wait: true})
	want := fmt.Sprintf("acme %d", g.state["board-7"])
	for i, c := range pages {
		for range 500 { // the frame is in the outbox; it is written soon
			if got, _ := c.page("board-7"); got == want {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		wantPage(t, c, "board-7", want)
		last := -1
		_, all := c.page("board-7")
		for _, s := range all {
			n := 0
			if _, err := fmt.Sscanf(s, "acme %d", &n); err != nil || n < last {
				t.Errorf("page %d showed %q after %d", i, s, last)
			}
			last = n
		}
		c.close()
	}
	g.complaints()
}

// Renders are counted by values and time, not by viewers and refreshes.
func TestViewAtMostOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGallery(t, nil)
		var pages []*client
		for i := range 200 {
			pages = append(pages, g.open("acme", fmt.Sprint("u", i), poster{7}))
		}
		time.Sleep(time.Second)
		if n := g.count("board-7 acme"); n > 2 {
			t.Errorf("%d renders for 200 who come at once, want at most 2", n)
		}
		before := g.count("board-7 acme")
		var many []effect.Data
		for range 1000 {
			many = append(many, sfere.Refresh{Topic: sfere.T("board", 7)})
		}
		g.run(many...)
		time.Sleep(time.Second)
		if n := g.count("board-7 acme") - before; n != 1 {
			t.Errorf("%d renders for 1000 refreshes of one dispatch, want 1", n)
		}
		before = g.count("board-7 acme")
		for i := range 10_000 {
			g.set("board-7", i)
			g.run(sfere.Refresh{Topic: sfere.T("board", 7)})
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		if n := g.count("board-7 acme") - before; n < 95 || n > 103 {
			t.Errorf("%d renders in 10 s of endless refreshes, want about 100", n)
		}
		g.complaints()
		for _, c := range pages {
			wantPage(t, c, "board-7", "acme 9999")
			c.close()
		}
	})
}

// What fails leaves the pages as they are, harms nobody else, and heals by itself.
func TestViewFailure(t *testing.T) {
	for _, tt := range []struct {
		name string
		fail func(g *gallery, yes bool)
	}{
		{"error", func(g *gallery, yes bool) { g.fail("board-7", map[bool]error{true: errors.New("no")}[yes]) }},
		{"panic", func(g *gallery, yes bool) { g.panicking("board-7", yes) }},
		{"deadline", func(g *gallery, yes bool) { g.takes("board-7", map[bool]time.Duration{true: time.Hour}[yes]) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGallery(t, nil)
				ann := g.open("acme", "ann", poster{7}, poster{8})
				time.Sleep(time.Second)
				tt.fail(g, true)
				g.set("board-7", 1)
				g.set("board-8", 1)
				res := g.d.Dispatch(t.Context(), viewer{}, sfere.Refresh{Topic: sfere.T("board"), Wait: true})
				if res.Err() == nil {
					t.Error("who waits is told nothing")
				}
				eve := g.open("rival", "eve", poster{7}) // has never had a good one
				time.Sleep(time.Minute)
				wantPage(t, ann, "board-7", "acme 0")
				wantPage(t, ann, "board-8", "acme 1")
				wantPage(t, eve, "board-7", "failed")
				tt.fail(g, false)
				time.Sleep(time.Minute)
				wantPage(t, ann, "board-7", "acme 1")
				wantPage(t, eve, "board-7", "rival 1")
				g.mu.Lock()
				if len(g.told) != 2 {
					t.Errorf("was reported %d times, want once for each value: %q", len(g.told), g.told)
				}
				g.mu.Unlock()
				g.complaints()
				ann.close()
				eve.close()
			})
		})
	}
	t.Run("gone", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newGallery(t, nil)
			ann := g.open("acme", "ann", poster{7})
			time.Sleep(time.Second)
			g.fail("board-7", fmt.Errorf("board 7: %w", sfere.ErrGone))
			g.run(sfere.Refresh{Topic: sfere.T("board"), Wait: true})
			time.Sleep(time.Minute)
			wantPage(t, ann, "board-7", "removed")
			if n := g.count("board-7 acme"); n != 2 {
				t.Errorf("%d renders, want no more after it was gone", n)
			}
			if len(g.told) > 0 {
				t.Errorf("was reported: %q", g.told)
			}
			ann.close()
		})
	})
}

// Many personal views that are always dirty keep neither a shared one nor newcomers
// from their turn.
func TestViewFairness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGallery(t, &galleryOptions{conns: sfere.Options{RenderWorkers: 2}})
		var pages []*client
		for i := range 500 {
			pages = append(pages, g.open("acme", fmt.Sprint("u", i), inbox{1}))
		}
		g.takes("inbox-1", 5*time.Millisecond) // 500 of them are 1.25 s of two workers
		ann := g.open("acme", "ann", poster{7})
		time.Sleep(10 * time.Second)
		worst, set := time.Duration(0), []time.Time{time.Now()}
		for i := range 1000 {
			g.set("board-7", i+1)
			set = append(set, time.Now())
			g.run(sfere.Refresh{Topic: sfere.T("board", 7)}, sfere.Refresh{Topic: sfere.T("inbox", 1)})
			if i%20 == 0 {
				pages = append(pages, g.open("acme", fmt.Sprint("new", i), inbox{1}))
			}
			time.Sleep(10 * time.Millisecond)
			shown, _ := ann.page("board-7")
			n := 0
			fmt.Sscanf(shown, "acme %d", &n)
			if n <= i {
				worst = max(worst, time.Since(set[n+1]))
			}
		}
		if worst > 300*time.Millisecond {
			t.Errorf("the shared view was %v old, want at most three intervals", worst)
		}
		for i, c := range pages[500:540] {
			if got, _ := c.page("inbox-1"); got == "" {
				t.Errorf("newcomer %d shows nothing", i)
			}
		}
		g.complaints()
		ann.close()
		for _, c := range pages {
			c.close()
		}
	})
}
