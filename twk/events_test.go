package twk_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// Each of the four kinds of event, with and without options, has the
// documented name and data lines in order.
func TestEventLines(t *testing.T) {
	t.Parallel()
	options := twk.EventOptions{EventID: "e1", RetryMillis: 300}
	tests := []struct {
		name, reason string
		item         effect.Data
		want         twktest.Event
	}{
		{
			"elements", "defaults have no line",
			twk.PatchElements{Elements: twk.HTML(`<p id="a">A</p>`), Mode: twk.ModeOuter},
			twktest.Event{Type: "datastar-patch-elements", Data: []string{`elements <p id="a">A</p>`}},
		},
		{
			"elements with options", "selector, mode, namespace, transition, then a line for each line of markup; id and retry",
			twk.PatchElements{
				Elements: twk.HTML("<g>\n</g>"), Selector: "#a", Mode: twk.ModePrepend, Namespace: twk.SVGNamespace,
				ViewTransition: true, EventOptions: options,
			},
			twktest.Event{Type: "datastar-patch-elements", ID: "e1", Retry: "300", Data: []string{
				"selector #a", "mode prepend", "namespace svg", "useViewTransition true", "elements <g>", "elements </g>",
			}},
		},
		{
			"blank elements", "blank markup and a blank selector have no line",
			twk.PatchElements{Elements: twk.HTML(" "), Selector: "#a", Mode: twk.ModeInner},
			twktest.Event{Type: "datastar-patch-elements", Data: []string{"selector #a", "mode inner"}},
		},
		{
			"seq", "blank pieces are skipped, the others go in one event",
			twk.PatchElementsSeq{Elements: []twk.Content{twk.HTML(`<p id="a">A</p>`), nil, twk.HTML(""), twk.HTML(`<p id="b">B</p>`)}},
			twktest.Event{Type: "datastar-patch-elements", Data: []string{`elements <p id="a">A</p>`, `elements <p id="b">B</p>`}},
		},
		{
			"signals", "no onlyIfMissing line by default",
			twk.PatchSignals{Signals: map[string]any{"a": 1}},
			twktest.Event{Type: "datastar-patch-signals", Data: []string{`signals {"a":1}`}},
		},
		{
			"signals with options", "onlyIfMissing comes first",
			twk.PatchSignals{Signals: map[string]any{"a": 1}, OnlyIfMissing: true, EventOptions: options},
			twktest.Event{Type: "datastar-patch-signals", ID: "e1", Retry: "300", Data: []string{"onlyIfMissing true", `signals {"a":1}`}},
		},
		{
			"script", "a script element that is appended to the body and removes itself",
			twk.ExecuteScript{Script: "f()"},
			twktest.Event{Type: "datastar-patch-elements", Data: []string{
				"selector body", "mode append", `elements <script data-effect="el.remove()">f()</script>`,
			}},
		},
		{
			"script with options", "attributes; no removal if asked",
			twk.ExecuteScript{Script: "f()\ng()", Attributes: map[string]string{"type": "module"}, Keep: true, EventOptions: options},
			twktest.Event{Type: "datastar-patch-elements", ID: "e1", Retry: "300", Data: []string{
				"selector body", "mode append", `elements <script type="module">f()`, "elements g()</script>",
			}},
		},
	}
	for _, mode := range []twk.Mode{twk.ModeInner, twk.ModeReplace, twk.ModePrepend, twk.ModeAppend, twk.ModeBefore, twk.ModeAfter, twk.ModeRemove} {
		tests = append(tests, struct {
			name, reason string
			item         effect.Data
			want         twktest.Event
		}{
			"mode " + string(mode), "every mode but outer has a line",
			twk.PatchElements{Elements: twk.HTML("<i></i>"), Selector: "#a", Mode: mode},
			twktest.Event{Type: "datastar-patch-elements", Data: []string{"selector #a", "mode " + string(mode), "elements <i></i>"}},
		})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, one(t, tt.item)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}
