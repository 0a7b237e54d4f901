package growth

import "testing"

// recorder takes the failure in place of the test.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }

func TestLinear(t *testing.T) {
	sink := 0
	for _, row := range []struct {
		steps  func(n int) int
		fails  bool
		reason string
	}{
		{func(n int) int { return 1000 * n }, false, "linear work"},
		{func(n int) int { return 1000 }, false, "work that does not grow"},
		{func(n int) int { return n * n }, true, "quadratic work"},
	} {
		var r recorder
		Linear(&r, "", 500, func(n int) func() {
			return func() {
				for i := range row.steps(n) {
					sink += i * i % 7
				}
			}
		})
		if r.failed != row.fails {
			t.Errorf("%s: failed is %t, want %t", row.reason, r.failed, row.fails)
		}
	}
}
