package dispatch_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/effect"
)

// many runs its list for several recipients, as a broadcast does.
type many struct {
	N       int
	Effects effect.List
}

func (many) EffectName() string { return "test/many" }

// The plan has one entry for what runs for many recipients, however many they are,
// and keeps apart what is not for the same purpose.
func TestDryRunForMany(t *testing.T) {
	d := dryTester(t, effect.Handle("Run a list for many.", func(ctx context.Context, c call, m many) (int, error) {
		for range m.N {
			c.Detached().DispatchPrepared(ctx, func(context.Context, int) (bool, error) { return false, nil }, m.Effects...)
		}
		return m.N, nil
	}).About(effect.About{Reach: effect.Local, Dry: true}))
	list := effect.List{outside{}, within{7}, nesting{effect.List{within{8}, nesting{effect.List{outside{}}}}}}
	for _, n := range []int{1, 3, 1000} {
		r := d.DryRun(t.Context(), newEnv(), many{n, list}, many{2, list[:1]}, outside{}, nesting{list[:1]}, nesting{list[:1]})
		var got []string
		for _, p := range r.Plan {
			got = append(got, fmt.Sprintf("%s %s %d times, value %v, would do %d and %d more", p.Path, p.Item.EffectName(), p.Times, p.Value, len(p.Would), p.More))
		}
		kept, more := min(n, 32), max(0, n-32)
		if diff := cmp.Diff([]string{
			fmt.Sprintf("0 test/many 1 times, value %d, would do 0 and 0 more", n),
			fmt.Sprintf("0 test/outside %d times, value <nil>, would do 0 and 0 more", n),
			fmt.Sprintf("1 test/within %d times, value 2, would do %d and %d more", n, kept, more),
			fmt.Sprintf("0 test/within %d times, value 2, would do %d and %d more", n, kept, more), // in the continuation
			fmt.Sprintf("0 test/outside %d times, value <nil>, would do 0 and 0 more", n),          // in that of the continuation
			"1 test/many 1 times, value 2, would do 0 and 0 more",
			"0 test/outside 2 times, value <nil>, would do 0 and 0 more",
			"2 test/outside 1 times, value <nil>, would do 0 and 0 more",
			"0 test/outside 1 times, value <nil>, would do 0 and 0 more", // two continuations that only look alike
			"0 test/outside 1 times, value <nil>, would do 0 and 0 more",
		}, got); diff != "" {
			t.Errorf("for %d (-want +got):\n%s", n, diff)
		}
	}
}
