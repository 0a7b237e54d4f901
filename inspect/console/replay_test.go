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

// Pay is external and fails, as a dry run cannot know.
type Pay struct {
	Secret string `json:"secret,omitempty"`
}

func (Pay) EffectName() string { return "test/pay" }

// paying returns a dispatcher in which to pay fails, and what comes after it is skipped.
func paying(rec *record.Recorder, price string) *dispatch.Dispatcher[int] {
	return dispatch.Must(dispatch.New(
		registry.New("record", record.Interceptor[int](rec)),
		registry.New("fast", dispatch.FailFast[int]()),
		registry.New("test",
			effect.Handle("Pay.", func(ctx context.Context, call effect.Call[int], p Pay) (any, error) {
				if err := call.Dispatch(ctx, Ask{}).Err(); err != nil {
					return nil, err
				}
				return nil, errors.New("no money for " + p.Secret)
			}),
			effect.Handle("Ask.", func(context.Context, effect.Call[int], Ask) (string, error) { return price, nil }).About(effect.About{Reach: effect.Pure}),
		)))
}

// Ask is pure.
type Ask struct{}

func (Ask) EffectName() string { return "test/ask" }

// What a dry run cannot tell, and what follows from it, is no difference. A run in
// earnest tells.
func TestUntold(t *testing.T) {
	rec := record.New(0)
	d := paying(rec, "1")
	c := console.New(d, nil, &console.Options[int]{Recorder: rec})
	d.Dispatch(t.Context(), 0, Ask{}, Pay{Secret: "hunter2!"}, Ask{})
	r := exported(t, c)
	got, err := c.Replay(t.Context(), r, console.Sender{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1", "2"}, got.Untold); diff != "" || !got.Same {
		t.Errorf("untold (-want +got):\n%s%v", diff, got.Differences)
	}
	for _, test := range []struct {
		reason string
		d      *dispatch.Dispatcher[int]
		real   bool
		change func([]console.Line)
		differ bool
	}{
		{"a dry run", d, false, nil, false},
		{"a run in earnest", d, true, nil, false},
		{"a dry run of another program", paying(record.New(0), "2"), false, nil, true},
		{"another program in earnest", paying(record.New(0), "2"), true, nil, true},
		{"what is hidden", paying(record.New(0), "1"), true, func(l []console.Line) { l[0].Value = `"` + record.Hidden + `"` }, false},
		{"what is hidden beside something else", paying(record.New(0), "1"), true, func(l []console.Line) { l[0].Value = `"a ` + record.Hidden + `"` }, true},
		{"what is hidden before something else", paying(record.New(0), "1"), true, func(l []console.Line) { l[0].Value = `"` + record.Hidden + ` a"` }, true},
		{"what may be anything", paying(record.New(0), "2"), true, func(l []console.Line) { l[0].Value, l[2].Value = console.Any, console.Any }, false},
	} {
		lines := r.Lines()
		if test.change != nil {
			test.change(lines)
		}
		got, err := console.Again(t.Context(), test.d, 0, console.Recorded{Effects: list(t, r), Lines: lines, Real: test.real})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(lines, got); (diff != "") != test.differ {
			t.Errorf("%s (-recorded +now):\n%s", test.reason, diff)
		}
	}
}

// What a request has done to its stream is replayed without that stream.
func TestReplayWithoutItsStream(t *testing.T) {
	p := consoletest.New(t, nil)
	out := consoletest.App{Session: twk.Session{Out: &twk.Collector{}}}
	p.Dispatcher.Dispatch(t.Context(), out, twk.PatchSignals{Signals: map[string]any{"n": 1}}, consoletest.Mail{To: "a"})
	r := exported(t, p.Console)
	got, err := p.Console.Replay(t.Context(), r, console.Sender{})
	if err != nil || !got.Same || cmp.Diff([]string{"0", "1"}, got.Untold) != "" {
		t.Errorf("%v %v %v", got.Differences, got.Untold, err)
	}
	for _, test := range []struct {
		reason, args string
		app          consoletest.App
		differ       bool
	}{
		{"the same without a stream", `{"n":1}`, consoletest.App{}, false},
		{"the same with a collector", `{"n":1}`, out, false},
		{"other data without a stream", `{"n":2}`, consoletest.App{}, true},
		{"what does not work, without a stream", `1`, consoletest.App{}, true},
	} {
		r.Effects[0] = fmt.Appendf(nil, `{"effect":"twk/patch-signals","args":{"signals":%s}}`, test.args)
		lines, err := console.Again(t.Context(), p.Dispatcher, test.app, console.Recorded{Effects: list(t, r), Lines: r.Lines()})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r.Lines(), lines); (diff != "") != test.differ {
			t.Errorf("%s: %s", test.reason, diff)
		}
	}
}

// What is skipped because there is no stream is no difference either.
func TestReplayWithoutItsStreamFailsFast(t *testing.T) {
	rec := record.New(0)
	d := dispatch.Must(dispatch.New(registry.New("record", record.Interceptor[twk.Session](rec)), registry.New("fast", dispatch.FailFast[twk.Session]()), twk.Registry(nil)))
	c := console.New(d, nil, &console.Options[twk.Session]{Recorder: rec})
	d.Dispatch(t.Context(), twk.Session{Out: &twk.Collector{}}, twk.PatchSignals{Signals: map[string]any{"n": 1}}, twk.PatchSignals{Signals: map[string]any{"n": 2}})
	out, err := c.Replay(t.Context(), exported(t, c), console.Sender{})
	if err != nil || !out.Same || cmp.Diff([]string{"0", "1"}, out.Untold) != "" {
		t.Errorf("%v %v %v", out.Differences, out.Untold, err)
	}
}

// What changes from run to run is not compared, and all else is.
func TestLinesAreSteady(t *testing.T) {
	for _, test := range []struct{ reason, value, want string }{
		{"a time", `{"at":"2026-11-25T20:50:07.116+01:00","n":1}`, `{"at":"<time>","n":1}`},
		{"a UUID inside of a text", `"order 6ba7b810-9dad-11d1-80b4-00c04fd430c8 is there"`, `"order <id> is there"`},
		{"32 hexadecimal digits", `"0123456789abcdef0123456789abcdef"`, `"<id>"`},
		{"a ULID", `["01ARZ3NDEKTSV4RRFFQ69G5FAV"]`, `["<id>"]`},
		{"an address", `"0xc000123456"`, `"<address>"`},
		{"a large number", `123456789012345678901234567890.5e300`, `123456789012345678901234567890.5e300`},
		{"a large number as a text", `"12345678901234567890123456789012"`, `"12345678901234567890123456789012"`},
		{"order of members and markup", `{"b":"<b>","a":1}`, `{"a":1,"b":"<b>"}`},
		{"a date without a time", `"2026-11-25"`, `"2026-11-25"`},
		{"nothing", `null`, `null`},
	} {
		r := console.Recording{Dispatch: console.Dispatch{Steps: []console.Step{{Path: "0", Value: json.RawMessage(test.value)}}}}
		if got := r.Lines()[0].Value; got != test.want {
			t.Errorf("%s: %s is %s, want %s", test.reason, test.value, got, test.want)
		}
	}
}

// Recipients for whom the same is done are one.
func TestLinesOfRecipients(t *testing.T) {
	inner := func(error string) console.Dispatch {
		return console.Dispatch{Steps: []console.Step{{Path: "0", Name: "a/b", State: record.Failed, Error: error}}}
	}
	nested := []console.Dispatch{inner("of 6ba7b810-9dad-11d1-80b4-00c04fd430c8"), inner("other"), inner("of 6ba7b811-9dad-11d1-80b4-00c04fd430c8")}
	for _, test := range []struct {
		reason   string
		audience bool
		want     []string
	}{
		{"of a broadcast", true, []string{"0 ", "0>*>0 : of <id>", "0>*>2>0 : other"}},
		{"of a handler", false, []string{"0 ", "0>0 : of <id>", "0>2>0 : of <id>", "0>3>0 : other"}},
	} {
		var got []string
		for _, l := range (console.Recording{Dispatch: console.Dispatch{Steps: []console.Step{{Path: "0", Audience: test.audience, Nested: nested}}}}).Lines() {
			got = append(got, l.At+" "+l.Error)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.reason, diff)
		}
	}
}

// What a recorder had no room for is no difference.
func TestReplayOfAPart(t *testing.T) {
	p := consoletest.New(t, nil)
	p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, consoletest.Mail{To: "a"}, consoletest.Mail{To: "b"})
	r := exported(t, p.Console)
	r.Dispatch.Steps = r.Dispatch.Steps[:1]
	for omitted, same := range []bool{false, true} {
		r.Dispatch.Omitted = omitted
		if out, err := p.Console.Replay(t.Context(), r, console.Sender{}); err != nil || out.Same != same {
			t.Errorf("with %d left out: %v %v", omitted, out.Differences, err)
		}
	}
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
