package main

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/twk/twktest"
)

// onBus returns another process of the lobby, in the bubble of the test.
func onBus(t *testing.T, bus relay.Relay) *server {
	t.Helper()
	s, err := newServer("s", blank, nodes{bus: bus})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.talk.join(t.Context(), nodes{bus: bus}); err != nil {
		t.Fatal(err)
	}
	if err := s.Conns().JoinRelay(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after the streams of the test have been closed
		s.here.Stop()
		s.Conns().Close()
		s.talk.leave()
	})
	time.Sleep(time.Second) // they meet
	return s
}

func (t *talk) texts() (texts []string) {
	for _, l := range t.after("") {
		texts = append(texts, l.Text)
	}
	return texts
}

// notesIn counts what a page notes, after what is taken away again.
func notesIn(events []twktest.Event) map[string]int {
	shown := map[string]string{} // by id
	for _, e := range events {
		f := e.Fields()
		if f["mode"] == "remove" {
			delete(shown, strings.TrimPrefix(f["selector"], "#"))
		}
		for _, m := range noteIn.FindAllStringSubmatch(f["elements"], -1) {
			if shown[m[1]] != "" {
				shown[m[1]+" again"] = m[2] + " " + m[3]
			} else {
				shown[m[1]] = m[2] + " " + m[3]
			}
		}
	}
	n := map[string]int{}
	for _, text := range shown {
		n[text]++
	}
	return n
}

var noteIn = regexp.MustCompile(`<li class="note" id="([^"]+)"><bdi>(.*)</bdi> (.*)</li>`)

// What is said in one process shows once on the pages of all, in one order, and a process
// that comes later knows it, too.
func TestRoomOfSeveralProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := relay.NewMemory(nil)
		servers := []*server{onBus(t, bus), onBus(t, bus)}
		ann, bob := servers[0].person(t), servers[1].person(t)
		a, b := ann.enter("Ann"), bob.enter("Bob")
		time.Sleep(time.Second)
		synctest.Wait()
		if notes := notesIn(a.Pending()); notes["Bob joined"] != 1 {
			t.Errorf("the page of Ann notes %v, want that Bob has joined, once", notes)
		}
		var want []string
		say := func(i int, text string) {
			want = append(want, text)
			servers[i].say(talking(Say{"Ann", text}))
			synctest.Wait() // the others have it
		}
		for i := range 20 {
			say(i%2, fmt.Sprint(i))
		}
		for name, page := range map[string]*twktest.Stream{"Ann": a, "Bob": b} {
			var shown paper
			shown.take(arrived(page))
			if diff := cmp.Diff(want, shown.texts()); diff != "" {
				t.Errorf("the page of %s (-want +got):\n%s", name, diff)
			}
		}
		servers = append(servers, onBus(t, bus))
		carl := servers[2].person(t)
		carl.join("Carl")
		shown, stream := carl.load()
		say(0, "between")
		c := carl.streamAt(stream, "")
		shown.take(arrived(c))
		if diff := cmp.Diff(want, shown.texts()); diff != "" {
			t.Errorf("a page of a process that came later (-want +got):\n%s", diff)
		}
		// A page that goes on at another process misses nothing and shows nothing twice.
		b.Close()
		say(2, "away")
		shown, stream = bob.load()
		b = bob.streamAt(stream, "")
		say(1, "back")
		shown.take(arrived(b))
		if diff := cmp.Diff(want, shown.texts()); diff != "" {
			t.Errorf("a page that comes back (-want +got):\n%s", diff)
		}
	})
}

// A page that does not get what is said in another process shows it a little later: the
// loss is told, and the program shows what was said again.
func TestLostLineIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := relay.NewFaulty(relay.NewMemory(nil), nil)
		one, two := onBus(t, bus), onBus(t, bus)
		a, b := one.person(t).enter("Ann"), two.person(t).enter("Bob")
		say := func(text string) {
			one.say(talking(Say{"Ann", text}))
			time.Sleep(time.Second)
		}
		say("1")
		bus.Cut(1, 3) // what the pages of the second are shown
		say("2")
		bus.Heal()
		bus.Cut(0, 2) // what the second process knows
		say("3")
		bus.Split(2, 3) // longer than it counts as there
		say("4")
		time.Sleep(time.Minute)
		say("5")
		bus.Heal()
		time.Sleep(10 * time.Second)
		bus.Split(2)
		bus.Cut(1, 3)
		say("6")
		bus.Heal()
		bus.Split(2) // the pages are told of the loss before the process knows what was said
		time.Sleep(time.Minute)
		bus.Heal()
		time.Sleep(10 * time.Second)
		for name, page := range map[string]*twktest.Stream{"Ann": a, "Bob": b} {
			var shown paper
			shown.take(arrived(page))
			if diff := cmp.Diff([]string{"1", "2", "3", "4", "5", "6"}, shown.texts()); diff != "" {
				t.Errorf("the page of %s (-want +got):\n%s", name, diff)
			}
		}
	})
}

// Whatever is lost on the way, all processes have the same talk in the end.
func TestTalkConverges(t *testing.T) {
	for _, tt := range []struct {
		name, reason string
		faults       relay.FaultyOptions
		split        bool
	}{
		{"at once", "they are ordered by time and id, not by arrival", relay.FaultyOptions{}, false},
		{"split", "who was cut off asks for what it has missed, and is asked", relay.FaultyOptions{}, true},
		{"drops", "who misses a line asks when it meets the others again", relay.FaultyOptions{Seed: 3, Drop: 0.2, Reorder: 0.2, Double: 0.2}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := relay.NewFaulty(relay.NewMemory(nil), &tt.faults)
				servers := []*server{onBus(t, bus), onBus(t, bus), onBus(t, bus)}
				if tt.split {
					bus.Split(4, 5) // of the third
				}
				var all sync.WaitGroup
				for i, s := range servers {
					all.Go(func() {
						for k := range 10 {
							s.say(talking(Say{"Ann", fmt.Sprint(i, ".", k)}))
							time.Sleep(time.Second)
						}
					})
				}
				all.Wait()
				bus.Calm(true)
				bus.Heal()
				time.Sleep(10 * time.Second)
				synctest.Wait()
				want := servers[0].talk.texts()
				if len(want) != 30 {
					t.Errorf("%d lines, want 30: %s", len(want), tt.reason)
				}
				for i, s := range servers[1:] {
					if diff := cmp.Diff(want, s.talk.texts()); diff != "" {
						t.Errorf("%s\nprocess %d (-want +got):\n%s", tt.reason, i+1, diff)
					}
				}
			})
		})
	}
}

// What another process says is checked: its ids become selectors, and its clock orders
// what follows.
func TestForeignLines(t *testing.T) {
	now := time.Now().UnixMicro()
	for _, tt := range []struct {
		reason string
		line   line
		want   int
	}{
		{"as every process says it", line{"m-ABCDEFGH-1", "Ann", "Hello", now}, 1},
		{"another selector", line{"m-ABCDEFGH-1,body", "Ann", "Hello", now}, 0},
		{"an hour ahead", line{"m-ABCDEFGH-1", "Ann", "Hello", now + time.Hour.Microseconds()}, 0},
		{"more than a message has", line{"m-ABCDEFGH-1", "Ann", strings.Repeat("x", maxMessage+1), now}, 0},
		{"more than a name has", line{"m-ABCDEFGH-1", strings.Repeat("x", maxName+1), "Hello", now}, 0},
	} {
		talk := newTalk()
		talk.keep(tt.line, tt.line)
		if got := len(talk.after("")); got != tt.want {
			t.Errorf("%s: %d lines are kept, want %d", tt.reason, got, tt.want)
		}
	}
}
