package sfere_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	"github.com/a-h/templ"
	g "maragu.dev/gomponents"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// Content of any engine is rendered once for all recipients of a broadcast,
// for each of them on request, and one that fails takes nothing else with it.
func TestContentInBroadcast(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{})
	streams := map[string]*twktest.Stream{}
	for _, name := range []string{"ann", "bob", "cem"} {
		streams[name] = s.open(id(name))
	}
	var renders atomic.Int32
	who := func(ctx context.Context) string {
		renders.Add(1)
		r, _ := sfere.RecipientOf(ctx)
		return r.Key.ID
	}
	component := templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		_, err := fmt.Fprintf(w, `<p id="b">%s</p>`, who(ctx))
		return err
	})
	plain := templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		renders.Add(1)
		_, err := io.WriteString(w, `<p id="b"></p>`)
		return err
	})
	node := g.NodeFunc(func(w io.Writer) error {
		_, err := fmt.Fprintf(w, `<p id="b">%s</p>`, who(context.Background()))
		return err
	})
	tests := []struct {
		name, reason string
		item         effect.Data
		renders      int32
		own          bool // each gets what is for it
	}{
		{"templ", "shared is the default", twk.PatchElements{Elements: plain}, 1, false},
		{"templ that asks", "what asks for the recipient is rendered again for each", twk.PatchElements{Elements: component}, 1 + 3, true},
		{"gomponents", "whatever the engine", twk.PatchElements{Elements: twk.Node(node)}, 1, false},
		{"seq", "and for every piece of a sequence", twk.PatchElementsSeq{Elements: []twk.Content{plain, plain}}, 2, false},
		{"for each", "on request with the recipient in the context", twk.PatchElements{Elements: twk.PerRecipient(component)}, 3, true},
		{"one piece for each", "one such piece makes the whole sequence so", twk.PatchElementsSeq{Elements: []twk.Content{twk.PerRecipient(component), twk.HTML("<i></i>")}}, 3, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			renders.Store(0)
			report := sfere.ReportOf(s.dispatch(sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{tt.item}}))
			if n := renders.Load(); n != tt.renders || report.Delivered != 3 {
				t.Errorf("%s: %d renders for %d recipients, want %d for 3", tt.reason, n, report.Delivered, tt.renders)
			}
			for name, stream := range streams {
				want := `<p id="b"></p>`
				if tt.own {
					want = `<p id="b">` + name + `</p>`
				}
				if got := stream.Next().Fields()["elements"]; got[:len(want)] != want {
					t.Errorf("%s: %s got %s, want %s", tt.reason, name, got, want)
				}
			}
		})
	}
	errView := errors.New("the view is broken")
	for _, per := range []bool{false, true} {
		var c twk.Content = templ.ComponentFunc(func(context.Context, io.Writer) error { panic(errView) })
		if per {
			c = twk.PerRecipient(c)
		}
		res := s.d.Dispatch(t.Context(), app{}, sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{
			tell("before"), twk.PatchElements{Elements: c}, tell("after"),
		}})
		if !errors.Is(res.Err(), errView) {
			t.Errorf("a view that panics, for each recipient %t: error %v", per, res.Err())
		}
		for _, stream := range streams {
			wantText(t, stream, "before")
			wantText(t, stream, "after")
		}
	}
}
