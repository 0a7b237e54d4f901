package sfere_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
)

// What waits for a client that does not read is taken back with the view, all of it.
func TestViewWithdraws(t *testing.T) {
	for _, tt := range []struct {
		reason string
		end    func(g *gallery)
	}{
		{"hidden", func(g *gallery) {
			g.run(sfere.WithConnection{Key: effect.Now(sfere.ID("page", "ann").In("acme")), Effects: effect.List{sfere.Hide{Views: effect.List{meter{1}}}}})
		}},
		{"gone", func(g *gallery) {
			g.fail("meter-1", sfere.ErrGone)
			g.run(sfere.Refresh{Topic: sfere.T("meter", 1), Wait: true})
		}},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGallery(t, nil)
				ann := g.open("acme", "ann", meter{1})
				time.Sleep(time.Second)
				resume := ann.stall()
				g.run(sfere.Send(sfere.ID("page", "ann").In("acme"), tell("the writer has this one")))
				time.Sleep(time.Second)
				g.set("meter-1", 77)
				g.run(sfere.Refresh{Topic: sfere.T("meter", 1), Wait: true})
				infos, _ := g.conns.Snapshot(sfere.Category("page").In("acme"))
				if n := infos[0].Conn.Queued; n != 2 {
					t.Fatalf("%d frames wait, want the markup and the signals", n)
				}
				time.Sleep(time.Second)
				tt.end(g)
				g.run(sfere.Send(sfere.ID("page", "ann").In("acme"), tell("the end")))
				resume()
				time.Sleep(time.Second)
				if got := ann.text(); strings.Contains(got, "77") || !strings.Contains(got, "the end") {
					t.Errorf("the page was sent\n%s\nwant nothing of the 77 and the end", got)
				}
				ann.close()
			})
		})
	}
}

// A client that does not read holds one frame for each view, and has the last state
// when it reads again; a full outbox does not cut it, and what it may have lost is
// sent again though nothing has changed.
func TestViewStallAndResync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGallery(t, &galleryOptions{hub: sse.HubOptions{MaxFrames: 5, Heartbeat: -1}})
		ann := g.open("acme", "ann", poster{7}, inbox{1})
		time.Sleep(time.Second)
		resume := ann.stall()
		g.run(sfere.Send(sfere.ID("page", "ann").In("acme"), tell("the writer has this one")))
		time.Sleep(time.Second)
		for i := range 100 {
			g.set("board-7", i+1)
			g.set("inbox-1", i+1)
			g.run(sfere.Refresh{Topic: sfere.T("board")}, sfere.Refresh{Topic: sfere.T("inbox")})
			time.Sleep(time.Second)
		}
		infos, _ := g.conns.Snapshot(sfere.Category("page").In("acme"))
		if n := infos[0].Conn.Queued; n > 2 {
			t.Errorf("%d frames wait, want one for each view", n)
		}
		if n := g.count("inbox-1 ann"); n > 3 {
			t.Errorf("%d renders of a view of her own while she does not read", n)
		}
		resume()
		time.Sleep(time.Second)
		wantPage(t, ann, "board-7", "acme 100")
		wantPage(t, ann, "inbox-1", "ann 100")
		if n := g.count("inbox-1 ann"); n > 4 {
			t.Errorf("%d renders of a view of her own, want one after she reads again", n)
		}

		// A full outbox, and nothing has changed.
		_, all := ann.page("board-7")
		_, mine := ann.page("inbox-1")
		had, hadMine := len(all), len(mine)
		resume = ann.stall()
		g.run(sfere.Send(sfere.ID("page", "ann").In("acme"), tell("the writer has this one")))
		time.Sleep(time.Second)
		for i := range 12 {
			g.run(sfere.Send(sfere.ID("page", "ann").In("acme"), tell(fmt.Sprint(i))))
		}
		resume()
		time.Sleep(time.Second)
		if _, all = ann.page("board-7"); len(all) <= had {
			t.Error("the board was not sent again after events were lost")
		}
		if _, mine = ann.page("inbox-1"); len(mine) <= hadMine {
			t.Error("the inbox was not sent again after events were lost")
		}
		wantPage(t, ann, "board-7", "acme 100")
		wantPage(t, ann, "inbox-1", "ann 100")
		select {
		case <-ann.left:
			t.Error("the stream was cut")
		default:
		}
		g.complaints()
		ann.close()
	})
}
