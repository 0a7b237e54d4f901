package main

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestRaceForOneName(t *testing.T) {
	inMemory(t, func(t *testing.T, s *server) {
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 16 {
			p := s.person(t)
			all.Go(func() {
				if p.join([]string{"José", "jose", "JOSE\u0301", " Jose "}[i%4]) {
					won.Add(1)
				}
			})
		}
		all.Wait()
		if n := won.Load(); n != 1 {
			t.Errorf("%d of 16 got the name, want one", n)
		}
	})
}

func TestNobodySquats(t *testing.T) {
	const step = time.Second
	for reason, try := range map[string]func(p *person){
		"joining":       func(*person) {},
		"joining again": func(p *person) { p.join("Ann") },
		"the page":      func(p *person) { _, _ = p.http.Do(p.request("GET", "/", nil)) },
		"a message": func(p *person) {
			if why := p.say("I am Ann"); !strings.Contains(why, "not connected") {
				t.Errorf("a message without a stream is answered %q", why)
			}
		},
	} {
		t.Run(reason, func(t *testing.T) {
			inMemory(t, func(t *testing.T, s *server) {
				squatter, ann := s.person(t), s.person(t)
				if !squatter.join("Ann") {
					t.Fatal("the name is taken")
				}
				for range 2*grace/step - 1 {
					time.Sleep(step)
					try(squatter)
					if ann.join("ann") {
						t.Fatal("a name is not kept until its stream opens")
					}
				}
				time.Sleep(step)
				ann.enter("Ann")
				if why := squatter.say("I am Ann"); why != http.StatusText(http.StatusForbidden) {
					t.Errorf("the squatter's message is answered %q", why)
				}
				if resp := squatter.stream().Response(); resp.StatusCode != http.StatusNoContent {
					t.Errorf("the squatter's stream is answered %d, want 204", resp.StatusCode)
				}
			})
		})
	}
}

func TestNameIsFreeAfter(t *testing.T) {
	inMemory(t, func(t *testing.T, s *server) {
		ann, bob := s.person(t), s.person(t)
		ann.enter("Ann")
		if bob.join("ANN") {
			t.Error("a name with a stream is given to somebody else")
		}
		ann.post("/leave", nil)
		if !bob.join("ANN") {
			t.Error("leaving does not free the name")
		}
		time.Sleep(2 * grace)

		a := ann.enter("Ann")
		a.Close() // the network is lost
		ann.post("/leave", nil)
		if !s.here.Has(key("Ann")) {
			t.Fatal("Ann has no grace period")
		}
		for s.here.Has(key("Ann")) {
			if bob.join("Ann") {
				t.Fatal("a name that is on the list is given to somebody else")
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
		time.Sleep(2 * grace)
		bob.enter("Ann")
	})
}

// A tab with the form on it enters as the person who has joined in another tab.
func TestSecondTabIsTheSamePerson(t *testing.T) {
	inMemory(t, func(t *testing.T, s *server) {
		ann := s.person(t)
		ann.enter("Ann")
		for _, name := range []string{"Ann", "Bob"} {
			if !ann.join(name) {
				t.Errorf("joining as %s shows no lobby", name)
			}
			until(ann.stream(), "#participant-list", itemID("Ann"))
		}
		if all, _ := s.here.List(); len(all) != 1 {
			t.Errorf("%v are here, want Ann", all)
		}
	})
}

func TestForgedAndOldCookies(t *testing.T) {
	inMemory(t, func(t *testing.T, s *server) {
		ann, bob := s.person(t), s.person(t)
		a := ann.enter("Ann")
		good := s.signer.cookie(identity{"Zoe", "x"}).Value
		time.Sleep(lifetime - 1)
		check := func(value, reason string, want int) {
			t.Helper()
			req := bob.request("POST", "/message", map[string]string{"message": "I am Ann"})
			req.AddCookie(newCookie(value, 0))
			resp, err := bob.http.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("a cookie that is %s: %d, want %d", reason, resp.StatusCode, want)
			}
		}
		check(good, "ours, of nobody on the list", http.StatusOK) // and told so
		check("Ann", "a name", http.StatusForbidden)
		check(signer("other").cookie(identity{"Ann", "x"}).Value, "signed by somebody else", http.StatusForbidden)
		check(s.signer.cookie(identity{"Ann", "x"}).Value, "ours, of another owner", http.StatusForbidden)
		check(strings.Replace(good, ".x.", ".y.", 1), "changed", http.StatusForbidden)
		check("a.b.c.d", "nonsense", http.StatusForbidden)
		check("...", "empty", http.StatusForbidden)
		time.Sleep(1)
		check(good, "too old", http.StatusForbidden)
		synctest.Wait()
		quiet(t, a, "#messages", "I am Ann", "Bob is not Ann")
	})
}
