package twk_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

var update = flag.Bool("update", false, "write the golden files of testdata instead of comparing with them")

var everyOption = twk.EventOptions{EventID: "42", RetryMillis: 5000, Coalesce: "status", Overflow: sse.DropOldest}

// goldens has every effect and every option of it at least once. The name is
// that of the file.
var goldens = []struct {
	name   string
	reason string
	item   effect.Data
}{
	{"patch-elements", "the event and a line of markup, no other line", twk.PatchElements{Elements: twk.HTML(`<p id="a">A</p>`)}},
	{"patch-elements-lines", "a data line for every line of markup", twk.PatchElements{Elements: twk.HTML("<p id=\"a\">\n  A\n</p>")}},
	{"patch-elements-outer", "the default mode has no line", twk.PatchElements{Elements: twk.HTML(`<p id="a">A</p>`), Mode: twk.ModeOuter}},
	{"patch-elements-all", "selector and mode come first and in this order", twk.PatchElements{
		Elements: twk.HTML(`<circle r="1"/>`), Selector: "#a", Mode: twk.ModeAppend, Namespace: twk.SVGNamespace,
		ViewTransition: true, ViewTransitionSelector: "#b", EventOptions: everyOption,
	}},
	{"patch-elements-html", "the default namespace has no line", twk.PatchElements{Elements: twk.HTML(`<p>A</p>`), Selector: "#a", Namespace: twk.HTMLNamespace}},
	{"patch-elements-mathml", "the third namespace", twk.PatchElements{Elements: twk.HTML(`<mi>x</mi>`), Selector: "#a", Mode: twk.ModeAppend, Namespace: twk.MathMLNamespace}},
	{"patch-elements-transition", "without a selector of its own", twk.PatchElements{Elements: twk.HTML(`<p id="a">A</p>`), ViewTransition: true}},
	{"patch-elements-transition-selector", "a selector turns the transition on", twk.PatchElements{Elements: twk.HTML(`<p id="a">A</p>`), ViewTransitionSelector: "#b"}},
	{"patch-elements-inner", "mode inner", twk.PatchElements{Elements: twk.HTML(`A`), Selector: "#a", Mode: twk.ModeInner}},
	{"patch-elements-inner-blank", "blank markup has no line, and empties the target", twk.PatchElements{Elements: twk.HTML(" \n "), Selector: "#a", Mode: twk.ModeInner}},
	{"patch-elements-replace", "mode replace", twk.PatchElements{Elements: twk.HTML(`<p id="a">A</p>`), Mode: twk.ModeReplace}},
	{"patch-elements-prepend", "mode prepend", twk.PatchElements{Elements: twk.HTML(`<p>A</p>`), Selector: "#a", Mode: twk.ModePrepend}},
	{"patch-elements-before", "mode before", twk.PatchElements{Elements: twk.HTML(`<p>A</p>`), Selector: "#a", Mode: twk.ModeBefore}},
	{"patch-elements-after", "mode after", twk.PatchElements{Elements: twk.HTML(`<p>A</p>`), Selector: "#a", Mode: twk.ModeAfter}},
	{"patch-elements-remove", "mode remove needs no markup", twk.PatchElements{Selector: "#a", Mode: twk.ModeRemove}},
	{"patch-elements-breaks", "CR and CRLF are the line breaks that they are for the client", twk.PatchElements{Elements: twk.HTML("<p id=\"a\">1\r2\r\n3\n\r4</p>")}},
	{"patch-elements-document", "a whole document may end its body", twk.PatchElements{Elements: twk.HTML("<!doctype html><html><body>A</body></html>")}},
	{"patch-elements-seq", "blank pieces are skipped, a line break between the others", twk.PatchElementsSeq{
		Elements: []twk.Content{twk.HTML(`<p id="a">A</p>`), twk.HTML(" \n"), nil, twk.HTML(`<p id="b">B</p>`)},
	}},
	{"patch-elements-seq-all", "the options of patch-elements", twk.PatchElementsSeq{
		Elements: []twk.Content{twk.HTML(`<g/>`), twk.HTML(`<g/>`)}, Selector: "#a", Mode: twk.ModeAppend, Namespace: twk.SVGNamespace,
		ViewTransition: true, ViewTransitionSelector: "#b", EventOptions: everyOption,
	}},
	{"remove-element", "a patch with mode remove", twk.RemoveElement{Selector: twk.ByID("a")}},
	{"remove-element-all", "its options", twk.RemoveElement{Selector: twk.ByID("1 a"), ViewTransition: true, ViewTransitionSelector: "#b", EventOptions: everyOption}},
	{"patch-signals", "compact JSON, keys in order, HTML characters escaped", twk.PatchSignals{Signals: map[string]any{"b": "</script>", "a": 1, "gone": nil}}},
	{"patch-signals-struct", "whatever marshals to an object", twk.PatchSignals{Signals: struct {
		N int64 `json:"n"`
	}{1 << 53}}},
	{"patch-signals-raw", "JSON text loses its white space", twk.PatchSignals{Signals: json.RawMessage("{\r\n\"a\" :\t1}")}},
	{"patch-signals-late", "late values win", twk.PatchSignals{
		Signals: json.RawMessage(`{"a":9007199254740991,"b":1}`), Late: map[string]effect.Late[any]{"b": effect.Now[any](2), "c": effect.Now[any](nil)},
	}},
	{"patch-signals-all", "its options", twk.PatchSignals{Signals: map[string]any{"a": 1}, OnlyIfMissing: true, EventOptions: everyOption}},
	{"execute-script", "a script element at the end of the body that removes itself", twk.ExecuteScript{Script: "alert(1)"}},
	{"execute-script-lines", "a data line for every line of the script", twk.ExecuteScript{Script: "{\r\n\tlet a = 1\r}"}},
	{"execute-script-all", "attributes in order, escaped", twk.ExecuteScript{
		Script: "alert(1)", Attributes: map[string]string{"type": "module", "nonce": `a"b'c<d>&`}, Keep: true, EventOptions: everyOption,
	}},
	{"execute-script-src", "no text is needed if there is a src", twk.ExecuteScript{Attributes: map[string]string{"src": "/a.js?b&c", "defer": ""}}},
	{"redirect", "the URL as a literal", twk.Redirect{URL: "/login?next=/a'b&c=d"}},
	{"redirect-all", "its options", twk.Redirect{URL: "mailto:a@example.org", Nonce: "n0", EventOptions: everyOption}},
	{"replace-url", "the URL as a literal", twk.ReplaceURL{URL: "?page=2"}},
	{"replace-url-all", "its options", twk.ReplaceURL{URL: "https://example.org/x", Nonce: "n0", EventOptions: everyOption}},
	{"console-log", "the message as a literal", twk.ConsoleLog{Message: "it's </script> \U0001f595\u2028 @get($x)"}},
	{"console-log-all", "its options", twk.ConsoleLog{Message: "bad", Level: "error", Nonce: "n0", EventOptions: everyOption}},
	{"dispatch-custom-event", "on the document, with everything on", twk.DispatchCustomEvent{Name: "saved"}},
	{"dispatch-custom-event-all", "its options, and a detail whose keys stay its own", twk.DispatchCustomEvent{
		Name: "a%sb", Detail: map[string]any{"__proto__": 1, "x": []any{"y", nil, 1.5, true}}, Selector: `[a="%s"]`,
		Bubbles: new(false), Cancelable: new(false), Composed: new(false), Nonce: "n0", EventOptions: everyOption,
	}},
	{"prefetch", "speculation rules that stay in the page", twk.Prefetch{URLs: []string{"/a?b&c", "https://example.org/<"}}},
	{"prefetch-all", "its options", twk.Prefetch{URLs: []string{"/a"}, Nonce: "n0", EventOptions: everyOption}},
}

// Every effect with every option is, byte for byte, what its golden file says,
// and does not change by a trip through JSON.
func TestGolden(t *testing.T) {
	t.Parallel()
	d := plain(t)
	used := map[string]bool{}
	for _, tt := range goldens {
		t.Run(tt.name, func(t *testing.T) {
			if tt.reason == "" || used[tt.name] {
				t.Fatal("a row needs a reason and a name of its own")
			}
			used[tt.name] = true
			got, err := wire(t.Context(), d, tt.item)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "golden", tt.name+".txt")
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			text, err := json.Marshal(effect.List{tt.item})
			if err != nil {
				t.Fatal(err)
			}
			decoded, err := d.Decode(text)
			if err != nil {
				t.Fatal(err)
			}
			again, err := wire(t.Context(), d, decoded...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(again)); diff != "" {
				t.Errorf("after JSON %s (-want +got):\n%s", text, diff)
			}
		})
	}
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !used[strings.TrimSuffix(filepath.Base(file), ".txt")] {
			t.Errorf("%s belongs to no row", file)
		}
	}
}

// No effect is without a golden file.
func TestGoldenCoversRegistry(t *testing.T) {
	t.Parallel()
	for info := range twk.Registry(nil).All() {
		if !info.Shared {
			continue // sends nothing
		}
		found := false
		for _, tt := range goldens {
			found = found || tt.item.EffectName() == info.Name
		}
		if !found {
			t.Errorf("%s has no row", info.Name)
		}
	}
}
