package telemetry_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/telemetry"
	"github.com/sfere-go/sfere/twk"
)

// Lines of what a broadcast runs, once for all or for each, belong to its dispatch.
func TestLogOfBroadcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t, nil)
		p.join("ann")
		var text bytes.Buffer
		log := slog.New(telemetry.LogHandler(slog.NewTextHandler(&text, nil)))
		page := content(func(ctx context.Context) { log.InfoContext(ctx, "rendering") })
		for _, b := range []sfere.Broadcast{
			sfere.Tell(sfere.Category("room"), twk.Patch(page)),
			{To: sfere.Category("room"), Each: true, Effects: effect.List{twk.Patch(page)}},
		} {
			text.Reset()
			res := p.app.Dispatch(t.Context(), b)
			if res.Err() != nil {
				t.Fatal(res.Err())
			}
			for _, want := range []string{"dispatch=", "trace_id=", "span_id="} {
				if !strings.Contains(text.String(), want) {
					t.Errorf("a line without %s %s", want, &text)
				}
			}
		}
	})
}

// content calls a function when it is rendered.
type content func(ctx context.Context)

func (c content) Render(ctx context.Context, w io.Writer) error {
	c(ctx)
	_, err := io.WriteString(w, `<p id="x"></p>`)
	return err
}
