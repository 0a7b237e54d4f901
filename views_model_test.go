package sfere_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
)

// modelPage is one client of the model, and what it should show.
type modelPage struct {
	*client
	scope, user string
	shows       map[string]bool // ids of its views
	resume      func()          // nil while it reads
}

// viewNamed returns the view whose element has an id.
func viewNamed(id string) effect.Data {
	name, n, _ := strings.Cut(id, "-")
	number, _ := strconv.Atoi(n)
	switch name {
	case "board":
		return poster{number}
	case "inbox":
		return inbox{number}
	}
	return notice{number}
}

var viewIDs = []string{"board-1", "board-2", "inbox-1", "inbox-2", "notice-1"}

// Whatever happens, every page that reads ends with the last state of all its views,
// never shows an older one after a newer one, and never another's.
func TestViewFreshness(t *testing.T) {
	checks := 0
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(30, 90).Draw(rt, "n")
		script := rapid.SliceOfN(rapid.IntRange(0, 1_000_000), 3*n, 3*n).Draw(rt, "script")
		checks++
		synctest.Test(t, func(t *testing.T) { runViewModel(t, rt, script) })
	})
	if checks == 0 {
		t.Error("nothing was checked")
	}
}

func runViewModel(t *testing.T, rt *rapid.T, script []int) {
	g := newGallery(t, &galleryOptions{hub: sse.HubOptions{MaxFrames: 8, Heartbeat: -1}})
	var pages []*modelPage
	version, people := 0, 0
	open := func(i int, ids ...string) {
		p := &modelPage{scope: []string{"acme", "rival"}[i%2], user: fmt.Sprintf("u%d", people), shows: map[string]bool{}}
		var views effect.List
		for _, id := range ids {
			p.shows[id] = true
			views = append(views, viewNamed(id))
		}
		p.client = g.open(p.scope, p.user, views...)
		pages = append(pages, p)
		people++
		synctest.Wait() // it is held
	}
	open(0, "board-1", "inbox-1")
	open(1, "board-1", "notice-1")
	change := func(id string) {
		version++
		g.set(id, version)
		name, number, _ := strings.Cut(id, "-")
		switch {
		case name == "notice":
			for _, scope := range []string{"acme", "rival"} {
				g.run(sfere.Refresh{To: sfere.Category("page").In(scope)})
			}
		default:
			g.run(sfere.Refresh{Topic: sfere.T(name, number)})
		}
	}
	for len(script) >= 3 {
		op, who, gap := script[0]%100, script[1], script[2]%160
		script = script[3:]
		id := viewIDs[who%len(viewIDs)]
		var p *modelPage
		if len(pages) > 0 {
			p = pages[who/7%len(pages)]
		}
		switch {
		case op < 40:
			change(id)
		case op < 48 && len(pages) < 8:
			open(who, id, viewIDs[(who/5)%len(viewIDs)])
		case p == nil:
		case op < 53:
			if p.resume != nil {
				p.resume()
			}
			p.close()
			pages = slices.DeleteFunc(pages, func(x *modelPage) bool { return x == p })
		case op < 60 && !p.shows[id]:
			g.run(sfere.WithConnection{Key: effect.Now(sfere.ID("page", p.user).In(p.scope)), Effects: effect.List{sfere.Show{Views: effect.List{viewNamed(id)}}}})
			p.shows[id] = true
		case op < 65 && p.shows[id]:
			g.run(sfere.WithConnection{Key: effect.Now(sfere.ID("page", p.user).In(p.scope)), Effects: effect.List{sfere.Hide{Views: effect.List{viewNamed(id)}}}})
			delete(p.shows, id)
		case op < 71 && p.resume == nil:
			p.resume = p.stall()
		case op < 77 && p.resume != nil:
			p.resume()
			p.resume = nil
		case op < 81: // more events than a stalled client may have waiting
			for i := range 20 {
				g.run(sfere.Send(sfere.ID("page", p.user).In(p.scope), tell(fmt.Sprint(i))))
			}
		case op < 86:
			g.takes(id, time.Duration(who%300)*time.Millisecond)
		case op < 90:
			g.fail(id, errors.New("no"))
		case op < 92:
			g.panicking(id, true)
		default:
			g.fail(id, nil)
			g.panicking(id, false)
		}
		time.Sleep(time.Duration(gap) * time.Millisecond)
	}
	for _, id := range viewIDs {
		g.fail(id, nil)
		g.panicking(id, false)
	}
	for _, p := range pages {
		if p.resume != nil {
			p.resume()
		}
	}
	time.Sleep(2 * time.Minute) // what has failed is tried again after at most 30 s
	for i, p := range pages {
		for id := range p.shows {
			g.mu.Lock()
			want := fmt.Sprintf("%s %d", whose(id, p), g.state[id])
			g.mu.Unlock()
			if got, all := p.page(id); got != want {
				rt.Errorf("page %d: %s shows %q, want %q; it was %q", i, id, got, want, all)
			}
		}
		if cut := p.conn(g); cut != "" {
			rt.Errorf("page %d was cut: %s", i, cut)
		}
	}
	for i, p := range pages {
		for _, id := range viewIDs {
			last := -1
			_, all := p.page(id)
			for _, s := range all {
				owner, number, _ := strings.Cut(s, " ")
				n, err := strconv.Atoi(number)
				if err != nil { // failed, or removed
					continue
				}
				if owner != whose(id, p) {
					rt.Errorf("page %d of %s and %s: %s shows %q", i, p.scope, p.user, id, s)
				}
				if n < last {
					rt.Errorf("page %d: %s showed %d after %d", i, id, n, last)
				}
				last = n
			}
		}
		p.close()
	}
	g.conns.Close()
	g.complaints()
}

// whose is what a page of p shows as the owner of a view.
func whose(id string, p *modelPage) string {
	switch {
	case strings.HasPrefix(id, "board"):
		return p.scope
	case strings.HasPrefix(id, "inbox"):
		return p.user
	}
	return "all"
}

func (g *gallery) panicking(name string, yes bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.panics[name] = yes
}

// conn returns why the stream of a page has ended, empty if it has not.
func (p *modelPage) conn(g *gallery) sse.Cause {
	select {
	case <-p.left:
		return "its handler has returned"
	default:
		return ""
	}
}
