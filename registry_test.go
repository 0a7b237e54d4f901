package sfere_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sfere-go/sfere/sse"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// Every effect says what its fields are for and shows how it is used, and what
// it shows survives the wire.
func TestEffectsDescribeThemselves(t *testing.T) {
	conns := sfere.New(nil)
	d := dispatch.Must(dispatch.New(twk.Registry(nil), sfere.Registry(conns)))
	for _, e := range []effect.Data{sfere.HoldStream{}, sfere.Claim{}, sfere.Release{}, sfere.Kick{}, sfere.Admit{}, sfere.Broadcast{}, sfere.WithConnection{}, sfere.Close{}, sfere.Touch{}, sfere.OwnKey{}} {
		describes(t, reflect.TypeOf(e), e.EffectName())
		info, ok := d.Get(e.EffectName())
		if !ok {
			t.Errorf("%s is not registered", e.EffectName())
			continue
		}
		if len(info.Examples) == 0 {
			t.Errorf("%s has no examples", info.Name)
		}
		for _, x := range info.Examples {
			text, err := json.Marshal(effect.List{x})
			if err != nil {
				t.Errorf("%s: %v", info.Name, err)
				continue
			}
			if info.Kind == "placeholder" {
				continue
			}
			list, err := d.Decode(text)
			if err != nil {
				t.Errorf("%s: %v", info.Name, err)
			}
			again, err := json.Marshal(list)
			if diff := cmp.Diff(string(text), string(again)); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", info.Name, err, diff)
			}
		}
	}
	describes(t, reflect.TypeFor[sfere.Exclude](), "sfere.Exclude")
	describes(t, reflect.TypeFor[sfere.Key](), "sfere.Key")
	describes(t, reflect.TypeFor[sfere.Pattern](), "sfere.Pattern")
}

// describes checks the schema tags of a struct.
func describes(t *testing.T, typ reflect.Type, name string) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		if !strings.Contains(f.Tag.Get("jsonschema"), "description=") && f.Tag.Get("jsonschema_description") == "" {
			t.Errorf("%s.%s has no description", name, f.Name)
		}
	}
}

// A dry run renders everything, says who would get it, and changes nothing.
func TestDryRun(t *testing.T) {
	inBubble(t, setup{}, func(t *testing.T, r *rig) {
		ann := r.visit(id("ann"))
		synctest.Wait() // recipients are in the order of their registration
		r.visit(id("bob"))
		synctest.Wait()
		dry := r.d.DryRun(t.Context(), app{},
			sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{
				tell("1"), twk.PatchSignals{Late: map[string]effect.Late[any]{"text": effect.Later[any](sfere.OwnKey{Part: "id"})}},
			}},
			sfere.Send(key("carl"), tell("x")),
			sfere.Close{To: sfere.Exactly(key("ann"))},
			sfere.Touch{Key: key("ann")},
		)
		if err := dry.Result.Err(); err != nil {
			t.Error(err)
		}
		want := sfere.Report{Matched: 3, Delivered: 3, Missing: []sfere.Key{key("carl")}}
		if diff := cmp.Diff(want, sfere.ReportOf(dry.Result)); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
		var would []string
		for _, p := range dry.Plan {
			for _, w := range p.Would {
				d, ok := w.(twk.Delivery)
				if !ok {
					continue
				}
				for _, f := range d.Frames {
					would = append(would, d.To[0].Key+" "+strings.Join(f.Event().Data, " "))
				}
				if d.Cause != "" {
					would = append(would, d.To[0].Key+" "+string(d.Cause))
				}
			}
		}
		if diff := cmp.Diff([]string{
			`default/lobby/ann signals {"text":"1"}`, `default/lobby/ann signals {"text":"ann"}`,
			`default/lobby/bob signals {"text":"1"}`, `default/lobby/bob signals {"text":"bob"}`,
			`default/lobby/ann closed`,
		}, would); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		synctest.Wait()
		if got := ann.texts(); got != "hello" {
			t.Errorf("events %q", got)
		}
		r.wantCount(sfere.Everyone(), 2)
	})
}

func TestReport(t *testing.T) {
	f := sfere.Failure{Err: sse.ErrClosed, Count: 1, Keys: []sfere.Key{key("ann")}}
	r := sfere.Report{Matched: 2, Delivered: 1, Failed: 1, Failures: []sfere.Failure{f}}
	text, err := json.Marshal(r)
	want := `{"matched":2,"delivered":1,"dropped":0,"failed":1,"failures":[{"error":"the stream is closed","count":1,"keys":[{"scope":"default","category":"lobby","id":"ann"}]}]}`
	if string(text) != want || err != nil {
		t.Errorf("%s, %v", text, err)
	}
	r.Add(sfere.Report{Matched: 1, Failed: 1, Shared: errBroken, Missing: []sfere.Key{key("bob")}})
	if err := r.Err(); r.Matched != 3 || r.Failed != 2 || !errors.Is(err, errBroken) || !errors.Is(err, sfere.ErrNotFound) || !errors.Is(err, sse.ErrClosed) {
		t.Errorf("%+v, %v", r, err)
	}
	if err := (sfere.Report{Matched: 1, Delivered: 1}).Err(); err != nil {
		t.Error(err)
	}
	if got := sfere.ReportOf(nil); got.Matched != 0 {
		t.Errorf("%+v", got)
	}
}
