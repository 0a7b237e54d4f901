package twktest_test

import (
	"context"
	"errors"
	"html/template"
	"io"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"
	g "maragu.dev/gomponents"
	gh "maragu.dev/gomponents/html"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// view is content that fails, or panics, or is fine.
type view struct{ err error }

func (v view) Render(_ context.Context, w io.Writer) error {
	if v.err != nil && v.err.Error() == "panic" {
		panic(v.err)
	}
	_, _ = io.WriteString(w, "<p>1</p>")
	return v.err
}

func TestRendered(t *testing.T) {
	component := templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, "<p>1</p>")
		return err
	})
	page := template.Must(template.New("").Parse("<p>{{.}}</p>"))
	patch := func(c twk.Content) effect.Data { return twk.PatchElements{Elements: c} }
	seq := func(cs ...twk.Content) effect.Data { return twk.PatchElementsSeq{Elements: cs} }
	fails, panics := view{errors.New("fails")}, view{errors.New("panic")}
	tests := []struct {
		name, reason string
		a, b         effect.Data
		equal        bool
	}{
		{"HTML", "the same text", patch(twk.HTML("<p>1</p>")), patch(twk.HTML("<p>1</p>")), true},
		{"other HTML", "other text", patch(twk.HTML("<p>1</p>")), patch(twk.HTML("<p>2</p>")), false},
		{"templ", "functions cannot be compared, their markup can", patch(twk.HTML("<p>1</p>")), patch(component), true},
		{"gomponents", "the engine does not matter", patch(component), patch(twk.Node(gh.P(g.Text("1")))), true},
		{"template", "the engine does not matter", patch(twk.Template(page, "", 1)), patch(twk.Node(gh.P(g.Text("1")))), true},
		{"other template", "its data do", patch(twk.Template(page, "", 2)), patch(component), false},
		{"for each recipient", "rendered for nobody", patch(twk.PerRecipient(component)), patch(component), true},
		{"nothing", "no content has no markup", patch(nil), patch(twk.HTML("")), true},
		{"in a list", "wherever content is", seq(component, nil), seq(twk.HTML("<p>1</p>"), twk.HTML("")), true},
		{"failing", "a broken view is no expectation", patch(fails), patch(fails), false},
		{"panicking", "a broken view is no expectation", patch(panics), patch(panics), false},
		{"other field", "the rest is compared as ever", twk.PatchElements{Elements: component, Selector: "#a"}, patch(component), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			diff := cmp.Diff(effect.List{tt.a}, effect.List{tt.b}, twktest.Rendered())
			if (diff == "") != tt.equal {
				t.Errorf("%s: difference %q, want equal %t", tt.reason, diff, tt.equal)
			}
			if back := cmp.Diff(effect.List{tt.b}, effect.List{tt.a}, twktest.Rendered()); (back == "") != tt.equal {
				t.Errorf("not symmetric: %q", back)
			}
		})
	}
	if diff := cmp.Diff(patch(component), patch(twk.HTML("<p>other</p>")), twktest.Rendered()); !strings.Contains(diff, "<p>1</p>") || !strings.Contains(diff, "<p>other</p>") {
		t.Errorf("the report does not show the markup: %s", diff)
	}
	if diff := cmp.Diff(patch(fails), patch(component), twktest.Rendered()); !strings.Contains(diff, "fails") {
		t.Errorf("the report does not show why: %s", diff)
	}
}
