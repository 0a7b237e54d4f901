package twk_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/effect/effecttest"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// What cannot be sent is an error that names the field and says why.
func TestRefusals(t *testing.T) {
	t.Parallel()
	elements := twk.HTML("<p></p>")
	tests := []struct {
		reason string
		item   effect.Data
		field  string
		says   string
	}{
		{"a line break ends the line of the event", twk.PatchElements{Elements: elements, Selector: "a\rb"}, "selector", "must not contain CR, LF or NUL"},
		{"the same", twk.PatchElements{Elements: elements, ViewTransitionSelector: "a\nb"}, "viewTransitionSelector", "must not contain CR, LF or NUL"},
		{"the same", twk.RemoveElement{Selector: "a\x00"}, "selector", "must not contain CR, LF or NUL"},
		{"bytes that are no text", twk.RemoveElement{Selector: "\xff"}, "selector", "must be UTF-8"},
		{"the client throws", twk.RemoveElement{}, "selector", `is required by mode "remove"`},
		{"the client throws", twk.PatchElements{Elements: elements, Selector: " ", Mode: twk.ModeAppend}, "selector", `is required by mode "append"`},
		{"the client throws", twk.PatchElements{Elements: elements, Mode: "merge"}, "mode", `is "merge": use one of the Mode constants`},
		{"the client throws", twk.PatchElements{Elements: elements, Namespace: "xml"}, "namespace", `is "xml": use one of the Namespace constants`},
		{"nothing would happen", twk.PatchElements{Elements: twk.HTML("\n")}, "elements", "is empty"},
		{"nothing would happen", twk.PatchElementsSeq{}, "elements", "is empty"},
		{"the client would read a document", twk.PatchElements{Elements: twk.HTML("<p></p></body>")}, "elements", "</body>"},
		{"also when it is put together", twk.PatchElements{Elements: twk.HTML("<p></bo<svg></svg>dy></body>")}, "elements", "</body>"},
		{"a browser cannot send it back", twk.PatchElements{Elements: elements, EventOptions: twk.EventOptions{EventID: "é"}}, "eventId", "must be printable ASCII"},
		{"time goes forward", twk.ExecuteScript{Script: "x", EventOptions: twk.EventOptions{RetryMillis: -1}}, "retryMillis", "must not be negative"},
		{"a word that nobody knows", twk.Redirect{URL: "/", EventOptions: twk.EventOptions{Overflow: "wait"}}, "overflow", `is "wait": use`},
		{"the client evaluates what is no JSON", twk.PatchSignals{Signals: json.RawMessage("{m:alert(1)}")}, "signals", "invalid character"},
		{"signals have names", twk.PatchSignals{Signals: []int{1}}, "signals", "must be a JSON object"},
		{"signals have names", twk.PatchSignals{}, "signals", "must be a JSON object"},
		{"signals have names", twk.PatchSignals{Signals: json.RawMessage("null"), Late: map[string]effect.Late[any]{"a": effect.Now[any](1)}}, "signals", "must be a JSON object"},
		{"JSON has no NaN", twk.PatchSignals{Signals: map[string]any{"a": math.NaN()}}, "signals", "unsupported value: NaN"},
		{"JSON has no NaN", twk.PatchSignals{Late: map[string]effect.Late[any]{"a": effect.Now[any](math.NaN())}}, "late", `"a": json: unsupported value: NaN`},
		{"JSON has no functions", twk.DispatchCustomEvent{Name: "a", Detail: func() {}}, "detail", "unsupported type: func()"},
		{"text would leave the script", twk.ExecuteScript{Script: "'</Script'"}, "script", "twk.JS"},
		{"or keep it from ending", twk.ExecuteScript{Script: "'<!--'"}, "script", "twk.JS"},
		{"the client would lose it", twk.ExecuteScript{Script: "'</html>'"}, "script", "</html>"},
		{"nothing to run", twk.ExecuteScript{Script: " "}, "script", "is empty"},
		{"a name ends where the next attribute begins", twk.ExecuteScript{Script: "x", Attributes: map[string]string{"a b": ""}}, "attributes", `"a b" is not a name`},
		{"code belongs into the script", twk.ExecuteScript{Script: "x", Attributes: map[string]string{"OnLoad": "x"}}, "attributes", `"OnLoad" is an event handler`},
		{"the first of two would win", twk.ExecuteScript{Script: "x", Attributes: map[string]string{"data-effect": "x"}}, "attributes", "set keep"},
		{"the first of two would win", twk.ExecuteScript{Script: "x", Attributes: map[string]string{"type": "a", "TYPE": "b"}}, "attributes", `"type" is there twice`},
		{"values are checked like other lines", twk.ExecuteScript{Script: "x", Attributes: map[string]string{"title": "a\rb"}}, "attributes", `the value of "title" must not contain`},
		{"a browser would run it", twk.Redirect{URL: "javascript:alert(1)"}, "url", `has the scheme "javascript": use http, https, mailto or a relative URL`},
		{"in any spelling", twk.Redirect{URL: "JaVaScRiPt:alert(1)"}, "url", `has the scheme "javascript"`},
		{"browsers drop control characters first", twk.Redirect{URL: "java\tscript:alert(1)"}, "url", `has '\t' at byte 4`},
		{"and spaces in front", twk.Redirect{URL: " javascript:alert(1)"}, "url", `has ' ' at byte 0`},
		{"data is a page of its own", twk.Redirect{URL: "data:text/html,x"}, "url", `has the scheme "data"`},
		{"nowhere to go", twk.Redirect{}, "url", "is empty"},
		{"a page has no mail address", twk.ReplaceURL{URL: "mailto:a@b"}, "url", `has the scheme "mailto"`},
		{"every URL is checked", twk.Prefetch{URLs: []string{"/a", "vbscript:x"}}, "urls", `has the scheme "vbscript"`},
		{"nothing to fetch", twk.Prefetch{}, "urls", "is empty"},
		{"a nonce is one word", twk.ConsoleLog{Nonce: "a\nb"}, "nonce", "must not contain CR, LF or NUL"},
		{"the console has no such method", twk.ConsoleLog{Level: "clear"}, "level", `is "clear": use log, debug, info, warn or error`},
		{"an event has a name", twk.DispatchCustomEvent{}, "name", "is empty"},
		{"as in other selectors", twk.DispatchCustomEvent{Name: "a", Selector: "a\nb"}, "selector", "must not contain CR, LF or NUL"},
	}
	for _, tt := range tests {
		t.Run(tt.item.EffectName()+" "+tt.field, func(t *testing.T) {
			got, err := wire(t.Context(), plain(t), tt.item)
			e, ok := errors.AsType[*twk.Error](err)
			if !ok || e.Field != tt.field || !strings.Contains(e.Error(), tt.says) || len(got) > 0 {
				t.Errorf("%s: want field %s and %q, got %v and %q", tt.reason, tt.field, tt.says, err, got)
			}
		})
	}
}

// The registry is fit for catalogues, and its examples run.
func TestRegistry(t *testing.T) {
	t.Parallel()
	effecttest.Run(t, twk.Registry(nil))
	d := plain(t)
	for info := range d.All() {
		for _, example := range info.Examples {
			if got, err := wire(t.Context(), d, example); info.Shared && (err != nil || len(got) == 0) {
				t.Errorf("example %#v: %v", example, err)
			}
		}
	}
}

// Every event, whichever effect it is from, passes the audit once, the first
// step outermost, and a step may hold it back.
func TestAudit(t *testing.T) {
	t.Parallel()
	var seen []string
	errHeld := errors.New("held back")
	step := func(name string) func(twk.Emit) twk.Emit {
		return func(next twk.Emit) twk.Emit {
			return func(ctx context.Context, s twk.Session, f *sse.Frame) error {
				seen = append(seen, name+" "+f.Event().Type)
				if name == "inner" && strings.Contains(string(f.Bytes()), "secret") {
					return errHeld
				}
				return next(ctx, s, f)
			}
		}
	}
	d, err := dispatch.New(twk.Registry(&twk.RegistryOptions{Audit: []func(twk.Emit) twk.Emit{step("outer"), step("inner")}}))
	if err != nil {
		t.Fatal(err)
	}
	for info := range d.All() {
		if !info.Shared {
			continue
		}
		seen = nil
		if _, err := wire(t.Context(), d, info.Examples[0]); err != nil {
			t.Fatal(err)
		}
		typ := "datastar-patch-elements"
		if info.Name == "twk/patch-signals" {
			typ = "datastar-patch-signals"
		}
		if diff := cmp.Diff([]string{"outer " + typ, "inner " + typ}, seen); diff != "" {
			t.Errorf("%s (-want +got):\n%s", info.Name, diff)
		}
	}
	got, err := wire(t.Context(), d, twk.ConsoleLog{Message: "secret"})
	if !errors.Is(err, errHeld) || len(got) > 0 {
		t.Errorf("a held event is %q, %v", got, err)
	}
}
