package console_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/twk"
)

// What was recorded survives the way through JSON.
func TestDispatches(t *testing.T) {
	p := consoletest.New(t, nil)
	if got, err := p.Console.Dispatches(0); err != nil || got == nil || len(got) != 0 {
		t.Errorf("before the first dispatch: %v, %v; want an empty list", got, err)
	}
	p.Join(t, "ann")
	before := p.Recorder.Stats().Total
	run := func(items ...effect.Data) {
		p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, items...)
	}
	run(sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{twk.PatchSignals{Signals: map[string]any{"n": 1}}}}, consoletest.Mail{To: "a"})
	run(effect.Raw{Effect: "test/gone"})
	p.Dispatcher.DryRun(t.Context(), consoletest.App{}, consoletest.Mail{To: "b"})

	var all []console.Dispatch
	last, err := p.Console.Dispatches(3)
	throughJSON(t, last, &all)
	unpredictable := cmpopts.IgnoreFields(console.Dispatch{}, "Seq", "ID", "Parent", "Began", "Took")
	want := []console.Dispatch{
		{State: record.Done, Dry: true, Names: []string{"test/mail"}},
		{State: record.Failed, Names: []string{"test/gone"}},
		{State: record.Done, Names: []string{"sfere/broadcast", "test/mail"}, Targets: []string{"/lobby/*"}, Continuations: 1},
	}
	if diff := cmp.Diff(want, all, unpredictable); diff != "" || err != nil {
		t.Fatalf("the last dispatches: %v (-want +got):\n%s", err, diff)
	}
	if all[0].Seq <= all[1].Seq || time.Since(all[0].Began) > time.Minute || all[2].Took <= 0 {
		t.Errorf("numbers and times are %+v", all)
	}
	if more, err := p.Console.Dispatches(0); err != nil || len(more) != int(before)+3 {
		t.Errorf("without a limit: %d dispatches, %v; want all %d", len(more), err, before+3)
	}

	var tree console.Dispatch
	one, err := p.Console.Dispatched(all[2].Seq)
	throughJSON(t, one, &tree)
	if err != nil || len(tree.Steps) != 2 {
		t.Fatalf("one dispatch is %+v, %v", tree, err)
	}
	ignore := cmpopts.IgnoreFields(console.Step{}, "Began", "Took", "Nested")
	if diff := cmp.Diff(console.Step{
		Path: "1", Kind: record.Effect, Name: "test/mail", State: record.Done,
		Item: json.RawMessage(`{"effect":"test/mail","args":{"to":"a"}}`), Value: json.RawMessage(`1`),
	}, tree.Steps[1], ignore); diff != "" {
		t.Errorf("a step (-want +got):\n%s", diff)
	}
	if nested := tree.Steps[0].Nested; len(nested) != 1 || nested[0].Steps[0].Name != "twk/patch-signals" || !strings.Contains(string(tree.Steps[0].Value), `"delivered":1`) {
		t.Errorf("the broadcast is %+v", tree.Steps[0])
	}
	failed, err := p.Console.Dispatched(all[1].Seq)
	if err != nil || failed.Steps[0].State != record.Failed || failed.Steps[0].Phase != dispatch.PhaseLookup || !strings.Contains(failed.Steps[0].Error, "test/gone") {
		t.Errorf("the one that failed is %+v, %v", failed, err)
	}
}

// Data that is too long to be shown does not fill the answer.
func TestDispatchedIsBounded(t *testing.T) {
	p := consoletest.New(t, nil)
	p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, consoletest.Mail{To: strings.Repeat("a", 100_000)})
	last, err := p.Console.Dispatches(1)
	if err != nil {
		t.Fatal(err)
	}
	d, err := p.Console.Dispatched(last[0].Seq)
	if got := string(d.Steps[0].Item); err != nil || len(got) > record.MaxValue || !strings.Contains(got, "bytes left out") || d.Steps[0].Omitted < 50_000 {
		t.Errorf("the data is shown as %.100s, %v; %d bytes are left out", got, err, d.Steps[0].Omitted)
	}
}

// throughJSON reads v from its JSON form into to.
func throughJSON(t *testing.T, v, to any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}
