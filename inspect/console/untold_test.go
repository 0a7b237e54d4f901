package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

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
