package inspect_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/effect"
)

// A recorded dispatch is replayed below its tree, in whatever row it is shown, and
// nothing happens.
func TestReplayButton(t *testing.T) {
	p := newProgram(t, nil)
	const bad = `<script>alert(1)</script>`
	p.dispatch(Sold{Item: "tea", Text: effect.Now("x")}, effect.Raw{Effect: bad})
	seq := strings.TrimPrefix(sale(p), "#d-")
	_, body := p.get("/inspect/dispatches/" + seq)
	for _, want := range []string{`@post(&#39;/inspect/replay/` + seq + `?at=` + seq + `&#39;`, `id="d-` + seq + `-replay"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page has no %s:\n%s", want, body)
		}
	}
	total := p.rec.Stats().Total
	for _, test := range []struct{ reason, path, want string }{
		{"it would do the same", seq, "it would do the same now"},
		{"in another row", seq + "?at=99", `id="d-99-replay"`},
		{"a row that is none", seq + "?at=%22%3E%3Cscript%3E", `id="d-` + seq + `-replay"`},
		{"one that is not kept", "98", "no dispatch with this number is kept"},
		{"a number that is none", "x", "no dispatch with this number is kept"},
	} {
		got := p.post("/inspect/replay/"+test.path, nil)
		if !strings.Contains(got, test.want) || strings.Contains(got, "<script>") {
			t.Errorf("%s: %s, want %s", test.reason, got, test.want)
		}
	}
	if n := p.rec.Stats().Total; n != total {
		t.Errorf("replays are in the log: %s", fmt.Sprint(n-total))
	}
}
