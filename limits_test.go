package sfere_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

// A broadcast ends at the deadline of its sender, and tells who was not reached.
func TestDeadlineBoundsBroadcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := hall()
		enter(t, app, "ann", "bob", "cem")
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		began := time.Now()
		res := app.Dispatch(ctx, sfere.Tell(hallAll, twk.Patch(twk.PerRecipient(slowContent{}))))
		if took := time.Since(began); took != 200*time.Millisecond {
			t.Errorf("it took %v, want the sender's 200ms", took)
		}
		rep := sfere.ReportOf(res)
		if rep.Matched != 3 || rep.Failed != 3 || !errors.Is(rep.Err(), context.DeadlineExceeded) {
			t.Errorf("report %+v", rep)
		}
	})
}

// Without a deadline there is a limit for each recipient, and slow ones do not
// queue behind each other.
func TestSlowRecipientsDoNotQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := hallWith(&sfere.AppOptions{Conns: &sfere.Options{RecipientTimeout: time.Second}})
		var users []string
		for i := range 16 {
			users = append(users, fmt.Sprint("u", i))
		}
		enter(t, app, users...)
		began := time.Now()
		rep := sfere.ReportOf(app.Dispatcher().Dispatch(context.Background(), guest{}, sfere.Tell(hallAll, twk.Patch(twk.PerRecipient(slowContent{})))))
		if took := time.Since(began); took < 2*time.Second || took > 2100*time.Millisecond {
			t.Errorf("16 recipients of 1 s each took %v, want 2 s", took)
		}
		if rep.Failed != 16 || len(rep.Failures) != 1 || rep.Failures[0].Count != 16 || len(rep.Failures[0].Keys) != 8 {
			t.Errorf("report %+v", rep)
		}
	})
}

// What runs once for all is bounded as well, though its sender has left and had no
// deadline.
func TestSharedItemsAreBounded(t *testing.T) {
	for _, tt := range []struct {
		reason  string
		content twk.Content
		want    time.Duration
	}{
		{"content that waits", slowContent{}, time.Second},
		{"content that asks, and waits; then each of them does", contentFunc(func(ctx context.Context, _ io.Writer) error {
			sfere.RecipientOf(ctx)
			<-ctx.Done()
			return context.Cause(ctx)
		}), 2 * time.Second},
		{"content that passes its context on", contentFunc(func(ctx context.Context, _ io.Writer) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			<-ctx.Done()
			return context.Cause(ctx)
		}), time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			app := hallWith(&sfere.AppOptions{Conns: &sfere.Options{RecipientTimeout: time.Second}})
			s := enter(t, app, "ann")["ann"]
			ctx, leave := context.WithCancel(t.Context())
			began := time.Now()
			time.AfterFunc(time.Millisecond, leave)
			rep := sfere.ReportOf(app.Dispatch(ctx, sfere.Tell(hallAll, show("before"), twk.Patch(tt.content), show("after"))))
			if took := time.Since(began); took < tt.want || took > tt.want+20*time.Millisecond { // of the bubble
				t.Errorf("%s: it took %v, want %v", tt.reason, took, tt.want)
			}
			if rep.Failed != 1 || rep.Shared == nil || !errors.Is(rep.Err(), context.DeadlineExceeded) || !addsUp(rep) {
				t.Errorf("%s: report %+v", tt.reason, rep)
			}
			if got := textIn(s.Next()); got != "before" {
				t.Errorf("%s: got %q", tt.reason, got)
			}
		})
	}
}

// contentFunc is content that is a function.
type contentFunc func(ctx context.Context, w io.Writer) error

func (f contentFunc) Render(ctx context.Context, w io.Writer) error { return f(ctx, w) }

// The sender's leaving stops no broadcast that has begun.
func TestSenderLeavesBroadcastGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		leaves := effect.Do("The sender leaves.", func(context.Context, effect.Call[guest], readThenSend) error { leave(); return nil })
		app := hall(registry.New("leaves", leaves))
		s := enter(t, app, "ann")["ann"]
		if rep := sfere.ReportOf(app.Dispatch(ctx, sfere.Tell(hallAll, readThenSend{}, showUser{}))); rep.Delivered != 1 {
			t.Errorf("report %+v", rep)
		}
		if got := textIn(s.Next()); got != "user ann" {
			t.Errorf("ann got %q", got)
		}
	})
}

// What fails for many in the same way is kept once, with a count and some of the
// keys, in the report and in the dispatch.
func TestFailuresOfManyRecipients(t *testing.T) {
	app := hall()
	var users []string
	for i := range 50 {
		users = append(users, fmt.Sprintf("u%02d", i))
	}
	enter(t, app, users...)
	var n atomic.Int32
	for _, tt := range []struct {
		reason  string
		content func() twk.Content
		causes  int
	}{
		{"equal errors", func() twk.Content { panic(errors.New("no template")) }, 1},
		{"equal panics", func() twk.Content { var m map[string]int; m["x"] = 1; return nil }, 1},
		{"long texts are cut before they are compared", func() twk.Content {
			panic(errors.New(strings.Repeat("x", 1<<20) + fmt.Sprint(n.Add(1))))
		}, 1},
		{"every error another", func() twk.Content { panic(fmt.Errorf("error %d", n.Add(1))) }, 33},
	} {
		res := as(app, "x", sfere.Tell(hallAll, twk.Patch(twk.PerRecipientFunc(func(context.Context) twk.Content { return tt.content() }))))
		rep := sfere.ReportOf(res)
		sum := 0
		for _, f := range rep.Failures {
			sum += f.Count
			if len(f.Keys) > 8 {
				t.Errorf("%s: %d keys", tt.reason, len(f.Keys))
			}
		}
		if rep.Failed != 50 || sum != 50 || len(rep.Failures) != tt.causes || len(res.Errors) != tt.causes {
			t.Errorf("%s: failed %d of 50, %d causes for %d, %d errors of the dispatch", tt.reason, rep.Failed, len(rep.Failures), sum, len(res.Errors))
		}
	}
}

// Broadcasts inside each other multiply their recipients: six of 20 are 64 million.
// All of it is one dispatch from outside, which has one budget.
func TestFanOutIsBounded(t *testing.T) {
	var ran atomic.Int64
	counts := effect.Do("Count.", func(context.Context, effect.Call[guest], readThenSend) error { ran.Add(1); return nil })
	const limit = 2000
	app := hallWith(&sfere.AppOptions{Dispatch: &dispatch.Options{MaxTotal: limit}}, registry.New("counts", counts))
	var users []string
	for i := range 20 {
		users = append(users, fmt.Sprintf("u%02d", i))
	}
	enter(t, app, users...)
	for _, tt := range []struct {
		reason string
		nest   func(effect.Data) effect.Data
	}{
		{"for each recipient", func(in effect.Data) effect.Data { return sfere.Tell(hallAll, in) }},
		{"behind something that runs for each", func(in effect.Data) effect.Data { return sfere.Tell(hallAll, readThenSend{}, in) }},
		{"in batches", func(in effect.Data) effect.Data {
			return sfere.Tell(hallAll, effect.Batch{Effects: effect.List{in}})
		}},
	} {
		ran.Store(0)
		item := effect.Data(readThenSend{})
		for range 6 {
			item = tt.nest(item)
		}
		res := as(app, "x", item)
		if !errors.Is(res.Err(), dispatch.ErrBudget) {
			t.Errorf("%s: no ErrBudget in %v", tt.reason, res.Err())
		}
		if n := ran.Load(); n > limit || n == 0 {
			t.Errorf("%s: %d effects ran, want at most %d", tt.reason, n, limit)
		}
		if len(res.Errors) > 100 {
			t.Errorf("%s: %d errors", tt.reason, len(res.Errors))
		}
	}
	// The next dispatch has a budget of its own.
	if res := as(app, "x", sfere.Tell(hallAll, readThenSend{})); res.Err() != nil {
		t.Error(res.Err())
	}
}

// Adding a report to an empty one changes nothing, wherever the failure stands that
// sums up what is not kept by its cause.
func TestAddKeepsCauses(t *testing.T) {
	app := hall()
	var users []string
	for i := range 50 {
		users = append(users, fmt.Sprintf("u%02d", i))
	}
	enter(t, app, users...)
	var n atomic.Int32
	rep := sfere.ReportOf(as(app, "x", sfere.Tell(hallAll, twk.Patch(twk.PerRecipientFunc(func(context.Context) twk.Content {
		panic(fmt.Errorf("error %d", n.Add(1)))
	})))))
	rest := slices.IndexFunc(rep.Failures, func(f sfere.Failure) bool { return f.Count > 1 })
	if rest < 0 {
		t.Fatalf("no failure sums up the rest: %v", rep.Failures)
	}
	for at := range rep.Failures {
		moved := rep
		moved.Failures = slices.Insert(slices.Delete(slices.Clone(rep.Failures), rest, rest+1), min(at, len(rep.Failures)-1), rep.Failures[rest])
		var sum sfere.Report
		sum.Add(moved)
		if len(sum.Failures) != len(moved.Failures) {
			t.Errorf("at %d: %d causes became %d", at, len(moved.Failures), len(sum.Failures))
		}
	}
}
