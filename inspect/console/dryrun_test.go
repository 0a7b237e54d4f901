package console_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// A dry run says which bytes would go to whom, and the same bytes arrive when
// it is done in earnest.
func TestDryRunIsWhatIsSent(t *testing.T) {
	p := consoletest.New(t, nil)
	ann, bob := p.Join(t, "ann"), p.Join(t, "bob")
	effects := `[
		{"effect":"twk/patch-elements","args":{"elements":"<li>a &amp; b</li>","selector":"#l","mode":"append"}},
		{"effect":"twk/patch-signals","args":{"late":{"me":{"$placeholder":"sfere/own-key","args":{"part":"id"}}}}},
		{"effect":"test/mail","args":{"to":"ann@example.com"}}]`
	cmd := console.Command{To: "*/lobby/*", Effects: json.RawMessage(effects)}
	out, err := p.Console.DryRun(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Errors) != 0 {
		t.Fatalf("errors %+v", out.Errors)
	}
	planned := map[string]string{}
	var left []string
	for _, plan := range out.Plan {
		if !plan.Rehearsed {
			left = append(left, fmt.Sprint(plan.Name, " ", plan.Times, " times"))
		}
		for _, d := range plan.Sends {
			for _, to := range d.To {
				planned[to.Key] += d.Text
			}
		}
	}
	if diff := cmp.Diff([]string{"test/mail 2 times"}, left); diff != "" {
		t.Errorf("left out, for each recipient (-want +got):\n%s", diff)
	}
	if p.Mails.Load() != 0 || len(ann.Pending())+len(bob.Pending()) != 0 {
		t.Errorf("the dry run sent %d mails and events %v, %v", p.Mails.Load(), ann.Pending(), bob.Pending())
	}
	want := "event: datastar-patch-elements\ndata: selector #l\ndata: mode append\ndata: elements <li>a &amp; b</li>\n\n\n"
	if got := planned["default/lobby/ann"]; !strings.HasPrefix(got, want) {
		t.Errorf("the first event is that of %q, want %q", got, want)
	}
	if _, err := p.Console.Send(t.Context(), cmd); err != nil {
		t.Fatal(err)
	}
	for id, stream := range map[string]*twktest.Stream{"ann": ann, "bob": bob} {
		said, err := twktest.All(strings.NewReader(planned["default/lobby/"+id]))
		if err != nil || len(said) != 2 {
			t.Fatalf("%s: the dry run said %v, %v", id, said, err)
		}
		for _, want := range said {
			if diff := cmp.Diff(want, stream.Next()); diff != "" {
				t.Errorf("%s got something else than the dry run said (-want +got):\n%s", id, diff)
			}
		}
	}
	if p.Mails.Load() != 2 {
		t.Errorf("%d mails", p.Mails.Load())
	}
}

func TestDryRunTable(t *testing.T) {
	p := consoletest.New(t, nil)
	p.Join(t, "ann")
	for _, test := range []struct {
		reason string
		items  effect.List
		want   []string // name, ran, what it would do
		errs   []error
	}{
		{"closing everyone", effect.List{sfere.Close{To: sfere.Everyone()}},
			[]string{`sfere/close true {"streams":1,"to":[{"conn":1,"key":"default/lobby/ann"}],"bytes":0,"cause":"closed"}`}, nil},
		{"nobody matches", effect.List{sfere.Broadcast{To: sfere.Category("none"), Effects: effect.List{consoletest.Mail{}}}},
			[]string{"sfere/broadcast true"}, nil},
		{"the recipient ends its own stream", effect.List{sfere.Send(sfere.ID("lobby", "ann"), twk.CloseSSE{})},
			[]string{"sfere/with-connection true", `twk/close-sse true {"streams":1,"to":[{"conn":1}],"bytes":0,"cause":"closed"}`}, nil},
		{"outside this process", effect.List{consoletest.Mail{To: "a"}}, []string{"test/mail false"}, nil},
		{"nobody has the key", effect.List{sfere.Send(sfere.ID("lobby", "zoe"), twk.CloseSSE{})},
			[]string{"sfere/with-connection true"}, nil},
		{"no stream out of band", effect.List{twk.PatchSignals{Signals: map[string]any{"n": 1}}},
			[]string{"twk/patch-signals true"}, []error{twk.ErrNoStream}},
		{"an event that cannot be sent", effect.List{sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{twk.PatchElements{Mode: twk.ModeAppend}}}},
			[]string{"sfere/broadcast true", "twk/patch-elements true"}, []error{nil}},
	} {
		r := p.Dispatcher.DryRun(t.Context(), consoletest.App{}, test.items...)
		var got []string
		for _, plan := range r.Plan {
			line := plan.Item.EffectName()
			if plan.Rehearsed {
				line += " true"
			} else {
				line += " false"
			}
			for _, w := range plan.Would {
				text, err := json.Marshal(w)
				if err != nil {
					t.Fatal(err)
				}
				line += " " + string(text)
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.reason, diff)
		}
		if len(test.errs) != len(r.Result.Errors) {
			t.Errorf("%s: errors %v", test.reason, r.Result.Err())
			continue
		}
		for i, want := range test.errs {
			if want != nil && !errors.Is(r.Result.Errors[i], want) {
				t.Errorf("%s: %v, want %v", test.reason, r.Result.Errors[i], want)
			}
		}
	}
	if n, _ := p.Conns.Count(sfere.Everyone()); n != 1 {
		t.Errorf("%d connections are left, want 1", n)
	}
}
