package sfere_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// owned is the query of a stream that is held for an owner.
func owned(name, owner string) string { return id(name) + "&owner=" + url.QueryEscape(owner) }

// status opens a stream and returns the status of a refusal, or 200 and the stream.
func (r *rig) status(query string) (int, *client) {
	r.t.Helper()
	c := r.visit(query)
	synctest.Wait()
	select {
	case <-c.left:
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.writer.status, nil
	default:
		return http.StatusOK, c
	}
}

func TestClaim(t *testing.T) {
	const (
		forAnn = 10 * time.Second
		byHold = 30 * time.Second // what a stream leaves behind
	)
	for _, tt := range []struct {
		name, reason string
		do           func(t *testing.T, r *rig, claim func(owner string) error, hold func(owner string, status int) *client)
	}{
		{"exclusive", "nobody else gets what is claimed, with a claim or with a stream", func(t *testing.T, r *rig, claim func(string) error, hold func(string, int) *client) {
			wantStatus(t, claim("ann"), 0)
			wantStatus(t, claim("bob"), http.StatusConflict)
			hold("bob", http.StatusConflict)
			hold("", http.StatusConflict)
			hold("ann", http.StatusOK)
		}},
		{"expires", "a name that was claimed and never used is free again, to the moment", func(t *testing.T, r *rig, claim func(string) error, hold func(string, int) *client) {
			wantStatus(t, claim("ann"), 0)
			time.Sleep(forAnn - 1)
			wantStatus(t, claim("bob"), http.StatusConflict)
			time.Sleep(1)
			wantStatus(t, claim("bob"), 0)
		}},
		{"renewed", "its owner may claim again, and has the whole time", func(t *testing.T, r *rig, claim func(string) error, hold func(string, int) *client) {
			for range 5 {
				wantStatus(t, claim("ann"), 0)
				time.Sleep(forAnn - 1)
			}
			wantStatus(t, claim("bob"), http.StatusConflict)
		}},
		{"lasts with a stream", "who is there keeps the name, and after that has the time of the claim for a reload", func(t *testing.T, r *rig, claim func(string) error, hold func(string, int) *client) {
			wantStatus(t, claim("ann"), 0)
			c := hold("ann", http.StatusOK)
			time.Sleep(time.Hour)
			wantStatus(t, claim("bob"), http.StatusConflict)
			second := hold("ann", http.StatusOK)
			c.close()
			time.Sleep(time.Hour)
			wantStatus(t, claim("bob"), http.StatusConflict)
			second.close()
			time.Sleep(forAnn - 1)
			wantStatus(t, claim("bob"), http.StatusConflict)
			hold("ann", http.StatusOK).close()
			time.Sleep(forAnn - 1)
			wantStatus(t, claim("bob"), http.StatusConflict)
			time.Sleep(1)
			wantStatus(t, claim("bob"), 0)
		}},
		{"by a stream alone", "after a restart the streams come back before anybody claims", func(t *testing.T, r *rig, claim func(string) error, hold func(string, int) *client) {
			c := hold("ann", http.StatusOK)
			wantStatus(t, claim("bob"), http.StatusConflict)
			hold("bob", http.StatusConflict)
			c.close()
			time.Sleep(byHold - 1)
			wantStatus(t, claim("bob"), http.StatusConflict)
			time.Sleep(1)
			wantStatus(t, claim("bob"), 0)
		}},
		{"released", "who leaves gives the name to the next", func(t *testing.T, r *rig, claim func(string) error, hold func(string, int) *client) {
			wantStatus(t, claim("ann"), 0)
			if r.conns.Release(key("name"), "bob") {
				t.Error("somebody else released it")
			}
			wantStatus(t, claim("bob"), http.StatusConflict)
			if !r.conns.Release(key("name"), "ann") || r.conns.Release(key("name"), "ann") {
				t.Error("it is released once")
			}
			wantStatus(t, claim("bob"), 0)
		}},
		{"released with a stream", "the claim ends with the stream, in whatever order they are ended", func(t *testing.T, r *rig, claim func(string) error, hold func(string, int) *client) {
			wantStatus(t, claim("ann"), 0)
			c := hold("ann", http.StatusOK)
			r.dispatch(sfere.Release{Key: key("name"), Owner: "ann"})
			wantStatus(t, claim("bob"), http.StatusConflict)
			c.close()
			wantStatus(t, claim("bob"), 0)
		}},
		{"somebody is there", "a key with streams that nobody claimed is taken", func(t *testing.T, r *rig, claim func(string) error, hold func(string, int) *client) {
			c := hold("", http.StatusOK)
			wantStatus(t, claim("ann"), http.StatusConflict)
			hold("ann", http.StatusConflict)
			hold("", http.StatusOK).close()
			c.close()
			wantStatus(t, claim("ann"), 0)
		}},
		{"replace", "a policy is about streams of one owner", func(t *testing.T, r *rig, claim func(string) error, hold func(string, int) *client) {
			c := hold("ann", http.StatusOK)
			if status, _ := r.status(owned("name", "bob") + "&policy=replace"); status != http.StatusConflict {
				t.Errorf("status %d", status)
			}
			if status, _ := r.status(owned("name", "bob") + "&policy=reuse"); status != http.StatusConflict {
				t.Errorf("status %d", status)
			}
			if status, _ := r.status(owned("name", "bob") + "&policy=reuse&short=1"); status != http.StatusConflict {
				t.Errorf("a short answer that goes to somebody else's stream: status %d", status)
			}
			if status, _ := r.status(owned("name", "ann") + "&policy=reuse&short=1"); status != http.StatusNoContent {
				t.Errorf("a short answer that goes to one's own stream: status %d", status)
			}
			r.wantCount(sfere.Everyone(), 1)
			if status, _ := r.status(owned("name", "ann") + "&policy=replace"); status != http.StatusOK {
				t.Errorf("status %d", status)
			}
			<-c.left
			wantStatus(t, claim("bob"), http.StatusConflict)
		}},
		{"refused stream", "a stream that was refused has claimed nothing, and taken nothing from a claim", func(t *testing.T, r *rig, claim func(string) error, hold func(string, int) *client) {
			if status, _ := r.status(owned("name", "ann") + "&then=zero"); status == http.StatusOK {
				t.Error("it was not refused")
			}
			wantStatus(t, claim("bob"), 0)
			if status, _ := r.status(owned("name", "bob") + "&then=zero"); status == http.StatusOK {
				t.Error("it was not refused")
			}
			wantStatus(t, claim("ann"), http.StatusConflict)
		}},
		{"claimed while it opens", "a stream that is refused takes nothing from a claim that was made meanwhile", func(t *testing.T, r *rig, claim func(string) error, hold func(string, int) *client) {
			both := r.fn("claim and fail", func(context.Context, twk.Call) error { return errors.Join(claim("ann"), errBroken) })
			<-r.serve(newWriter(), "", func(*twk.Request) twk.Response {
				return twk.Stream(tell("hello")).WithOpen(sfere.HoldStream{Key: key("name"), Owner: "ann"}, both)
			}).left
			wantStatus(t, claim("bob"), http.StatusConflict)
		}},
		{"owner", "who has it", func(t *testing.T, r *rig, claim func(string) error, hold func(string, int) *client) {
			_, before := r.conns.OwnerOf(key("name"))
			wantStatus(t, claim("ann"), 0)
			owner, ok := r.conns.OwnerOf(key("name"))
			time.Sleep(forAnn)
			_, after := r.conns.OwnerOf(key("name"))
			if before || owner != "ann" || !ok || after {
				t.Errorf("before %v, owner %q %v, after %v", before, owner, ok, after)
			}
		}},
		{"closed", "nothing is claimed while the program ends", func(t *testing.T, r *rig, claim func(string) error, hold func(string, int) *client) {
			r.conns.Close()
			wantStatus(t, claim("ann"), http.StatusServiceUnavailable)
		}},
		{"as an effect", "its value says whether it is new; a refusal names the key", func(t *testing.T, r *rig, claim func(string) error, hold func(string, int) *client) {
			e := sfere.Claim{Key: sfere.ID("lobby", "name"), Owner: "ann"}
			for _, want := range []bool{true, false} {
				if got, ok := effect.Value[bool](r.dispatch(e)); !ok || got != want {
					t.Errorf("value %v, %v, want %v", got, ok, want)
				}
			}
			e.Owner = "bob"
			err := r.d.Dispatch(t.Context(), app{}, e).Err()
			wantStatus(t, err, http.StatusConflict)
			if !errors.Is(err, sfere.ErrTaken) || !strings.Contains(err.Error(), key("name").String()) {
				t.Errorf("error %v", err)
			}
			dry := r.d.DryRun(t.Context(), app{}, sfere.Release{Key: key("name"), Owner: "ann"}, sfere.Claim{Key: key("other"), Owner: "ann"})
			if _, ok := r.conns.OwnerOf(key("other")); ok || dry.Result.Err() != nil {
				t.Errorf("a dry run claims, %v", dry.Result.Err())
			}
			if _, ok := r.conns.OwnerOf(key("name")); !ok {
				t.Error("a dry run releases")
			}
		}},
		{"not valid", "an owner that is none, a key that is none, a time that is none", func(t *testing.T, r *rig, claim func(string) error, hold func(string, int) *client) {
			wantStatus(t, claim(""), http.StatusBadRequest)
			wantStatus(t, claim(strings.Repeat("x", 1025)), http.StatusBadRequest)
			wantStatus(t, r.conns.Claim(key("name"), "ann", -1), http.StatusBadRequest)
			if _, ok := errors.AsType[*sfere.KeyError](r.conns.Claim(sfere.ID("lobby", ""), "ann", 0)); !ok {
				t.Error("a key without an id was claimed")
			}
			hold(strings.Repeat("x", 1025), http.StatusBadRequest)
			wantStatus(t, claim(strings.Repeat("x", 1024)), 0)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, setup{}, func(t *testing.T, r *rig) {
				tt.do(t, r,
					func(owner string) error { return r.conns.Claim(key("name"), owner, forAnn) },
					func(owner string, status int) *client {
						t.Helper()
						got, c := r.status(owned("name", owner))
						if got != status {
							t.Errorf("holding for %.9q: status %d, want %d", owner, got, status)
						}
						return c
					})
				if t.Failed() {
					t.Log(tt.reason)
				}
			})
		})
	}
}

// wantStatus fails the test unless err asks for a status; 0 means no error.
func wantStatus(t *testing.T, err error, status int) {
	t.Helper()
	switch {
	case status == 0 && err != nil:
		t.Errorf("error %v, want none", err)
	case status != 0 && (err == nil || sse.StatusOf(err) != status):
		t.Errorf("error %v, want one with status %d", err, status)
	}
}

// Of a hundred who claim at once one gets it.
func TestClaimByManyAtOnce(t *testing.T) {
	conns := sfere.New(nil)
	defer conns.Close()
	var got atomic.Int64
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if conns.Claim(key("seat"), fmt.Sprint(i), time.Hour) == nil {
				got.Add(1)
			}
		})
	}
	wg.Wait()
	if n := got.Load(); n != 1 {
		t.Errorf("%d have the seat", n)
	}
}

// TestClaimModel compares claims with a model that is a list of what is true of
// each key.
func TestClaimModel(t *testing.T) {
	type claim struct {
		owner   string
		keep    time.Duration
		end     time.Time // without streams
		streams []*client
	}
	const keep, byHold = 10 * time.Second, 30 * time.Second
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(timeless{t}, func(rt *rapid.T) {
			r := newRig(t, setup{hub: sse.HubOptions{Heartbeat: -1}})
			model := map[string]*claim{}
			current := func(name string) *claim {
				if c := model[name]; c != nil && len(c.streams) == 0 && !c.end.After(time.Now()) {
					delete(model, name)
				}
				return model[name]
			}
			drawName := func(rt *rapid.T) string { return rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "name") }
			drawOwner := func(rt *rapid.T) string { return rapid.SampledFrom([]string{"ann", "bob"}).Draw(rt, "owner") }
			defer func() {
				for _, c := range model {
					for _, s := range c.streams {
						s.close()
					}
				}
				r.conns.Close()
				synctest.Wait()
			}()
			rt.Repeat(map[string]func(*rapid.T){
				"": func(rt *rapid.T) {
					for _, name := range []string{"x", "y"} {
						owner, ok := r.conns.OwnerOf(key(name))
						c := current(name)
						if ok != (c != nil) || ok && owner != c.owner {
							rt.Fatalf("%s belongs to %q, %v, want %+v", name, owner, ok, c)
						}
					}
				},
				"claim": func(rt *rapid.T) {
					name, owner := drawName(rt), drawOwner(rt)
					c := current(name)
					err := r.conns.Claim(key(name), owner, keep)
					if ok := c == nil || c.owner == owner; ok != (err == nil) {
						rt.Fatalf("claiming %s for %s: %v", name, owner, err)
					}
					if err == nil {
						if c == nil {
							c = &claim{owner: owner}
							model[name] = c
						}
						c.keep, c.end = keep, time.Now().Add(keep)
					}
				},
				"release": func(rt *rapid.T) {
					name, owner := drawName(rt), drawOwner(rt)
					c := current(name)
					if got, want := r.conns.Release(key(name), owner), c != nil && c.owner == owner; got != want {
						rt.Fatalf("releasing %s for %s: %v", name, owner, got)
					} else if got {
						c.keep, c.end = 0, time.Now()
					}
				},
				"hold": func(rt *rapid.T) {
					name, owner := drawName(rt), drawOwner(rt)
					c := current(name)
					status, stream := r.status(owned(name, owner))
					if ok := c == nil || c.owner == owner; ok != (status == http.StatusOK) {
						rt.Fatalf("holding %s for %s: %d", name, owner, status)
					}
					if stream == nil {
						return
					}
					if c == nil {
						c = &claim{owner: owner}
						model[name] = c
					}
					if c.keep == 0 {
						c.keep = byHold
					}
					c.streams = append(c.streams, stream)
				},
				"leave": func(rt *rapid.T) {
					c := current(drawName(rt))
					if c == nil || len(c.streams) == 0 {
						rt.Skip("nobody")
					}
					c.streams[0].close()
					c.streams = slices.Delete(c.streams, 0, 1)
					c.end = time.Now().Add(c.keep)
				},
				"advance": func(rt *rapid.T) {
					time.Sleep(time.Duration(rapid.IntRange(1, 20).Draw(rt, "seconds")) * time.Second)
				},
			})
		})
	})
}
