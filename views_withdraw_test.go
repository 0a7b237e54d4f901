package sfere_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
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
