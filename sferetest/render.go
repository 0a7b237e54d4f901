package sferetest

import (
	"testing"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

const (
	// renders is how often a view is rendered: a map of two elements comes in one order
	// in half of all cases.
	renders = 12
	// pass is the time that passes between two renders inside of testing/synctest. It
	// changes seconds, minutes and hours.
	pass = time.Hour + time.Minute + time.Second
)

// Render renders a view as [sfere.Render] does, several times, and fails t if two
// renders of the same state differ. Such a view is sent to all its viewers after every
// refresh, also if nothing has changed. Most often it ranges over a map, tells the
// time, or has a token in it. It returns the markup; the signals of a
// [sfere.ViewFrame] are not in it.
//
// Run the test in testing/synctest to find out about "3 minutes ago" as well: there
// an hour passes between two renders. Elsewhere Render does not wait.
//
//	func TestBoard(t *testing.T) {
//		app := newApp(t)
//		r := &twk.Request{Request: httptest.NewRequest("GET", "/", nil)}
//		html := sferetest.Render(t, app.Dispatcher(), app.Conns(), App{}, r, Board{ID: 7})
//		...
//	}
func Render[C any](t testing.TB, d *dispatch.Dispatcher[C], c *sfere.Conns, own C, r *twk.Request, v effect.Data) twk.HTML {
	t.Helper()
	var first twk.HTML
	for i := range renders {
		if i > 0 && inBubble() {
			time.Sleep(pass)
		}
		got, err := sfere.Render(d, c, own, r, v)
		if err != nil {
			t.Fatalf("rendering %T: %v", v, err)
		}
		switch {
		case i == 0:
			first = got
		case got != first:
			was, is := around(string(first), string(got))
			t.Errorf("two renders of %T in the same state differ: the order of a map, the time, or a token?\nfirst: %s\nlater: %s", v, was, is)
			return first
		}
	}
	return first
}

// inBubble reports whether the test runs in testing/synctest, whose clock begins with
// the year 2000.
func inBubble() bool { return time.Now().Year() < 2020 }

// around returns the parts of two texts around the first difference.
func around(a, b string) (string, string) {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	part := func(s string) string {
		from, to := max(0, at-40), min(len(s), at+80)
		out := s[from:to]
		if from > 0 {
			out = "…" + out
		}
		if to < len(s) {
			out += "…"
		}
		return out
	}
	return part(a), part(b)
}
