package sfere_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/growth"
	"github.com/sfere-go/sfere/twk"
)

// What streams are shown can be seen: who shows it, how it fares, page by page.
func TestViewsAreSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGallery(t, nil)
		g.takes("board-7", 3*time.Millisecond)
		ann := g.open("acme", "ann", poster{7}, inbox{1}, notice{2})
		time.Sleep(time.Second)
		bob := g.open("acme", "bob", poster{7}, inbox{1})
		time.Sleep(time.Second)
		eve := g.open("rival", "eve", poster{7}, notice{2})
		time.Sleep(time.Second)
		g.run(sfere.Refresh{Topic: sfere.T("board")})
		time.Sleep(time.Second)
		g.set("board-7", 1)
		g.fail("notice-2", errors.New("no database"+strings.Repeat("!", 2000)))
		g.run(sfere.Refresh{Topic: sfere.T("board")}, sfere.Refresh{Views: effect.List{notice{2}}, Scope: "acme"})
		time.Sleep(50 * time.Millisecond) // before it is tried again
		all, counts := g.conns.Views("", 0, 100)
		raw := func(s string) json.RawMessage { return json.RawMessage(s) }
		want := []sfere.ViewInfo{
			{Name: "test/board", Value: raw(`{"id":7}`), Scope: "acme", Viewers: 2, Renders: 4, Unchanged: 2, LastTook: 3 * time.Millisecond, MostTook: 3 * time.Millisecond},
			{Name: "test/inbox", Value: raw(`{"box":1}`), Scope: "acme", Stream: 1, Viewers: 1, Renders: 1},
			{Name: "test/notice", Value: raw(`{"id":2}`), Viewers: 2, Renders: 3, Unchanged: 1},
			{Name: "test/inbox", Value: raw(`{"box":1}`), Scope: "acme", Stream: 2, Viewers: 1, Renders: 1},
			{Name: "test/board", Value: raw(`{"id":7}`), Scope: "rival", Viewers: 1, Renders: 3, Unchanged: 1, LastTook: 3 * time.Millisecond, MostTook: 3 * time.Millisecond},
		}
		streams := map[uint64]uint64{0: 0, all[1].Stream: 1, all[3].Stream: 2}
		failing := all[2]
		for i := range all {
			if all[i].Version == 0 {
				t.Errorf("%s has no version", all[i].Name)
			}
			if i > 0 && all[i].ID <= all[i-1].ID {
				t.Errorf("value %d is not younger than the one before", i)
			}
			all[i].Stream = streams[all[i].Stream]
		}
		if diff := cmp.Diff(want, all, cmpopts.IgnoreFields(sfere.ViewInfo{}, "ID", "Version", "DirtySince", "Error", "Kept")); diff != "" {
			t.Errorf("views (-want +got):\n%s", diff)
		}
		if failing.DirtySince.IsZero() || !strings.HasPrefix(failing.Error, "no database!") || len(failing.Error) > 1010 || failing.Kept == 0 {
			t.Errorf("a failing view is %+v", failing)
		}
		if all[1].Kept != 0 || all[0].Error != "" || !all[0].DirtySince.IsZero() {
			t.Errorf("%+v\n%+v", all[0], all[1])
		}
		if diff := cmp.Diff(map[string]int{"test/board": 2, "test/inbox": 2, "test/notice": 1}, counts); diff != "" {
			t.Errorf("counts (-want +got):\n%s", diff)
		}
		var paged []sfere.ViewInfo
		for after := uint64(0); ; {
			page, counts := g.conns.Views("o", after, 2)
			if len(counts) != 3 {
				t.Errorf("counts %v", counts)
			}
			if len(page) == 0 {
				break
			}
			paged, after = append(paged, page...), page[len(page)-1].ID
		}
		if len(paged) != 5 {
			t.Errorf("%d values on pages of 2", len(paged))
		}
		if some, counts := g.conns.Views("board", 0, 1); len(some) != 1 || some[0].Name != "test/board" || counts["test/board"] != 2 || len(counts) != 1 {
			t.Errorf("one of the boards is %v of %v", some, counts)
		}
		if none, counts := g.conns.Views("board", 0, -1); none != nil || counts["test/board"] != 2 {
			t.Errorf("counts only: %v of %v", none, counts)
		}
		page, err := g.conns.Page(to("acme", "ann"), "", 10)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{`test/board {"id":7}`, `test/inbox {"box":1}`, `test/notice {"id":2}`}, page.Conns[0].Views); diff != "" {
			t.Errorf("the views of a stream (-want +got):\n%s", diff)
		}
		for _, c := range []*client{ann, bob, eve} {
			c.leave()
			<-c.left
		}
		time.Sleep(time.Second)
		if left, counts := g.conns.Views("", 0, 10); len(left)+len(counts) > 0 {
			t.Errorf("when all have left there is %v of %v", left, counts)
		}
	})
}

// A stream with many views, or with long ones, is told in bounds.
func TestViewsOfAStreamAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGallery(t, nil)
		var list []effect.Data
		for i := range 20 {
			list = append(list, poster{i})
		}
		ann := g.open("acme", "ann", list...)
		time.Sleep(time.Second)
		page, err := g.conns.Page(to("acme", "ann"), "", 10)
		if err != nil {
			t.Fatal(err)
		}
		if c := page.Conns[0]; len(c.Views) != 8 || c.MoreViews != 12 || c.Views[0] != `test/board {"id":0}` {
			t.Errorf("%d views and %d more, the first is %q", len(c.Views), c.MoreViews, c.Views[0])
		}
		ann.leave()
		<-ann.left
	})
}

// A dry run says what would be rendered, and for how many, and marks nothing.
func TestRefreshDryRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGallery(t, nil)
		g.open("acme", "ann", poster{7}, poster{8}, inbox{1})
		time.Sleep(time.Second)
		g.open("acme", "bob", poster{7}, inbox{1})
		g.open("rival", "eve", poster{7})
		time.Sleep(time.Second)
		before := g.count("board-7 acme")
		r := g.d.DryRun(t.Context(), viewer{Session: twk.Session{Request: request("acme")}},
			sfere.Refresh{Topic: sfere.T("board"), Views: effect.List{inbox{1}}})
		if err := r.Result.Err(); err != nil {
			t.Fatal(err)
		}
		raw := func(s string) json.RawMessage { return json.RawMessage(s) }
		want := sfere.Refreshed{Values: 5, Streams: 6, Sample: []sfere.ViewInfo{
			{Name: "test/board", Value: raw(`{"id":7}`), Scope: "acme", Viewers: 2},
			{Name: "test/board", Value: raw(`{"id":8}`), Scope: "acme", Viewers: 1},
			{Name: "test/board", Value: raw(`{"id":7}`), Scope: "rival", Viewers: 1},
			{Name: "test/inbox", Value: raw(`{"box":1}`), Scope: "acme", Viewers: 2},
		}}
		if diff := cmp.Diff([]any{want}, r.Plan[0].Would); diff != "" {
			t.Errorf("dry run (-want +got):\n%s", diff)
		}
		time.Sleep(time.Second)
		if n := g.count("board-7 acme"); n != before {
			t.Errorf("a dry run has rendered: %d times, %d before", n, before)
		}
		g.run(sfere.Close{To: sfere.Everyone().AllScopes()})
	})
}

// From outside any request the scope of views can be said.
func TestRefreshViewsOfAScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGallery(t, nil)
		ann, eve := g.open("acme", "ann", poster{7}), g.open("rival", "eve", poster{7})
		time.Sleep(time.Second)
		g.set("board-7", 1)
		if err := g.d.Dispatch(t.Context(), viewer{}, sfere.Refresh{Views: effect.List{poster{7}}}).Err(); err == nil {
			t.Error("without a scope views are refreshed from outside")
		}
		g.run(sfere.Refresh{Views: effect.List{poster{7}}, Scope: "acme", Wait: true})
		time.Sleep(time.Second)
		wantPage(t, ann, "board-7", "acme 1")
		wantPage(t, eve, "board-7", "rival 0")
		g.run(sfere.Close{To: sfere.Everyone().AllScopes()})
	})
}

// Listing costs what is listed.
func TestViewsCostWhatTheyList(t *testing.T) {
	n := 300
	if !testing.Short() {
		n = 600 // of a stream, twice, seven times
	}
	g := newGallery(t, nil)
	shown := 0
	open := func(n int) {
		var list []effect.Data
		for range n {
			list = append(list, poster{shown}, inbox{shown})
			shown++
		}
		c := g.open("acme", "ann", list...)
		t.Cleanup(func() { c.leave(); <-c.left })
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
			if _, counts := g.conns.Views("", 0, -1); counts["test/board"] == shown && counts["test/inbox"] == shown && g.rendered() == 2*shown {
				return
			}
			if time.Now().After(end) {
				t.Fatal("the views do not come")
			}
		}
	}
	cost := func() float64 {
		return growth.Allocs(func() {
			if list, _ := g.conns.Views("", 0, 50); len(list) != 50 {
				t.Fatalf("%d views", len(list))
			}
		})
	}
	open(n)
	few := cost()
	open(7 * n)
	if many := cost(); many > few*1.5 {
		t.Errorf("50 of %d views take %.0f allocations, of %d %.0f", n, few, 8*n, many)
	}
}
