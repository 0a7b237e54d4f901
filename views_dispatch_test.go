package sfere_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
)

// The refreshes of one dispatch are one, however long it takes: it is rendered at its
// end, once, and has to have seen the highest position that one of them names.
func TestRefreshOfOneDispatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGallery(t, nil)
		ann := g.open("acme", "ann", poster{7})
		time.Sleep(time.Second)
		g.set("board-7", 1)
		g.run(sfere.Refresh{Topic: sfere.T("board", 7), After: 3}, nap{}, sfere.Refresh{Topic: sfere.T("board", 7), After: 9}, nap{},
			sfere.Refresh{Topic: sfere.T("board"), After: 5}, nap{}, sfere.Refresh{Topic: sfere.T("board", 7)})
		time.Sleep(time.Second)
		_, all := ann.page("board-7")
		if diff := cmp.Diff([]string{"acme 0", "acme 1"}, all); diff != "" {
			t.Errorf("the page has shown (-want +got):\n%s", diff)
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if diff := cmp.Diff([]uint64{0, 9}, g.after["board-7"]); diff != "" {
			t.Errorf("it was rendered for positions (-want +got):\n%s", diff)
		}
		ann.close()
	})
}

// Who waits for a Refresh finds its frame in the outbox.
func TestRefreshWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGallery(t, nil)
		ann := g.open("acme", "ann", poster{7})
		time.Sleep(time.Second)
		g.takes("board-7", 80*time.Millisecond)
		g.set("board-7", 1)
		before := time.Now()
		g.run(sfere.Refresh{Topic: sfere.T("board", 7), Wait: true})
		if took := time.Since(before); took < 80*time.Millisecond {
			t.Errorf("it has waited %v for a render of 80 ms", took)
		}
		synctest.Wait()
		wantPage(t, ann, "board-7", "acme 1")
		ann.close()
	})
}

// Who may not be shown a view gets it neither on a page nor on a stream.
func TestViewRenderAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGallery(t, nil)
		if got, err := sfere.Render(g.d, g.conns, viewer{User: "bob"}, request("acme"), poster{7}); err != nil || got == "" {
			t.Errorf("who may see it gets %q, %v", got, err)
		}
		g.mu.Lock()
		g.banned["bob"] = true
		g.mu.Unlock()
		got, err := sfere.Render(g.d, g.conns, viewer{User: "bob"}, request("acme"), poster{7})
		if got != "" || err == nil {
			t.Fatalf("who may not gets %q, %v", got, err)
		}
		if status := sse.StatusOf(err); status != http.StatusForbidden {
			t.Errorf("the status is %d, want 403", status)
		}
	})
}

// A view that is shown again is sent again, for a page that has lost it.
func TestViewShownAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGallery(t, nil)
		ann, bob := g.open("acme", "ann", poster{7}), g.open("acme", "bob", poster{7})
		time.Sleep(time.Second)
		g.run(sfere.WithConnection{Key: effect.Now(sfere.ID("page", "ann").In("acme")), Effects: effect.List{sfere.Show{Views: effect.List{poster{7}}}}})
		time.Sleep(time.Second)
		_, hers := ann.page("board-7")
		_, his := bob.page("board-7")
		if diff := cmp.Diff([][]string{{"acme 0", "acme 0"}, {"acme 0"}}, [][]string{hers, his}); diff != "" {
			t.Errorf("the pages were sent (-want +got):\n%s", diff)
		}
		ann.close()
		bob.close()
	})
}

// A refresh finds nothing of those who have left.
func TestRefreshForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGallery(t, nil)
		ann, bob := g.open("acme", "ann", poster{7}, inbox{1}), g.open("acme", "bob", poster{7})
		time.Sleep(time.Second)
		for _, tt := range []struct {
			reason string
			leave  *client
			want   sfere.Refreshed
		}{
			{"one of two has left", ann, sfere.Refreshed{Values: 1, Streams: 1}},
			{"both have", bob, sfere.Refreshed{}},
		} {
			tt.leave.close()
			time.Sleep(time.Second)
			res := g.run(sfere.Refresh{Topic: sfere.T("board", 7)}, sfere.Refresh{Topic: sfere.T("inbox", 1)})
			var got sfere.Refreshed
			for _, o := range res.Outcomes {
				r := o.Value.(sfere.Refreshed)
				got.Values, got.Streams = got.Values+r.Values, got.Streams+r.Streams
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		}
	})
}
