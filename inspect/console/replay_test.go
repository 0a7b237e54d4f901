package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

// exported returns the newest dispatch as a document that was written and read again.
func exported(t *testing.T, c *console.Console) console.Recording {
	t.Helper()
	r, err := c.Export(c.Recorder().Summaries()[0].Seq)
	if err != nil {
		t.Fatal(err)
	}
	return reread(t, r)
}

func reread(t *testing.T, r console.Recording) console.Recording {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = console.ParseRecording(text); err != nil {
		t.Fatal(err)
	}
	return r
}

// A document has what was dispatched, and says where it is not what was dispatched.
func TestExport(t *testing.T) {
	p := consoletest.New(t, nil)
	own := twk.PatchSignals{Late: map[string]effect.Late[any]{"me": effect.Later[any](sfere.OwnKey{})}}
	p.Dispatcher.Dispatch(t.Context(), consoletest.App{},
		own, effect.Raw{Effect: "test/gone"}, consoletest.Mail{To: strings.Repeat("x", 60_000)}, consoletest.Mail{To: "a\xffb"},
		twk.PatchSignals{Signals: map[string]any{"token": "hunter2!"}}, nil, consoletest.Mail{To: `\ufffd`})
	r := exported(t, p.Console)
	var why []string
	for _, l := range r.Left {
		why = append(why, fmt.Sprint(l.Effect, " ", l.Why))
	}
	if diff := cmp.Diff([]string{
		"2 27248 bytes of data were too many to keep", "3 it has bytes that are not UTF-8, which JSON cannot carry", "4 1 secrets are hidden", "5 it has no wire form",
	}, why); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
	for i, want := range []string{`"$placeholder":"sfere/own-key"`, `{"effect":"test/gone","args":{}}`, "bytes left out", `a\ufffdb`, `"token":"[hidden]"`, "null", `\\ufffd`} {
		if !strings.Contains(string(r.Effects[i]), want) {
			t.Errorf("effect %d is %.200s, want %s", i, r.Effects[i], want)
		}
	}
	if r.Version != console.RecordingVersion || r.Program.Path == "" || r.Dispatch.Seq != 1 || r.Dispatch.Began.IsZero() || len(r.Dispatch.Steps) != 7 || r.Ctx != nil {
		t.Errorf("the document is %+v", r)
	}
	many := make(effect.List, record.MaxEntries+5)
	for i := range many {
		many[i] = consoletest.Mail{To: "a"}
	}
	p.Dispatcher.DryRun(t.Context(), consoletest.App{}, many...)
	r = exported(t, p.Console)
	if len(r.Effects) != record.MaxEntries || len(r.Left) != 1 || r.Left[0].Why != "5 more items were dispatched" {
		t.Errorf("%d effects, and left out is %v", len(r.Effects), r.Left)
	}
	if got, err := p.Console.Replay(t.Context(), r, console.Sender{}); err != nil || !got.Same {
		t.Errorf("a replay of a part differs: %v %v", got.Differences, err)
	}
}

func TestExportCannot(t *testing.T) {
	p := consoletest.New(t, nil)
	began, end := make(chan struct{}), make(chan struct{})
	p.Heard = func(context.Context) { close(began); <-end }
	var all sync.WaitGroup
	all.Go(func() { p.Dispatcher.Dispatch(context.Background(), consoletest.App{}, consoletest.Mail{}) })
	<-began
	for _, test := range []struct {
		reason string
		c      *console.Console
		seq    uint64
		want   error
	}{
		{"it runs", p.Console, 1, console.ErrRunning},
		{"it is not there", p.Console, 9, console.ErrNotKept},
		{"nothing is recorded", console.New(p.Dispatcher, nil, nil), 1, console.ErrNotOffered},
	} {
		if _, err := test.c.Export(test.seq); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.reason, err, test.want)
		}
	}
	close(end)
	all.Wait()
	exported(t, p.Console)
	doc := console.Recording{Version: 1, Effects: []json.RawMessage{[]byte(`{"effect":"test/mail"}`)}}
	if _, err := console.New(p.Dispatcher, nil, nil).Replay(t.Context(), doc, console.Sender{}); !errors.Is(err, console.ErrNotOffered) {
		t.Errorf("a replay without a recorder: %v", err)
	}
	bare := dispatch.Must(dispatch.New(registry.New("test", effect.Handle("Nothing.", func(context.Context, effect.Call[int], consoletest.Mail) (any, error) { return nil, nil }))))
	if _, err := console.Again(t.Context(), bare, 0, console.Recorded{Effects: `[{"effect":"test/mail"}]`}); !errors.Is(err, console.ErrNotRecorded) {
		t.Errorf("a test without a recorder: %v", err)
	}
	if _, err := console.Again(t.Context(), bare, 0, console.Recorded{Effects: `x`}); err == nil {
		t.Error("a test of no list runs")
	}
}

// What a handler has left running goes on when its own dispatch is not kept any more.
func TestExportOfWhatGoesOn(t *testing.T) {
	rec := record.New(1)
	var first effect.Call[int]
	d := dispatch.Must(dispatch.New(registry.New("record", record.Interceptor[int](rec)),
		registry.New("test", effect.Do("Keep the call.", func(_ context.Context, call effect.Call[int], m consoletest.Mail) error {
			if m.To == "first" {
				first = call
			}
			return nil
		}))))
	c := console.New(d, nil, &console.Options[int]{Recorder: rec})
	d.Dispatch(t.Context(), 0, consoletest.Mail{To: "first"})
	d.Dispatch(t.Context(), 0, consoletest.Mail{To: "second"})
	first.Dispatch(context.Background(), consoletest.Mail{To: "third"})
	r := exported(t, c)
	if r.Dispatch.Parent != 1 || !strings.Contains(list(t, r), "third") {
		t.Errorf("it is %+v", r)
	}
	if out, err := c.Replay(t.Context(), r, console.Sender{}); err != nil || !out.Same {
		t.Errorf("%v %v", out.Differences, err)
	}
}

// A replay says what the program of today would do otherwise, and does nothing.
func TestReplayTellsDifferences(t *testing.T) {
	p := consoletest.New(t, nil)
	p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, consoletest.Mail{To: "a"}, effect.Batch{Effects: effect.List{consoletest.Mail{To: "b"}}}, effect.Raw{Effect: "test/gone"}, twk.PatchSignals{Signals: 1})
	sent := p.Mails.Load()
	ann := p.Join(t, "ann")
	log := p.Recorder.Stats().Total
	base := exportedFirst(t, p.Console)
	for _, test := range []struct {
		reason   string
		was, now string // in the document: what the program of then had in the place of what is there now
		want     []string
	}{
		{"the same program", "", "", nil},
		{"a name that is gone", `{"effect":"test/mail","args":{"to":"a"}}`, `{"effect":"test/letter","args":{"to":"a"}}`, []string{"0 unknown"}},
		{"an argument that is gone", `"args":{"to":"a"}`, `"args":{"whom":"a"}`, []string{"0 arguments"}},
		{"an argument of another type", `"args":{"to":"a"}`, `"args":{"to":1}`, []string{"0 arguments"}},
		{"an item that is none", `{"effect":"test/mail","args":{"to":"a"}}`, `1`, []string{"0 unknown"}},
		{"another item", `{"effect":"test/mail","args":{"to":"a"}}`, `{"effect":"twk/patch-signals","args":{"signals":1}}`, []string{"0 other"}},
		{"other data inside of a list", `[{"effect":"test/mail","args":{"to":"b"}}]`, `[{"effect":"test/mail","args":{"to":"c"}}]`, []string{"1.0 data"}},
		{"another name inside of a list", `[{"effect":"test/mail","args":{"to":"b"}}]`, `[{"effect":"test/letter","args":{"to":"b"}}]`, []string{"1.0 gone", "1 added"}},
		{"other data of what is unknown", `"item":{"effect":"test/gone","args":{}}`, `"item":{"effect":"test/gone","args":{"a":1}}`, []string{"2 data"}},
		{"another error", "must be a JSON object", "must be an object", []string{"3 error"}},
		{"it was skipped then", `"path":"3","kind":"effect"`, `"path":"3","by":"x"`, []string{"3 error"}},
		{"what ran then does not now", `{"path":"3",`, `{"path":"4","name":"test/more","state":"done"},{"path":"3",`, []string{"4 gone"}},
	} {
		text, err := json.Marshal(base)
		if err != nil {
			t.Fatal(err)
		}
		if test.was != "" && !strings.Contains(string(text), test.was) {
			t.Fatalf("%s: there is no %s in %s", test.reason, test.was, text)
		}
		r, err := console.ParseRecording([]byte(strings.Replace(string(text), test.was, test.now, 1)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Console.Replay(t.Context(), r, console.Sender{By: "ann"})
		if err != nil {
			t.Fatal(err)
		}
		var differs []string
		for _, d := range got.Differences {
			differs = append(differs, d.At+" "+string(d.What))
		}
		if diff := cmp.Diff(test.want, differs); diff != "" || got.Same != (test.want == nil) || !got.Rehearsal.Dry {
			t.Errorf("%s (-want +got):\n%s%v", test.reason, diff, got.Differences)
		}
	}
	if n := p.Recorder.Stats().Total; n != log {
		t.Errorf("replays are in the log: %d dispatches, want %d", n, log)
	}
	if p.Mails.Load() != sent || len(ann.Pending()) != 0 {
		t.Errorf("replays sent %d mails and %v", p.Mails.Load()-sent, ann.Pending())
	}
}

func exportedFirst(t *testing.T, c *console.Console) console.Recording {
	t.Helper()
	r, err := c.Export(1)
	if err != nil {
		t.Fatal(err)
	}
	return reread(t, r)
}

// Who happens to be connected makes no difference; what is done for whoever is, does.
func TestReplayOfBroadcast(t *testing.T) {
	p := consoletest.New(t, nil)
	all := sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{consoletest.Mail{To: "a"}, twk.PatchSignals{Late: map[string]effect.Late[any]{"me": effect.Later[any](sfere.OwnKey{Part: "id"})}}}}
	p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, all)
	nobody := exported(t, p.Console)
	p.Join(t, "ann")
	p.Join(t, "bob")
	p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, all)
	two := exported(t, p.Console)
	replay := func(r console.Recording) console.Replay {
		t.Helper()
		out, err := p.Console.Replay(t.Context(), r, console.Sender{})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, r := range []console.Recording{nobody, two} {
		if out := replay(r); !out.Same {
			t.Errorf("with two there: %v", out.Differences)
		}
		got, err := console.Again(t.Context(), consoletest.New(t, nil).Dispatcher, consoletest.App{}, console.Recorded{Effects: list(t, r), Lines: r.Lines()})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r.Lines(), got); diff != "" {
			t.Errorf("with nobody there (-recorded +now):\n%s", diff)
		}
	}
	text, err := json.Marshal(two)
	if err != nil {
		t.Fatal(err)
	}
	other, err := console.ParseRecording([]byte(strings.ReplaceAll(string(text), `{"part":"id"}`, `{"part":"scope"}`)))
	if err != nil {
		t.Fatal(err)
	}
	if out := replay(other); out.Same {
		t.Error("recipients would get something else, and no difference is told")
	}
}

func list(t *testing.T, r console.Recording) string {
	t.Helper()
	text, err := json.Marshal(r.Effects)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Any number of replays may run at once, beside the program.
func TestReplaysAtOnce(t *testing.T) {
	p := consoletest.New(t, nil)
	p.Join(t, "ann")
	p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{consoletest.Mail{To: "a"}}}, consoletest.Mail{To: "b"})
	r := exported(t, p.Console)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, consoletest.Mail{To: "c"})
			if out, err := p.Console.Replay(t.Context(), r, console.Sender{}); err != nil || !out.Same {
				t.Errorf("%v %v", out.Differences, err)
			}
		})
	}
	all.Wait()
}
