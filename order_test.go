package sfere_test

import (
	"context"
	"fmt"
	"slices"
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
	"github.com/sfere-go/sfere/twk/twktest"
)

// readThenSend is what an opening page does: it reads the state, which takes time,
// and sends it.
type readThenSend struct{}

func (readThenSend) EffectName() string { return "test/read-then-send" }

// What others send to a stream that is opening follows its first effects. So
// "hold, then read, then send" is right without a lock.
func TestFirstEffectsComeFirst(t *testing.T) {
	for _, tt := range []struct {
		reason string
		sent   []effect.Data // while the first effects read the state
		nested []effect.Data // by the first effects themselves
		want   []string
	}{
		{"what others broadcast comes after", []effect.Data{sfere.Tell(hallAll, show("news"))}, nil, []string{"state", "second", "news"}},
		{"what is made for each as well", []effect.Data{sfere.Tell(hallAll, showUser{})}, nil, []string{"state", "second", "user ann"}},
		{"what is sent to the key as well", []effect.Data{sfere.Send(sfere.ID("room", "ann").In(sfere.DefaultScope), show("you"))}, nil, []string{"state", "second", "you"}},
		{"a broadcast of its own keeps its place", nil, []effect.Data{sfere.Tell(hallAll, show("I am here"))}, []string{"state", "I am here", "second"}},
		{"also if it is made for each", nil, []effect.Data{sfere.Tell(hallAll, showUser{})}, []string{"state", "user ann", "second"}},
		{"and before what others sent meanwhile", []effect.Data{sfere.Tell(hallAll, show("news"))}, []effect.Data{sfere.Tell(hallAll, show("I am here"))}, []string{"state", "I am here", "second", "news"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var app *sfere.App[guest]
			reads := effect.Do("Read, then send.", func(ctx context.Context, call effect.Call[guest], _ readThenSend) error {
				time.Sleep(time.Second)
				return call.Dispatch(ctx, append([]effect.Data{show("state")}, tt.nested...)...).Err()
			})
			app = hall(registry.New("reads", reads))
			app.Handle("GET /page", func(r *twk.Request) twk.Response {
				return sfere.Hold(sfere.ID("room", "ann"), twk.Stream(readThenSend{}, show("second")))
			})
			s := twktest.Serve(t, app, twktest.HTTPRequest("GET", "/page?user=ann", nil))
			synctest.Wait()
			if err := as(app, "eve", tt.sent...).Err(); err != nil {
				t.Error(err)
			}
			var got []string
			for range tt.want {
				got = append(got, textIn(s.Next()))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// Sending to a stream that is opening waits for no socket, however large its first
// effects are and however little its client reads.
func TestFirstEffectsNeverWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := hallWith(&sfere.AppOptions{Hub: &sse.HubOptions{WriteTimeout: -1}}, registry.New("reads",
			effect.Do("Send much.", func(ctx context.Context, call effect.Call[guest], _ readThenSend) error {
				began := time.Now()
				for range 40 {
					if err := call.Dispatch(ctx, show(strings.Repeat("x", 256<<10))).Err(); err != nil {
						return err
					}
				}
				if took := time.Since(began); took != 0 { // of the bubble
					t.Errorf("the first effects waited for %v", took)
				}
				return nil
			})))
		app.Handle("GET /page", func(r *twk.Request) twk.Response {
			return sfere.Hold(sfere.ID("room", "ann"), twk.Stream(readThenSend{}))
		})
		s := twktest.Serve(t, app, twktest.HTTPRequest("GET", "/page?user=ann", nil))
		s.Stall(true)
		synctest.Wait()
		if rep := sfere.ReportOf(as(app, "eve", sfere.Tell(hallAll, show("news")))); rep.Delivered != 1 {
			t.Errorf("report %+v", rep)
		}
		s.Stall(false)
		s.Until(func(e twktest.Event) bool { return textIn(e) == "news" })
	})
}

// Whatever many goroutines send to one pattern at once, everybody gets it in one
// order: what is the same for all, and what is made for each, quickly or slowly.
func TestBroadcastsHaveOneOrderUnderLoad(t *testing.T) {
	t.Parallel()
	const senders, each = 8, 60
	users := []string{"ann", "bob", "cem", "dora", "eve", "finn"}
	app := hall(registry.New("slow", effect.Do("Show late.", func(ctx context.Context, call effect.Call[guest], m late) error {
		if len(m.Text)%2 == len(call.Ctx().User)%2 { // slow for some
			time.Sleep(50 * time.Microsecond)
		}
		return call.Dispatch(ctx, show(m.Text)).Err()
	})))
	streams := enter(t, app, users...)
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for k := range each {
				text := fmt.Sprintf("%d.%d", i, k)
				if (i+k)%3 == 0 {
					as(app, "x", sfere.Tell(hallAll, late{text}))
				} else {
					as(app, "x", sfere.Tell(hallAll, show(text)))
				}
			}
		})
	}
	wg.Wait()
	var first []string
	for _, user := range users {
		got := texts(app, streams[user], "end of "+user)
		if first == nil {
			if first = got; len(first) != senders*each {
				t.Fatalf("%d events have come, want %d", len(first), senders*each)
			}
		}
		if diff := cmp.Diff(first, got); diff != "" {
			t.Errorf("%s got another order (-%s +%s):\n%s", user, users[0], user, diff)
		}
	}
	for i := range senders { // and of one sender, that of the sender
		var mine []string
		for _, text := range first {
			if strings.HasPrefix(text, fmt.Sprintf("%d.", i)) {
				mine = append(mine, text)
			}
		}
		if !slices.IsSortedFunc(mine, func(a, b string) int { return len(a) - len(b) }) {
			t.Errorf("sender %d: %v", i, mine)
		}
	}
}

// late is shown to each by an effect of its own.
type late struct{ Text string }

func (late) EffectName() string { return "test/late" }

// What a program sends at once is no slow client.
func TestBurstIsNotSlowness(t *testing.T) {
	lines := func(n, size int) (out effect.List) {
		for i := range n {
			out = append(out, show(fmt.Sprintf("%d %s", i, strings.Repeat("x", size))))
		}
		return out
	}
	for _, tt := range []struct {
		reason string
		send   func(app *sfere.App[guest]) sfere.Report
		n      int
	}{
		{"600 patches in one broadcast", func(app *sfere.App[guest]) sfere.Report {
			return sfere.ReportOf(as(app, "x", sfere.Tell(hallAll, lines(600, 1)...)))
		}, 600},
		{"two of 700 KB in one", func(app *sfere.App[guest]) sfere.Report {
			return sfere.ReportOf(as(app, "x", sfere.Tell(hallAll, lines(2, 700<<10)...)))
		}, 2},
		{"two of 700 KB one after the other", func(app *sfere.App[guest]) (all sfere.Report) {
			for _, item := range lines(2, 700<<10) {
				all.Add(sfere.ReportOf(as(app, "x", sfere.Tell(hallAll, item))))
			}
			return all
		}, 2},
		{"a large one behind a small one", func(app *sfere.App[guest]) sfere.Report {
			return sfere.ReportOf(as(app, "x", sfere.Tell(hallAll, show("small"), show(strings.Repeat("y", 2<<20)))))
		}, 2},
		{"2000 broadcasts in a row", func(app *sfere.App[guest]) (all sfere.Report) {
			for _, item := range lines(2000, 1) {
				all.Add(sfere.ReportOf(as(app, "x", sfere.Tell(hallAll, item))))
			}
			return all
		}, 2000},
		{"600 made for each", func(app *sfere.App[guest]) sfere.Report {
			return sfere.ReportOf(as(app, "x", sfere.Broadcast{To: hallAll, Effects: lines(600, 1), Each: true}))
		}, 600},
	} {
		app := hall()
		s := enter(t, app, "ann")["ann"]
		if rep := tt.send(app); rep.Delivered != rep.Matched || rep.Matched == 0 || rep.Err() != nil {
			t.Errorf("%s: report %+v", tt.reason, rep)
		}
		if got := texts(app, s, "end of it"); len(got) != tt.n {
			t.Errorf("%s: %d of %d events have come", tt.reason, len(got), tt.n)
		}
	}
}

// Events of which only the latest matters never push out one that must arrive, and
// their sender is told that they were dropped.
func TestDroppableSparesOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := hallWith(&sfere.AppOptions{Hub: &sse.HubOptions{MaxFrames: 8, WriteTimeout: -1, Heartbeat: -1}})
		s := enter(t, app, "ann")["ann"]
		s.Stall(true)
		as(app, "x", sfere.Tell(hallAll, show("with the writer")))
		time.Sleep(time.Second) // the client is behind
		cursor := func(i int) effect.Data {
			p := show(fmt.Sprint("cursor ", i))
			p.Overflow = sse.DropOldest
			return p
		}
		for i := range 4 {
			as(app, "x", sfere.Tell(hallAll, show(fmt.Sprint("line ", i))))
		}
		for i := range 100 {
			if rep := sfere.ReportOf(as(app, "x", sfere.Tell(hallAll, cursor(i)))); rep.Delivered != 1 {
				t.Fatalf("cursor %d: report %+v", i, rep)
			}
		}
		for i := 4; i < 8; i++ {
			if rep := sfere.ReportOf(as(app, "x", sfere.Tell(hallAll, show(fmt.Sprint("line ", i))))); rep.Delivered != 1 {
				t.Fatalf("line %d: report %+v", i, rep)
			}
		}
		rep := sfere.ReportOf(as(app, "x", sfere.Tell(hallAll, cursor(100))))
		if rep.Dropped != 1 || len(rep.Failures) != 1 || rep.Failures[0].Err != sse.ErrDropped {
			t.Errorf("report %+v, want the cursor dropped", rep)
		}
		s.Stall(false)
		var got []string
		for range 9 {
			got = append(got, textIn(s.Next()))
		}
		want := []string{"with the writer", "line 0", "line 1", "line 2", "line 3", "line 4", "line 5", "line 6", "line 7"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
