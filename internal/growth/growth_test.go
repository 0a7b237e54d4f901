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

// What a round takes that the others do not is not counted.
func TestAllocationsOfTheQuietestRound(t *testing.T) {
	var kept []byte
	uneven := func() func() {
		n := 0
		return func() {
			if n++; n%5 == 1 { // such as a pool that has been emptied
				kept = make([]byte, 1<<20)
			}
			kept = make([]byte, 1000)
		}
	}
	if got := Bytes(uneven()); got < 1000 || got >= 1<<20 {
		t.Errorf("%d bytes", got)
	}
	if got := Allocs(uneven()); got != 1 {
		t.Errorf("%v allocations", got)
	}
	_ = kept
}
