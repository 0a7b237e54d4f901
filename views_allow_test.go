package sfere_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// Nobody sees what is another's, and who may no longer see something is sent nothing
// more of it.
func TestViewIsolation(t *testing.T) {
	t.Run("scopes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newGallery(t, nil)
			ann, eve := g.open("acme", "ann", poster{7}, notice{1}), g.open("rival", "eve", poster{7}, notice{1})
			time.Sleep(time.Second)
			for i := range 20 {
				g.set("board-7", i)
				g.run(sfere.Refresh{Topic: sfere.T("board", 7)})
				time.Sleep(150 * time.Millisecond)
			}
			if strings.Contains(ann.text(), "rival") || strings.Contains(eve.text(), "acme") {
				t.Error("a page shows what is of the other scope")
			}
			if n, m := g.count("board-7 acme"), g.count("notice-1 all"); n != 21 || m > 2 {
				t.Errorf("%d and %d renders, want 21 for each scope, and at most 2 of the notice for both, who came together", n, m)
			}
			ann.close()
			eve.close()
		})
	})
	t.Run("context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			secret := effect.NewContextKey[string]("secret of a request")
			var mu sync.Mutex // guards saw
			var saw []string
			conns := sfere.New(nil)
			defer conns.Close()
			session := func(v *viewer) *twk.Session { return &v.Session }
			d, err := dispatchOf(
				registry.Lift(twk.Registry(nil), session), registry.Lift(sfere.Registry(conns), session),
				registry.New("test", sfere.View[viewer]("A board.", func(ctx context.Context, b poster) (twk.Content, error) {
					v, _ := secret.From(ctx)
					_, sender, ok := sfere.SenderOf[viewer](ctx)
					_, recipient := sfere.RecipientOf(ctx)
					mu.Lock()
					defer mu.Unlock()
					saw = append(saw, fmt.Sprint(v, sender, ok, recipient))
					return twk.HTML(`<b id="b">x</b>`), nil
				}, nil)),
			)
			if err != nil {
				t.Fatal(err)
			}
			hub := sse.NewHub(nil)
			bridge := twk.NewBridge(d, func(s twk.Session) viewer { return viewer{s, "ann"} }, &twk.BridgeOptions{Hub: hub})
			g := &gallery{t: t, bridge: bridge}
			c := g.stream("", "ann", sfere.Show{Views: effect.List{poster{7}}})
			time.Sleep(time.Second)
			d.Dispatch(secret.With(t.Context(), "hunter2"), viewer{User: "root"}, sfere.Broadcast{To: sfere.Category("page"), Effects: effect.List{sfere.Refresh{Topic: "", Views: effect.List{poster{7}}}}})
			if _, err := sfere.Render(d, conns, viewer{User: "root"}, requestIn(secret.With(t.Context(), "hunter2"), ""), poster{7}); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Second)
			nothing := fmt.Sprint("", nil, false, false)
			mu.Lock()
			defer mu.Unlock()
			if diff := cmp.Diff([]string{nothing, nothing, nothing}, saw); diff != "" {
				t.Errorf("a shared view saw (-want +got):\n%s", diff)
			}
			c.close()
		})
	})
	t.Run("allow", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newGallery(t, nil)
			ann, bob := g.open("acme", "ann", poster{7}), g.open("acme", "bob", poster{7})
			time.Sleep(time.Second)
			g.mu.Lock()
			g.banned["bob"] = true
			g.mu.Unlock()
			resume := bob.stall()
			g.set("board-7", 1)
			g.run(sfere.Refresh{Topic: sfere.T("board", 7), Wait: true})
			g.set("board-7", 2)
			time.Sleep(time.Second)
			g.run(sfere.Refresh{Topic: sfere.T("board", 7), Wait: true}) // waits behind the first
			res := g.run(sfere.Recheck{To: sfere.Category("page").In("acme")})
			if n := res.Outcomes[0].Value; n != 1 {
				t.Errorf("%v views were taken away, want 1", n)
			}
			g.set("board-7", 3)
			g.run(sfere.Refresh{Topic: sfere.T("board", 7), Wait: true})
			resume()
			time.Sleep(time.Second)
			wantPage(t, ann, "board-7", "acme 3")
			_, all := bob.page("board-7")
			if diff := cmp.Diff([]string{"acme 0", "acme 1", "removed"}, all); diff != "" {
				t.Errorf("bob saw (-want +got); the 1 was being written when he was banned:\n%s", diff)
			}
			late := g.open("acme", "bob", poster{7})
			time.Sleep(time.Second)
			wantPage(t, late, "board-7", "")
			for _, c := range []*client{ann, bob, late} {
				c.close()
			}
		})
	})
}

// What Allow gives instead is shown, follows a role that changes, and is the same for
// all to whom it is given.
func TestViewInstead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGallery(t, nil)
		instead := func(n int) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.instead["bob"] = n
		}
		instead(8)
		ann, bob := g.open("acme", "ann", poster{7}), g.open("acme", "bob", poster{7}, poster{8})
		time.Sleep(time.Second)
		_, seven := bob.page("board-7")
		_, eight := bob.page("board-8")
		if len(seven) > 0 || len(eight) == 0 {
			t.Errorf("bob is shown %q and %q, want the 8 alone", seven, eight)
		}
		instead(9)
		if n := g.run(sfere.Recheck{To: sfere.Category("page").In("acme")}).Outcomes[0].Value; n != 1 {
			t.Errorf("%v views were replaced, want 1", n)
		}
		g.set("board-8", 1)
		g.set("board-9", 1)
		g.run(sfere.Refresh{Topic: sfere.T("board")})
		time.Sleep(time.Second)
		wantPage(t, bob, "board-8", "acme 0")
		wantPage(t, bob, "board-9", "acme 1")
		wantPage(t, ann, "board-7", "acme 0")
		g.run(sfere.Send(sfere.ID("page", "bob").In("acme"), sfere.Hide{Views: effect.List{poster{7}}})) // as it was asked for
		g.set("board-9", 2)
		g.run(sfere.Refresh{Topic: sfere.T("board")})
		time.Sleep(time.Second)
		wantPage(t, bob, "board-9", "acme 1")
		g.complaints()
		ann.close()
		bob.close()
	})
}
