package sfere

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// ghost holds a stream that exists in memory only under keys.
func ghost(t testing.TB, c *Conns, keys ...Key) *entry {
	t.Helper()
	conn := &sse.Conn{}
	for _, k := range keys {
		if _, _, err := c.ask(twk.Call{}, conn, ask{k, Join, ""}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return c.entryOf(conn)
}

// pages returns the first keys on all pages from the first one on.
func pages(t testing.TB, c *Conns, p Pattern, limit int) (out [][]string) {
	t.Helper()
	for after := ""; ; {
		page, err := c.Page(p, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, info := range page.Conns {
			keys = append(keys, info.Keys[0].String())
		}
		out = append(out, keys)
		if after = page.Next; after == "" {
			return out
		}
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	c := New(nil)
	defer c.Close()
	in := func(category, id string) Key { return ID(category, id).In(DefaultScope) }
	ghost(t, c, in("room", "d"), in("user", "dan"))
	ghost(t, c, in("room", "b"), in("room", "a"), in("user", "eve")) // matches the rooms twice
	ghost(t, c, in("room", "c"))
	ghost(t, c, in("room", "c")) // a second tab
	ghost(t, c, in("room", "x y#1").In("acme"))
	for _, tt := range []struct {
		reason string
		p      Pattern
		limit  int
		want   [][]string
	}{
		{"several pages, each stream once", Category("room").AllScopes(), 2, [][]string{
			{"acme/room/x%20y#1", "default/room/a"}, {"default/room/c", "default/room/c"}, {"default/room/d"},
		}},
		{"a page that is full and the last", Category("room"), 4, [][]string{{"default/room/a", "default/room/c", "default/room/c", "default/room/d"}}},
		{"one key", Exactly(in("room", "c")), 1, [][]string{{"default/room/c"}, {"default/room/c"}}},
		{"counts only", Category("room"), 0, [][]string{nil}},
		{"nobody", Category("none"), 5, [][]string{nil}},
	} {
		if diff := cmp.Diff(tt.want, pages(t, c, tt.p, tt.limit)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
	got, err := c.Page(Everyone(), "", 0)
	want := Page{Matched: 5, All: 5, Scopes: map[string]int{"default": 7, "acme": 1}, Categories: map[string]int{"room": 6, "user": 2}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("counts, %v (-want +got):\n%s", err, diff)
	}
	for _, after := range []string{"x", "default/room/a", "default/room/a#", "default/room/a#x", "default/*/a#1", "#1"} {
		if _, err := c.Page(Everyone(), after, 5); !errors.Is(err, errPlace) {
			t.Errorf("after %q: %v", after, err)
		}
	}
	if _, err := c.Page(Pattern{}, "", 5); err == nil {
		t.Error("a pattern that is none is no error")
	}
}

// Whoever stays is on exactly one page, while others come and go and the list is
// put in order.
func TestPagesWhileOthersComeAndGo(t *testing.T) {
	t.Parallel()
	c := New(nil)
	defer c.Close()
	const stay = 3 * shortList
	for i := range stay {
		ghost(t, c, Key{"s", "room", fmt.Sprintf("%05d", i)})
	}
	stop := make(chan struct{})
	var others sync.WaitGroup
	for w := range 3 {
		others.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				e := ghost(t, c, Key{"s", "room", fmt.Sprintf("%05d-%d", i*7%stay, w)})
				if e.leave(sse.CauseClosed) != true {
					t.Error("somebody else took it out")
				}
			}
		})
	}
	var viewers sync.WaitGroup
	for _, p := range []Pattern{Everyone(), Category("room").AllScopes(), Everyone().In("s"), Category("room").In("s")} {
		viewers.Go(func() {
			for range 3 {
				seen := map[string]int{}
				for _, page := range pages(t, c, p, 100) {
					for _, k := range page {
						if len(k) == len("s/room/00000") {
							seen[k]++
						}
					}
				}
				if len(seen) != stay {
					t.Errorf("%v lists %d of %d that stay", p, len(seen), stay)
				}
				for k, n := range seen {
					if n != 1 {
						t.Errorf("%v lists %s %d times", p, k, n)
					}
				}
			}
		})
	}
	viewers.Wait()
	close(stop)
	others.Wait()
	if n, _ := c.Count(Everyone()); n != stay {
		t.Errorf("%d are left, want %d", n, stay)
	}
	if got, _ := c.Page(Everyone(), "", 0); got.Matched != stay || got.All != stay {
		t.Errorf("counts %+v, want %d", got, stay)
	}
}

// A list that nobody looks at any more is not kept in order.
func TestListingsAreGivenUp(t *testing.T) {
	t.Parallel()
	c := New(nil)
	defer c.Close()
	for i := range 2 * shortList {
		ghost(t, c, Key{"s", "room", fmt.Sprint(i)})
	}
	for i := range maxListings + 5 { // lists that are too long, and more than are kept
		for range shortList + 1 {
			ghost(t, c, Key{fmt.Sprint("s", i), "x", "y"})
		}
		pages(t, c, Everyone().In(fmt.Sprint("s", i)), 1000)
	}
	if n := len(c.index.listings); n != maxListings {
		t.Errorf("%d lists are in order, want %d", n, maxListings)
	}
	pages(t, c, Everyone(), 1000)
	for i := range 2 * (2*shortList + (maxListings+5)*(shortList+1)) {
		ghost(t, c, Key{"s", "other", fmt.Sprint(i)}).leave(sse.CauseClosed)
	}
	if c.index.listingOf(Key{}) != nil {
		t.Error("the list of everyone is still kept in order")
	}
}
