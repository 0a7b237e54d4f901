package dispatch_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// Text within the limits is read in a time that grows with its length, however it
// is made, and not with the square of it.
func TestHostileTextIsReadInTime(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a while")
	}
	d := wireTester(t, nil)
	note := `{"effect":"test/note","args":{"text":"x"}}`
	list := func(n int, item func(i int) string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = item(i)
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	for _, row := range []struct {
		name string
		n    int // 8 times as many are still within the limits
		text func(n int) string
	}{
		{"deep", 1_100, func(n int) string {
			deep := list(n, func(int) string { return note })
			for range 15 {
				deep = `[{"effect":"effect/batch","args":{"effects":` + deep + `}}]`
			}
			return deep
		}},
		{"unknown names", 1_250, func(n int) string {
			return list(n, func(i int) string { return fmt.Sprintf(`{"effect":"test/nte%d"}`, i%10) })
		}},
		{"one long string", 18_000, func(n int) string {
			return `[{"effect":"test/note","args":{"text":"` + strings.Repeat(`\u0041`, n) + `"}}]`
		}},
		{"many keys", 12_000, func(n int) string {
			return `[{"effect":"test/form","args":{"any":{` + strings.TrimSuffix(strings.Repeat(`"a":{},`, n), ",") + `}}}]`
		}},
		{"many keys that differ", 8_000, func(n int) string {
			keys := list(n, func(i int) string { return fmt.Sprintf(`"k%d":1`, i) })
			return `[{"effect":"test/form","args":{"any":{` + strings.Trim(keys, "[]") + `}}}]`
		}},
	} {
		best := func(n int) time.Duration {
			text := []byte(row.text(n))
			least := time.Duration(math.MaxInt64)
			for range 3 {
				began := time.Now()
				_, _ = d.Decode(text)
				least = min(least, time.Since(began))
			}
			return least
		}
		small, big := best(row.n), best(8*row.n)
		t.Logf("%s: %v for %d, %v for 8 times as many", row.name, small, row.n, big)
		if big > 8*5*small { // 64 times if it grew with the square
			t.Errorf("%s: 8 times as long took %v times as long", row.name, big/small)
		}
	}
}
