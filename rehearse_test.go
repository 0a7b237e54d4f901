package sfere_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// A dry run is for whoever waits for it, unlike a broadcast, which goes on.
func TestDryRunEndsWithItsCaller(t *testing.T) {
	s := newServer(t, setup{})
	for i := range 5 {
		s.open(fmt.Sprint("id=", i))
	}
	for _, tt := range []struct {
		reason string
		run    func(context.Context, effect.Data) sfere.Report
		want   int // recipients for whom it is rendered
	}{
		{"a dry run", func(ctx context.Context, b effect.Data) sfere.Report {
			return sfere.ReportOf(s.d.DryRun(ctx, app{}, b).Result)
		}, 1},
		{"a broadcast", func(ctx context.Context, b effect.Data) sfere.Report {
			return sfere.ReportOf(s.d.Dispatch(ctx, app{}, b))
		}, 5},
	} {
		ctx, leave := context.WithCancel(t.Context())
		var rendered atomic.Int32
		show := twk.PatchElements{Elements: twk.PerRecipientFunc(func(context.Context) twk.Content {
			if rendered.Add(1) == 1 {
				leave()
			}
			return twk.HTML(`<p id="x"></p>`)
		})}
		r := tt.run(ctx, sfere.Broadcast{To: sfere.Everyone(), Each: true, Effects: effect.List{show}})
		if n := int(rendered.Load()); n != tt.want || r.Matched != 5 || r.Failed != 5-tt.want {
			t.Errorf("%s is rendered for %d, want %d: %+v", tt.reason, n, tt.want, r)
		}
		leave()
	}
}
