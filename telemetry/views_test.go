package telemetry_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// Renders are counted by view and outcome, refreshes by what they concern.
func TestViewMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t, nil)
		p.join("ann") // a second one may come while it is rendered, which takes one more
		everybody := sfere.Category("room")
		p.do(sfere.Tell(everybody, sfere.Show{Views: effect.List{Board{1}, Board{2}}}))
		time.Sleep(time.Minute)
		p.do(sfere.Refresh{Topic: "board"}) // nothing has changed
		time.Sleep(time.Minute)
		p.text = "b"
		p.do(sfere.Refresh{Topic: "board/1"}, sfere.Refresh{Topic: "board"})
		time.Sleep(time.Minute)
		p.do(sfere.Refresh{Topic: "chair"})
		want := map[string]float64{
			"sfere.view.render.duration{sent,test/board}":      4,
			"sfere.view.render.duration{unchanged,test/board}": 2,
			"sfere.view.refreshed":                             5,
			"sfere.view.collected":                             1,
		}
		got := p.metrics()
		for name := range got {
			if !strings.HasPrefix(name, "sfere.view.") {
				delete(got, name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// However many keys, names from outside, causes and values there are, the metrics have
// the same few sets of attributes.
func TestMetricCardinalityIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t, nil)
		round := func(from, to int) {
			for i := from; i < to; i++ {
				user := fmt.Sprint("user", i)
				s := p.join(user)
				key := sfere.ID("room", user)
				p.do(effect.Raw{Effect: fmt.Sprint("made/up-", i)}, sfere.Tell(sfere.Exactly(key), twk.ConsoleLog{Message: user}),
					sfere.Send(key, sfere.Show{Views: effect.List{Board{i}}}), sfere.Refresh{Topic: sfere.T("board", i)}, sfere.Claim{Key: sfere.ID("seat", user), Owner: user},
					effect.Raw{Effect: "twk/console-log", Args: []byte(fmt.Sprintf(`{"nothing-%d":1}`, i))},
					sfere.Tell(sfere.Category(fmt.Sprint("empty", i)), twk.ConsoleLog{Message: "x"}))
				time.Sleep(time.Second)
				p.app.Dispatch(cancelled(), effect.Raw{Effect: fmt.Sprint("skipped/", i)}, effect.Raw{Effect: fmt.Sprint("skipped/", i)})
				p.do(sfere.Close{To: sfere.Exactly(key), Cause: sse.Cause("cause of " + user)})
				_ = s.Ended()
			}
			synctest.Wait()
		}
		round(0, 250)
		all := p.metrics()
		for name := range all {
			if strings.ContainsAny(name, "0123456789") {
				t.Errorf("%s", name)
			}
		}
		if len(all) > 60 {
			t.Errorf("%d series", len(all))
		}
	})
}

// cancelled returns a context that has ended.
func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
