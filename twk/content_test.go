package twk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"html/template"
	"io"
	"strings"
	"testing"

	"github.com/a-h/templ"
	templruntime "github.com/a-h/templ/runtime"
	"github.com/google/go-cmp/cmp"
	g "maragu.dev/gomponents"
	gh "maragu.dev/gomponents/html"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// bubble is a templ component written by hand.
func bubble(text string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, `<p id="b">`+templ.EscapeString(text)+`</p>`)
		return err
	})
}

// generatedBubble has the shape of what templ generates.
func generatedBubble(text string) templ.Component {
	return templruntime.GeneratedTemplate(func(in templruntime.GeneratedComponentInput) (err error) {
		ctx := in.Context
		if err := ctx.Err(); err != nil {
			return err
		}
		buf, existing := templruntime.GetBuffer(in.Writer)
		if !existing {
			defer func() { err = errors.Join(err, templruntime.ReleaseBuffer(buf)) }()
		}
		ctx = templ.InitializeContext(ctx)
		if err := templruntime.WriteString(buf, 1, `<p id="b">`); err != nil {
			return err
		}
		s, err := templ.JoinStringErrs(text)
		if err != nil {
			return err
		}
		if _, err := buf.WriteString(templ.EscapeString(s)); err != nil {
			return err
		}
		return templruntime.WriteString(buf, 2, `</p>`)
	})
}

var bubbleTemplate = template.Must(template.New("page").Parse(`{{define "bubble"}}<p id="b">{{.}}</p>{{end}}<p id="b">{{.}}</p>`))

func contents(text string) map[string]twk.Content {
	return map[string]twk.Content{
		"HTML":                   twk.HTML(`<p id="b">` + template.HTMLEscapeString(text) + `</p>`),
		"templ":                  bubble(text),
		"templ, generated":       generatedBubble(text),
		"gomponents":             twk.Node(gh.P(gh.ID("b"), g.Text(text))),
		"html/template":          twk.Template(bubbleTemplate, "", text),
		"html/template by name":  twk.Template(bubbleTemplate, "bubble", text),
		"for each recipient":     twk.PerRecipient(bubble(text)),
		"function for recipient": twk.PerRecipientFunc(func(context.Context) twk.Content { return bubble(text) }),
	}
}

// Every engine's components are content, their escaping is kept, and the line
// breaks that they let through are harmless.
func TestContent(t *testing.T) {
	t.Parallel()
	for name, c := range contents("a<b>\r\rc") {
		t.Run(name, func(t *testing.T) {
			want := twktest.Event{Type: "datastar-patch-elements", Data: []string{`elements <p id="b">a&lt;b&gt;`, "elements ", "elements c</p>"}}
			if diff := cmp.Diff(want, one(t, twk.PatchElements{Elements: c})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			text, err := json.Marshal(twk.PatchElements{Elements: c})
			if err != nil {
				t.Fatal(err)
			}
			var back twk.PatchElements
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, one(t, back)); diff != "" {
				t.Errorf("after JSON (-want +got):\n%s", diff)
			}
		})
	}
}

// broken is content that fails, by error or by panic, and has written before.
type broken struct{ panics bool }

var errBroken = errors.New("the view is broken")

func (b broken) Render(_ context.Context, w io.Writer) error {
	_, _ = io.WriteString(w, "<p id=\"b\">half")
	if b.panics {
		panic(errBroken)
	}
	return errBroken
}

// Content that fails is an error of its item, which names the field, and sends
// nothing; the other items are sent.
func TestContentFails(t *testing.T) {
	t.Parallel()
	var nilTempl templ.Component
	var nilFunc templ.ComponentFunc
	tests := []struct {
		name, reason string
		item         effect.Data
		cause        error
	}{
		{"error", "an engine's error", twk.PatchElements{Elements: broken{}}, errBroken},
		{"panic", "a bug in a view", twk.PatchElements{Elements: broken{true}}, errBroken},
		{"piece", "the other pieces do not go alone", twk.PatchElementsSeq{Elements: []twk.Content{twk.HTML("<p></p>"), broken{true}}}, errBroken},
		{"wrapped", "nor does a wrapper hide it", twk.PatchElements{Elements: twk.PerRecipient(broken{})}, errBroken},
		{"no template", "html/template knows no such name", twk.PatchElements{Elements: twk.Template(bubbleTemplate, "nope", nil)}, nil},
		{"nil func", "a typed nil panics", twk.PatchElements{Elements: nilFunc}, nil},
		{"nil", "no content and no selector is nothing to patch", twk.PatchElements{Elements: nilTempl}, nil},
		{"nil node", "the same", twk.PatchElements{Elements: twk.Node(nil)}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out twk.Collector
			res := plain(t).Dispatch(t.Context(), twk.Session{Out: &out},
				twk.PatchSignals{Signals: map[string]any{"a": 1}}, tt.item, twk.PatchSignals{Signals: map[string]any{"a": 2}})
			if len(out.Frames) != 2 || len(res.Errors) != 1 || res.Errors[0].Path.String() != "1" {
				t.Fatalf("%s: %d events, errors %v", tt.reason, len(out.Frames), res.Err())
			}
			e, ok := errors.AsType[*twk.Error](res.Errors[0])
			if !ok || e.Field != "elements" || tt.cause != nil && !errors.Is(e, tt.cause) {
				t.Errorf("%s: got %v", tt.reason, res.Err())
			}
			if tt.cause == nil {
				return
			}
			if _, err := json.Marshal(tt.item); !errors.Is(err, tt.cause) {
				t.Errorf("%s: marshalling: %v", tt.reason, err)
			}
		})
	}
}

// The context of the dispatch reaches the component.
func TestContentContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	c := templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		_, err := io.WriteString(w, `<p id="b">`+ctx.Value(key{}).(string)+`</p>`)
		return err
	})
	got, err := wire(context.WithValue(t.Context(), key{}, "from outside"), plain(t), twk.PatchElements{Elements: c})
	if err != nil || !bytes.Contains(got, []byte("from outside")) {
		t.Errorf("got %q, %v", got, err)
	}
}

// Handlers that return this package's content can be compared in tests.
func TestContentComparable(t *testing.T) {
	t.Parallel()
	for name := range contents("") {
		if strings.HasPrefix(name, "templ") {
			continue // templ components are functions, which nothing can compare
		}
		t.Run(name, func(t *testing.T) {
			a, b, c := twk.PatchElements{Elements: contents("x")[name]}, twk.PatchElements{Elements: contents("x")[name]}, twk.PatchElements{Elements: contents("y")[name]}
			if diff := cmp.Diff(a, b); diff != "" {
				t.Errorf("equal content differs (-a +b):\n%s", diff)
			}
			if cmp.Equal(a, c) {
				t.Error("different content is equal")
			}
		})
	}
}
