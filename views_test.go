package sfere_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere"
)

// wantPage fails the test unless the page of c shows want under id.
func wantPage(t testing.TB, c *client, id, want string) {
	t.Helper()
	if got, all := c.page(id); got != want {
		t.Errorf("%s shows %q, want %q; it was %q", id, got, want, all)
	}
}

func TestViewBasics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGallery(t, nil)
		ann := g.open("acme", "ann", poster{7}, inbox{1}, notice{3})
		bob := g.open("acme", "bob", poster{7})
		eve := g.open("rival", "eve", poster{7}, notice{3})
		time.Sleep(time.Second)
		wantPage(t, ann, "board-7", "acme 0")
		wantPage(t, ann, "inbox-1", "ann 0")
		wantPage(t, eve, "board-7", "rival 0")
		wantPage(t, eve, "notice-3", "all 0")
		g.set("board-7", 1)
		g.set("inbox-1", 1)
		g.set("notice-3", 1)
		g.run(sfere.Refresh{Topic: sfere.T("board")}, sfere.Refresh{To: to("acme", "ann")})
		time.Sleep(time.Second)
		wantPage(t, ann, "board-7", "acme 1")
		wantPage(t, bob, "board-7", "acme 1")
		wantPage(t, ann, "inbox-1", "ann 1")
		wantPage(t, eve, "board-7", "rival 1")
		wantPage(t, eve, "notice-3", "all 1")
		g.complaints()
		for _, c := range []*client{ann, bob, eve} {
			c.close()
		}
		fmt.Println(g.renders)
	})
}
