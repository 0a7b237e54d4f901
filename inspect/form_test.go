package inspect

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/schema"
	"github.com/sfere-go/sfere/twk"
)

// address is nested in order.
type address struct {
	Street string `json:"street" jsonschema:"description=with the number"`
	City   string `json:"city,omitempty"`
}

// order has a field of every kind that forms know.
type order struct {
	Name  string               `json:"name" jsonschema:"description=who ordered"`
	Note  string               `json:"note,omitempty"`
	Count int                  `json:"count,omitempty" jsonschema:"minimum=0"`
	Price float64              `json:"price"`
	Gift  bool                 `json:"gift,omitempty"`
	Sure  bool                 `json:"sure"`
	How   string               `json:"how,omitempty" jsonschema:"enum=post,enum=courier"`
	To    address              `json:"to"`
	Bill  *address             `json:"bill,omitempty"`
	Tags  []string             `json:"tags,omitempty"`
	Extra map[string]any       `json:"extra,omitempty"`
	Word  effect.Late[string]  `json:"word"`
	Where effect.Late[address] `json:"where"`
	After effect.List          `json:"after,omitempty"`
	A_b   string               `json:"a/b~c,omitempty"`
}

func (order) EffectName() string { return "form/order" }

func formCatalogue(t *testing.T) *schema.Catalogue {
	t.Helper()
	conns := sfere.New(nil)
	t.Cleanup(conns.Close)
	d := dispatch.Must(dispatch.New(twk.Registry(nil), sfere.Registry(conns), registry.New("form",
		effect.Handle("Order.", func(_ context.Context, _ twk.Call, o order) (any, error) { return nil, nil }))))
	return schema.Of(d)
}

func TestFormKinds(t *testing.T) {
	i, err := formCatalogue(t).Get("form/order")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	var walk func([]*field)
	walk = func(fields []*field) {
		for _, f := range fields {
			s := string(f.Kind)
			if f.Required {
				s += " required"
			}
			if f.Late {
				s += " late"
			}
			got[f.ID] = strings.TrimSpace(s + " " + strings.Join(f.Options, ","))
			walk(f.Fields)
		}
	}
	walk(formOf(i.Args))
	want := map[string]string{
		"/name": "text required", "/note": "text", "/count": "number", "/price": "number required",
		"/gift": "choice true,false", "/sure": "choice required true,false", "/how": "choice post,courier",
		"/to": "group required", "/to/street": "text required", "/to/city": "text",
		"/bill": "group", "/bill/street": "text required", "/bill/city": "text",
		"/tags": "json", "/extra": "json", "/word": "text required late", "/where": "json required late",
		"/after": "json", "/a~1b~0c": "text",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the fields differ (-want +got):\n%s", diff)
	}
}

func TestFormRead(t *testing.T) {
	i, err := formCatalogue(t).Get("form/order")
	if err != nil {
		t.Fatal(err)
	}
	full := url.Values{"/name": {"Ann"}, "/price": {"1.5"}, "/sure": {"true"}, "/to/street": {"Main 1"}, "/word": {"hi"}, "/where": {`{"street":"x"}`}}
	with := func(pairs ...string) url.Values {
		v := url.Values{}
		for k, s := range full {
			v[k] = s
		}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	for _, tt := range []struct {
		reason  string
		form    url.Values
		want    string // part of the arguments
		problem string // field that has one
	}{
		{"what is empty and optional is left out", full, `{"name":"Ann","price":1.5,"sure":true,"to":{"street":"Main 1"},"word":"hi","where":{"street":"x"}}`, ""},
		{"text is not JSON", with("/name", `"quoted" <b>`), `"name":"\"quoted\" <b>"`, ""},
		{"a browser writes CR LF", with("/note", "a\r\nb"), `"note":"a\nb"`, ""},
		{"an empty required text is a text", with("/name", ""), `"name":""`, ""},
		{"a number that is none", with("/price", "dear"), "", "/price"},
		{"a required number is missing", with("/price", ""), "", "/price"},
		{"an optional group with a value", with("/bill/street", "Side 2"), `"bill":{"street":"Side 2"}`, ""},
		{"a list", with("/tags", ` ["a", "b"] `), `"tags":["a", "b"]`, ""},
		{"a broken list", with("/tags", `["a"`), "", "/tags"},
		{"a placeholder in a late text", with("/word", `{"$placeholder":"x"}`), `"word":{"$placeholder":"x"}`, ""},
		{"a name with signs of JSON pointers", with("/a~1b~0c", "x"), `"a/b~c":"x"`, ""},
		{"effects", with("/after", `[{"effect":"form/order"}]`), `"after":[{"effect":"form/order"}]`, ""},
	} {
		fields := formOf(i.Args)
		args, ok := read(fields, tt.form)
		if ok != (tt.problem == "") {
			t.Errorf("%s: ok is %v", tt.reason, ok)
		}
		if tt.problem != "" {
			if f := innermost(fields, tt.problem); f == nil || f.Problem == "" {
				t.Errorf("%s: %s has no problem", tt.reason, tt.problem)
			}
			continue
		}
		if !json.Valid(args) || !strings.Contains(string(args), tt.want) {
			t.Errorf("%s: got %s, want %s", tt.reason, args, tt.want)
		}
	}
}

// What a sample says fits into the form, and comes out of it again.
func TestFormRoundTrip(t *testing.T) {
	cat := formCatalogue(t)
	for _, i := range cat.Describe(schema.Effects, schema.Actions) {
		samples, err := cat.Sample(i.Name, 60, 7)
		if err != nil {
			t.Errorf("%s: %v", i.Name, err)
			continue
		}
		for _, sample := range samples {
			var call struct{ Args any }
			if err := json.Unmarshal(sample, &call); err != nil {
				t.Fatal(err)
			}
			fields := formOf(i.Args)
			fill(fields, call.Args)
			form := url.Values{}
			submit(fields, form)
			args, ok := read(formOf(i.Args), form)
			if !ok {
				t.Errorf("%s: the form of %s could not be read", i.Name, sample)
				continue
			}
			var back any
			if args != nil {
				if err := json.Unmarshal(args, &back); err != nil {
					t.Fatalf("%s: %s: %v", i.Name, args, err)
				}
			}
			if diff := cmp.Diff(pruned(call.Args), pruned(back)); diff != "" {
				t.Errorf("%s: %s came back as %s (-want +got):\n%s", i.Name, sample, args, diff)
			}
		}
	}
}

// submit is what a browser sends.
func submit(fields []*field, form url.Values) {
	for _, f := range fields {
		if f.Kind == groupField {
			submit(f.Fields, form)
			continue
		}
		form.Set(f.ID, strings.ReplaceAll(f.Value, "\n", "\r\n"))
	}
}

// pruned drops what a form cannot tell from nothing: empty texts, nulls and
// empty objects.
func pruned(v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := map[string]any{}
	for k, e := range object {
		e = pruned(e)
		if m, ok := e.(map[string]any); e == nil || e == "" || ok && len(m) == 0 {
			continue
		}
		out[k] = e
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
