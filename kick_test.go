package sfere_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

func TestKick(t *testing.T) {
	exact := func(name string) sfere.Pattern { return sfere.Exactly(key(name)) }
	for _, tt := range []struct {
		name, reason string
		do           func(t *testing.T, r *rig, open func(name string, status int) *client)
	}{
		{"says why and closes", "the client gets the reason, then a normal end with a cause of its own", func(t *testing.T, r *rig, open func(string, int) *client) {
			_, d := r.watch(0)
			ann, bob := open("ann", 200), open("bob", 200)
			d.want(t, "0s joined ann", "0s joined bob")
			rep := sfere.ReportOf(r.dispatch(sfere.Kick{To: exact("ann"), Why: effect.List{tell("why")}}))
			if diff := cmp.Diff(sfere.Report{Matched: 1, Delivered: 1}, rep); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
			<-ann.left
			if got, want := ann.texts(), "hello why"; got != want || ann.aborts {
				t.Errorf("events %q, want %q; cut: %v", got, want, ann.aborts)
			}
			if rm := r.removal(); rm.Cause != sfere.CauseKicked {
				t.Errorf("cause %q", rm.Cause)
			}
			d.want(t, "0s left ann") // nobody waits for who was thrown out
			if got := bob.texts(); got != "hello" {
				t.Errorf("bob got %q", got)
			}
		}},
		{"keeps away", "a client that comes back every second is answered 204 until its time is over", func(t *testing.T, r *rig, open func(string, int) *client) {
			open("ann", 200)
			r.dispatch(sfere.Kick{To: exact("ann"), For: 10 * time.Second})
			for range 10 {
				open("ann", http.StatusNoContent)
				open("bob", 200).close()
				time.Sleep(time.Second)
			}
			open("ann", 200)
			if len(r.errs) > 0 {
				t.Errorf("staying away was reported as a failure: %v", r.errs)
			}
		}},
		{"a minute", "the default", func(t *testing.T, r *rig, open func(string, int) *client) {
			r.dispatch(sfere.Kick{To: exact("ann")})
			time.Sleep(time.Minute - 1)
			if got := r.conns.KeptAway(key("ann")); got != 1 {
				t.Errorf("kept away for %v", got)
			}
			open("ann", http.StatusNoContent)
			time.Sleep(1)
			open("ann", 200)
			if got := r.conns.KeptAway(key("ann")); got != 0 {
				t.Errorf("kept away for %v", got)
			}
		}},
		{"not at all", "negative closes and says why only", func(t *testing.T, r *rig, open func(string, int) *client) {
			<-func() chan struct{} {
				c := open("ann", 200)
				r.dispatch(sfere.Kick{To: exact("ann"), For: -1})
				return c.left
			}()
			open("ann", 200)
		}},
		{"on its way back", "somebody without a stream at this moment is kept away by an exact key", func(t *testing.T, r *rig, open func(string, int) *client) {
			open("ann", 200).close()
			rep := sfere.ReportOf(r.dispatch(sfere.Kick{To: exact("ann")}))
			if rep.Matched != 0 {
				t.Errorf("report %+v", rep)
			}
			open("ann", http.StatusNoContent)
		}},
		{"the longer one", "a second kick does not shorten the first", func(t *testing.T, r *rig, open func(string, int) *client) {
			r.dispatch(sfere.Kick{To: exact("ann"), For: time.Hour}, sfere.Kick{To: exact("ann")})
			time.Sleep(time.Hour - 1)
			open("ann", http.StatusNoContent)
			r.dispatch(sfere.Kick{To: exact("bob")}, sfere.Kick{To: exact("bob"), For: time.Hour})
			time.Sleep(time.Hour - 1)
			open("bob", http.StatusNoContent)
		}},
		{"a crowd", "a pattern keeps those away whom it found, and nobody who was not there", func(t *testing.T, r *rig, open func(string, int) *client) {
			open("ann", 200)
			open("bob", 200)
			open("carl", 200)
			rep := sfere.ReportOf(r.dispatch(sfere.Kick{To: sfere.Category("lobby"), Exclude: sfere.Except(key("carl"))}))
			if rep.Delivered != 2 {
				t.Errorf("report %+v", rep)
			}
			open("ann", http.StatusNoContent)
			open("bob", http.StatusNoContent)
			open("carl", 200)
			open("dora", 200)
		}},
		{"excluded", "a key that a spared stream has as well is not kept away: its stream has to be able to come back", func(t *testing.T, r *rig, open func(string, int) *client) {
			tab := sfere.ID("tab", "1").In(sfere.DefaultScope)
			both := r.fn("both", func(ctx context.Context, call twk.Call) error {
				return call.Dispatch(ctx, sfere.HoldStream{Key: tab}).Err()
			})
			one := open("ann&do="+both.Name, 200)
			two := open("ann", 200)
			r.dispatch(sfere.Kick{To: exact("ann"), Exclude: sfere.Except(tab)})
			<-two.left
			r.wantCount(sfere.Everyone(), 1)
			one.close()
			open("ann", 200)
		}},
		{"other keys", "only those keys that the pattern matches are kept away", func(t *testing.T, r *rig, open func(string, int) *client) {
			room := r.fn("room", func(ctx context.Context, call twk.Call) error {
				return call.Dispatch(ctx, sfere.HoldStream{Key: sfere.ID("room", "7")}).Err()
			})
			open("ann&do="+room.Name, 200)
			r.dispatch(sfere.Kick{To: sfere.Category("room")})
			open("ann", 200)
			open("bob&do="+room.Name, 200)
			synctest.Wait()
			for _, err := range r.errs {
				if e, ok := errors.AsType[*sfere.Error](err); !ok || e.Status != http.StatusNoContent || e.Key.Category != "room" {
					t.Errorf("a live stream that may not have a key: error %v", err)
				}
			}
			if len(r.errs) != 1 {
				t.Errorf("%d errors", len(r.errs))
			}
			r.wantCount(sfere.Category("room"), 0)
		}},
		{"admitted", "what was done by mistake can be undone", func(t *testing.T, r *rig, open func(string, int) *client) {
			for _, name := range []string{"ann", "bob", "carl"} {
				r.dispatch(sfere.Kick{To: exact(name)})
			}
			for _, step := range []struct {
				to   sfere.Pattern
				want int
			}{{exact("ann"), 1}, {exact("ann"), 0}, {sfere.Category("nowhere"), 0}, {sfere.Category("lobby"), 2}} {
				if got, ok := effect.Value[int](r.dispatch(sfere.Admit{To: step.to})); !ok || got != step.want {
					t.Errorf("%v: %d were let in, want %d", step.to, got, step.want)
				}
			}
			for _, name := range []string{"ann", "bob", "carl"} {
				open(name, 200)
			}
			if err := r.d.Dispatch(t.Context(), app{}, sfere.Admit{}).Err(); err == nil {
				t.Error("no pattern is none")
			}
		}},
		{"claims", "who is kept away does not get the name either, and knows at once", func(t *testing.T, r *rig, open func(string, int) *client) {
			r.dispatch(sfere.Kick{To: exact("ann")})
			wantStatus(t, r.conns.Claim(key("ann"), "me", 0), http.StatusConflict)
			r.dispatch(sfere.Admit{To: exact("ann")})
			wantStatus(t, r.conns.Claim(key("ann"), "me", 0), 0)
		}},
		{"why fails", "who cannot be told is thrown out all the same", func(t *testing.T, r *rig, open func(string, int) *client) {
			ann := open("ann", 200)
			fails := r.fn("fails", func(context.Context, twk.Call) error { return errBroken })
			res := r.d.Dispatch(t.Context(), app{}, sfere.Kick{To: exact("ann"), Why: effect.List{fails, tell("bye")}})
			<-ann.left
			if rep := sfere.ReportOf(res); !errors.Is(res.Err(), errBroken) || rep.Delivered != 1 {
				t.Errorf("error %v, report %+v", res.Err(), rep)
			}
			open("ann", http.StatusNoContent)
		}},
		{"dry run", "it says who would get what, and does nothing", func(t *testing.T, r *rig, open func(string, int) *client) {
			open("ann", 200)
			dry := r.d.DryRun(t.Context(), app{}, sfere.Kick{To: exact("ann"), Why: effect.List{tell("bye")}})
			var would []string
			for _, p := range dry.Plan {
				for _, w := range p.Would {
					if d, ok := w.(twk.Delivery); ok {
						for _, f := range d.Frames {
							would = append(would, f.Event().Data...)
						}
						would = append(would, string(d.Cause))
					}
				}
			}
			if diff := cmp.Diff([]string{`signals {"text":"bye"}`, "", "kicked"}, would); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			r.wantCount(sfere.Everyone(), 1)
			open("ann", 200)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, setup{}, func(t *testing.T, r *rig) {
				tt.do(t, r, func(name string, status int) *client {
					t.Helper()
					got, c := r.status("id=" + name)
					if got != status {
						t.Errorf("%s: status %d, want %d", name, got, status)
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

// A 204 has no body and nothing that speaks of one.
func TestKeptAwayAnswer(t *testing.T) {
	s := newServer(t, setup{})
	s.dispatch(sfere.Kick{To: sfere.Exactly(key("ann"))})
	res, err := s.srv.Client().Do(s.request(id("ann")))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusNoContent || res.ContentLength > 0 || res.Header.Get("Content-Type") != "" || res.Header.Get("Content-Length") != "" {
		t.Errorf("status %d, header %v", res.StatusCode, res.Header)
	}
	c := s.visit(id("ann"))
	<-c.left
	if c.text() != "" {
		t.Errorf("the handler wrote %q", c.text())
	}
	if len(s.errs) > 0 {
		t.Errorf("reported %v", s.errs)
	}
}
