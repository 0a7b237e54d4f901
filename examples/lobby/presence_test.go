package main

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/twk/twktest"
)

// Many come and go at once. In the end every page shows the list as it is, nobody
// was on it twice, and all pages have seen one order.
func TestParallelJoinsAndLeaves(t *testing.T) {
	for range 20 {
		inMemory(t, func(t *testing.T, s *server) {
			first := s.person(t).enter("First")
			var all sync.WaitGroup
			pages := make([]*twktest.Stream, 12)
			for i := range pages {
				p := s.person(t)
				name := string(rune('A' + i))
				all.Go(func() {
					p.join(name)
					pages[i] = p.stream()
					switch i % 3 {
					case 1: // a reload
						pages[i].Next()
						pages[i].Close()
						pages[i] = p.stream()
					case 2:
						until(pages[i], "#participant-list", itemID(name))
						p.post("/leave", nil)
						pages[i] = nil
					}
				})
			}
			all.Wait()
			time.Sleep(2 * grace)
			synctest.Wait()

			here, _ := s.here.List()
			var want []string
			for _, v := range here {
				want = append(want, itemID(v.Key.ID))
			}
			var told screen
			told.take(first.Pending())
			if n := len(want); n != 9 {
				t.Errorf("%d are here, want First and 8 who stayed", n)
			}
			for _, page := range pages {
				if page == nil {
					continue
				}
				var got screen
				got.take(page.Pending())
				if diff := cmp.Diff(want, got.people); diff != "" {
					t.Errorf("a page shows another list (-want +got):\n%s", diff)
				}
				if got.twice != nil {
					t.Errorf("on the list twice: %v", got.twice)
				}
				if one, part := strings.Join(told.notes, "\n"), strings.Join(got.notes, "\n"); !strings.HasSuffix(one, part) {
					t.Errorf("a page has seen\n%s\nand another\n%s", part, one)
				}
			}
			if diff := cmp.Diff(want, told.people); diff != "" {
				t.Errorf("the first page shows another list (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTwoJoinAtOnce(t *testing.T) {
	for range 50 {
		inMemory(t, func(t *testing.T, s *server) {
			var pages [2]*twktest.Stream
			var all sync.WaitGroup
			for i, name := range []string{"Ann", "Bob"} {
				p := s.person(t)
				all.Go(func() { p.join(name); pages[i] = p.stream() })
			}
			all.Wait()
			time.Sleep(time.Second) // the list is read again at the end of its interval
			synctest.Wait()
			var a, b screen
			a.take(pages[0].Pending())
			b.take(pages[1].Pending())
			if diff := cmp.Diff(a.people, b.people); diff != "" || len(a.people) != 2 || a.twice != nil || b.twice != nil {
				t.Errorf("they see %+v and %+v", a, b)
			}
		})
	}
}

func TestJoinListsEverybodyOnce(t *testing.T) {
	inMemory(t, func(t *testing.T, s *server) {
		ann, bob := s.person(t), s.person(t)
		a := ann.enter("Ann")
		bob.join("Bob")
		b := bob.stream()
		until(b, "#messages", did("Bob", "joined"))
		until(a, "#messages", did("Bob", "joined"))
		for _, s := range []*twktest.Stream{a, b} {
			list := s.Until(func(e twktest.Event) bool { return has([]twktest.Event{e}, "#participant-list", ">Bob<") }).Fields()
			if strings.Count(list["elements"], "<li") != 2 || !strings.Contains(list["elements"], ">Ann<") {
				t.Errorf("the list is %v, want Ann and Bob", list)
			}
		}
		second := bob.stream() // another tab
		until(second, "#participant-list", "Bob")
		time.Sleep(time.Second)
		bob.say("marker")
		for _, s := range []*twktest.Stream{a, second} {
			e := s.Next()
			if e.Fields()["mode"] == "remove" { // of what a page may show already
				e = s.Next()
			}
			if !has([]twktest.Event{e}, "#messages", "marker") {
				t.Errorf("got %v before the marker: a second tab is no second arrival", e)
			}
		}
	})
}

func TestTabDies(t *testing.T) {
	inMemory(t, func(t *testing.T, s *server) {
		ann, bob := s.person(t), s.person(t)
		a, b := ann.enter("Ann"), bob.enter("Bob")
		a.Close()
		time.Sleep(grace - 1)
		a = ann.stream() // a reload
		time.Sleep(time.Hour)
		quiet(t, b, "#messages", "Ann", "a reload must not announce anything")
		a.Close()
		time.Sleep(grace - 1)
		synctest.Wait()
		quiet(t, b, "#messages", "Ann", "the grace period is not over")
		time.Sleep(1)
		synctest.Wait()
		if !has(b.Pending(), "#messages", did("Ann", "left")) {
			t.Error("Ann has not left at the end of the grace period")
		}
	})
}
