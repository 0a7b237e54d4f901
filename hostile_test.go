package sfere_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

// both is a shared effect that runs a list of its own.
type both struct{ Inner effect.List }

func (both) EffectName() string { return "test/both" }

// breaks fails with an error that panics when it is compared.
type breaks struct{}

func (breaks) EffectName() string { return "test/breaks" }

type hostileError struct{}

func (hostileError) Error() string { return "hostile" }
func (hostileError) Is(error) bool { panic("do not compare") }

// more are effects that misbehave.
func more() registry.Registry[guest] {
	return registry.New("more",
		effect.Do("Run a list, once for all.", func(ctx context.Context, call effect.Call[guest], b both) error {
			return call.Dispatch(ctx, b.Inner...).Err()
		}).About(effect.About{Shared: true}),
		effect.Do("Fail with an error that panics.", func(context.Context, effect.Call[guest], breaks) error { return hostileError{} }),
	)
}

// What fails inside a shared effect fails that effect, and no other of the list.
func TestFailureInsideSharedEffect(t *testing.T) {
	bad := twk.PatchElements{Selector: "a\nb"}
	app := hall(more())
	streams := enter(t, app, "ann", "bob")
	for _, tt := range []struct {
		reason string
		items  effect.List
		want   []string // with $ for the recipient
	}{
		{"the items around it are sent", effect.List{show("a"), both{effect.List{bad}}, show("b"), showUser{}}, []string{"a", "b", "user $"}},
		{"also if all is shared", effect.List{show("a"), both{effect.List{show("x"), bad}}, show("b")}, []string{"a", "x", "b"}},
		{"what it has sent before is sent", effect.List{show("a"), both{effect.List{show("x"), bad}}, show("b"), showUser{}}, []string{"a", "x", "b", "user $"}},
	} {
		res := as(app, "eve", sfere.Tell(hallAll, tt.items...))
		rep := sfere.ReportOf(res)
		if rep.Matched != 2 || rep.Failed != 2 || rep.Shared == nil {
			t.Errorf("%s: report %+v", tt.reason, rep)
		}
		wantTexts(t, app, streams, tt.reason, tt.want)
	}
}

// A Dispatch hook may change the list of a broadcast as it may change any other.
func TestDispatchHookChangesTheList(t *testing.T) {
	for _, tt := range []struct {
		reason string
		change func(effect.List) effect.List
		items  effect.List
		want   []string
	}{
		{"adds in front", func(l effect.List) effect.List { return append(effect.List{show("added")}, l...) }, effect.List{show("a"), show("b")}, []string{"added", "a", "b"}},
		{"adds behind", func(l effect.List) effect.List { return append(slices.Clip(l), show("added")) }, effect.List{show("a"), showUser{}}, []string{"a", "user $", "added"}},
		{"takes the first out", func(l effect.List) effect.List { return l[1:] }, effect.List{show("x"), show("a"), showUser{}}, []string{"a", "user $"}},
		{"turns it around", func(l effect.List) effect.List { l = slices.Clone(l); slices.Reverse(l); return l }, effect.List{show("a"), showUser{}, show("b")}, []string{"b", "user $", "a"}},
		{"replaces it", func(effect.List) effect.List { return effect.List{showUser{}} }, effect.List{show("a")}, []string{"user $"}},
		{"empties it", func(effect.List) effect.List { return nil }, effect.List{show("a"), showUser{}}, nil},
		{"copies it", slices.Clone[effect.List], effect.List{show("a"), showUser{}}, []string{"a", "user $"}},
	} {
		var on atomic.Bool
		app := hall(registry.New("hook", effect.Interceptor[guest]{Name: "change", Dispatch: func(next effect.DispatchFunc[guest]) effect.DispatchFunc[guest] {
			return func(ctx context.Context, call effect.Call[guest], items effect.List) *effect.Result {
				if on.Load() && call.Parent() != 0 && len(items) == len(tt.items) && fmt.Sprint(items) == fmt.Sprint(tt.items) {
					items = tt.change(items)
				}
				return next(ctx, call, items)
			}
		}}))
		streams := enter(t, app, "ann", "bob")
		on.Store(true)
		res := as(app, "eve", sfere.Tell(hallAll, tt.items...))
		on.Store(false)
		if rep := sfere.ReportOf(res); res.Err() != nil || rep.Delivered != 2 {
			t.Errorf("%s: error %v, report %+v", tt.reason, res.Err(), rep)
		}
		wantTexts(t, app, streams, tt.reason, tt.want)
	}
}

// What an interceptor puts in the place of a shared effect is tried no more than it
// would be by itself.
func TestInterceptorPutsAnotherEffect(t *testing.T) {
	var ran []string
	note := effect.Do("Note who it runs for.", func(_ context.Context, call effect.Call[guest], _ readThenSend) error {
		ran = append(ran, call.Ctx().User)
		return nil
	})
	app := hall(registry.New("guard", note, effect.Interceptor[guest]{Name: "another", Effect: func(next effect.EffectFunc[guest]) effect.EffectFunc[guest] {
		return func(ctx context.Context, call effect.Call[guest], item effect.Data) (any, error) {
			if p, ok := item.(twk.PatchSignals); ok && p.Coalesce == "another" {
				item = readThenSend{}
			}
			return next(ctx, call, item)
		}
	}}))
	enter(t, app, "ann", "bob")
	p := show("x")
	p.Coalesce = "another"
	if err := as(app, "eve", sfere.Tell(hallAll, p)).Err(); err != nil {
		t.Error(err)
	}
	slices.Sort(ran)
	if diff := cmp.Diff([]string{"ann", "bob"}, ran); diff != "" {
		t.Errorf("it ran for (-want +got):\n%s", diff)
	}
}

// An error whose methods panic is the failure of a recipient like any other: no
// turn is left behind.
func TestHostileErrorOfRecipients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := hall(more(), registry.New("slow", effect.Do("Wait.", func(context.Context, effect.Call[guest], late) error {
			time.Sleep(time.Second)
			return nil
		})))
		streams := enter(t, app, "ann", "bob", "cem")
		for _, list := range []effect.List{{breaks{}}, {late{}, breaks{}}, {list{effect.List{breaks{}}}, show("x")}} {
			func() {
				defer func() {
					if p := recover(); p != nil {
						t.Errorf("%v: %v", list, p)
					}
				}()
				rep := sfere.ReportOf(as(app, "eve", sfere.Tell(hallAll, list...)))
				if rep.Matched != 3 || rep.Failed != 3 {
					t.Errorf("%v: report %+v", list, rep)
				}
			}()
		}
		for _, s := range streams {
			texts(app, s, "end of it")
		}
	})
}

// An effect that ends its goroutine, as the Fatal of a test does, holds up nobody
// else's stream.
func TestGoexitInBroadcast(t *testing.T) {
	app := hall(registry.New("exit", effect.Do("End the goroutine.", func(_ context.Context, call effect.Call[guest], _ late) error {
		if call.Ctx().User == "ann" {
			runtime.Goexit()
		}
		return nil
	})))
	streams := enter(t, app, "ann", "bob", "cem")
	var wg sync.WaitGroup
	wg.Go(func() { as(app, "eve", sfere.Tell(hallAll, late{}, show("x"))) })
	wg.Wait()
	for _, s := range streams {
		texts(app, s, "end of it")
	}
}

// What was sent to a stream before it was closed is written, also what waits behind
// something that is still being made.
func TestClosedBehindATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := hall(registry.New("slow", effect.Do("Take a second.", func(ctx context.Context, call effect.Call[guest], m late) error {
			time.Sleep(time.Second)
			return call.Dispatch(ctx, show(m.Text)).Err()
		})))
		s := enter(t, app, "ann")["ann"]
		reports := make(chan sfere.Report, 1)
		go func() { reports <- sfere.ReportOf(as(app, "eve", sfere.Tell(hallAll, late{"slow"}))) }()
		synctest.Wait()
		as(app, "eve", sfere.Tell(hallAll, show("behind")), sfere.Close{To: sfere.Everyone()})
		if err := s.Ended(); err != nil {
			t.Errorf("it ended with %v", err)
		}
		var got []string
		for _, e := range s.Pending() {
			got = append(got, textIn(e))
		}
		if diff := cmp.Diff([]string{"behind"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if rep := <-reports; rep.Matched != 1 || rep.Failed != 1 {
			t.Errorf("report of what came too late %+v", rep)
		}
	})
}

// Whatever asks below a shared effect, in its continuations and theirs, makes it run
// for each.
func TestAskingBelowASharedEffect(t *testing.T) {
	guard := effect.Interceptor[guest]{Name: "look", Effect: func(next effect.EffectFunc[guest]) effect.EffectFunc[guest] {
		return func(ctx context.Context, call effect.Call[guest], item effect.Data) (any, error) {
			if p, ok := item.(twk.PatchSignals); ok && p.Coalesce == "guarded" {
				p.Signals = map[string]any{"text": "user " + call.Ctx().User}
				item = p
			}
			return next(ctx, call, item)
		}
	}}
	guarded := show("x")
	guarded.Coalesce = "guarded"
	user := twk.PatchSignals{Late: map[string]effect.Late[any]{"text": effect.Later[any](userOf{})}}
	for _, tt := range []struct {
		reason string
		item   effect.Data
	}{
		{"a placeholder", both{effect.List{user}}},
		{"the state of an action", both{effect.List{byAction{}}}},
		{"an interceptor", both{effect.List{guarded}}},
		{"an effect that is not shared", both{effect.List{showUser{}}}},
		{"two levels down", both{effect.List{both{effect.List{user}}}}},
		{"an effect that is not shared two levels down", both{effect.List{both{effect.List{showUser{}}}}}},
		{"an interceptor two levels down", both{effect.List{both{effect.List{guarded}}}}},
	} {
		for _, guards := range [][]registry.Registry[guest]{{more()}, {more(), registry.New("guard", guard)}} {
			if len(guards) == 1 && strings.Contains(tt.reason, "interceptor") {
				continue
			}
			app := hall(guards...)
			streams := enter(t, app, "ann", "bob")
			if err := as(app, "eve", sfere.Tell(hallAll, tt.item)).Err(); err != nil {
				t.Errorf("%s: %v", tt.reason, err)
			}
			for name, s := range streams {
				if diff := cmp.Diff([]string{"user " + name}, texts(app, s, "end of "+name)); diff != "" {
					t.Errorf("%s, with interceptors %t: %s (-want +got):\n%s", tt.reason, len(guards) > 1, name, diff)
				}
			}
		}
	}
}

// takeTime is a shared effect that takes its time.
type takeTime struct{ For time.Duration }

func (takeTime) EffectName() string { return "test/take-time" }

// What has asked and is given up shows on no stream, also if it comes to an end
// while the next item runs for all.
func TestGivenUpTrialShowsNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := hall(registry.New("slow",
			effect.Do("Take some time.", func(ctx context.Context, call effect.Call[guest], p takeTime) error {
				time.Sleep(p.For)
				return call.Dispatch(ctx, show("done")).Err()
			}).About(effect.About{Shared: true}),
			effect.Interceptor[guest]{Name: "patience", Effect: func(next effect.EffectFunc[guest]) effect.EffectFunc[guest] {
				return func(ctx context.Context, call effect.Call[guest], item effect.Data) (any, error) {
					if _, ok := item.(twk.PatchElements); !ok {
						return next(ctx, call, item)
					}
					done := make(chan error, 1)
					go func() {
						_, err := next(ctx, call, item)
						done <- err
					}()
					select {
					case err := <-done:
						return nil, err
					case <-time.After(time.Millisecond):
						return nil, errors.New("too slow")
					}
				}
			}}))
		streams := enter(t, app, "ann", "bob")
		content := contentFunc(func(ctx context.Context, w io.Writer) error {
			to, _ := sfere.RecipientOf(ctx)
			time.Sleep(time.Second)
			_, err := io.WriteString(w, `<p id="x">user `+to.Key.ID+`</p>`)
			return err
		})
		rep := sfere.ReportOf(as(app, "eve", sfere.Tell(hallAll, twk.Patch(content), takeTime{2 * time.Second})))
		if rep.Failed != 2 || !addsUp(rep) {
			t.Errorf("report %+v", rep)
		}
		time.Sleep(time.Minute)
		for name, s := range streams {
			got := texts(app, s, "end of "+name)
			slices.Sort(got) // what comes late comes anywhere
			if diff := cmp.Diff([]string{`<p id="x">user ` + name + `</p>`, "done"}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

// A shared item that an interceptor gives up on may go on beside the next ones.
func TestGivenUpTrialGoesOn(t *testing.T) {
	began, over := make(chan struct{}, 8), make(chan struct{})
	var given atomic.Bool
	app := hall(registry.New("slow", effect.Interceptor[guest]{Name: "patience", Effect: func(next effect.EffectFunc[guest]) effect.EffectFunc[guest] {
		return func(ctx context.Context, call effect.Call[guest], item effect.Data) (any, error) {
			if _, ok := item.(twk.PatchElements); !ok || !given.CompareAndSwap(false, true) {
				return next(ctx, call, item)
			}
			go func() { _, _ = next(ctx, call, item) }()
			<-began
			return nil, errors.New("too slow")
		}
	}}))
	streams := enter(t, app, "ann", "bob")
	content := contentFunc(func(context.Context, io.Writer) error {
		began <- struct{}{}
		<-over
		return nil
	})
	rep := sfere.ReportOf(as(app, "eve", sfere.Tell(hallAll, twk.Patch(content), show("x"))))
	close(over)
	if rep.Failed != 2 || rep.Shared == nil || !addsUp(rep) {
		t.Errorf("report %+v", rep)
	}
	for name, s := range streams {
		if diff := cmp.Diff([]string{"x"}, texts(app, s, "end of "+name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
