package console_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/internal/growth"
)

// rehearse runs a dry run against everybody and returns it, the size of the answer
// and how many bytes are allocated for both.
func rehearse(t *testing.T, p *consoletest.Program, effects string) (r console.Rehearsal, size int, allocated int64) {
	t.Helper()
	allocated = growth.Bytes(func() {
		var err error
		if r, err = p.Console.DryRun(t.Context(), console.Command{To: "*/lobby/*", Effects: json.RawMessage(effects)}); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		size = len(text)
	})
	return r, size, allocated
}

// What a dry run keeps and answers does not grow with the streams, nor does it
// grow with the streams times the size of what they would get.
func TestDryRunIsBounded(t *testing.T) {
	n, size := 200, 20_000
	if !testing.Short() {
		n, size = 1000, 50_000
	}
	text := strings.Repeat("y", size)
	shared := fmt.Sprintf(`[{"effect":"twk/patch-elements","args":{"elements":"<p id=\"x\">%s</p>"}}]`, text)
	// Each recipient has a text of its own, half of which is the same for all.
	own := fmt.Sprintf(`[{"effect":"twk/patch-signals","args":{"signals":{"text":"%s"}}},{"effect":"twk/patch-signals","args":{"late":{"me":{"$placeholder":"sfere/own-key","args":{"part":"id"}}}}},
		{"effect":"test/mail","args":{"to":"a"}},{"effect":"sfere/hold","args":{"key":{"category":"vip","id":"x"}}}]`, text)
	for _, tt := range []struct {
		reason, effects string
		texts           int   // that are kept
		each            int64 // bytes that may be allocated for one stream
	}{
		{"the same for all", shared, 1, 200},
		{"a text for each", own, 16, 3 * int64(size)}, // made, recorded and forgotten
	} {
		t.Run(tt.reason, func(t *testing.T) {
			p := consoletest.New(t, nil)
			p.Crowd(t, n)
			_, small, first := rehearse(t, p, tt.effects)
			p.Crowd(t, 7*n)
			r, large, then := rehearse(t, p, tt.effects)
			t.Logf("a request of %d bytes: %d streams: answer %d, allocated %d; %d streams: %d, %d", len(tt.effects), n, small, first, 8*n, large, then)
			if large > small+small/10 {
				t.Errorf("the answer grows with the streams: %d bytes for %d, %d for %d", small, n, large, 8*n)
			}
			if limit := (tt.texts + 6) * len(tt.effects); large > limit {
				t.Errorf("the answer has %d bytes, want at most %d", large, limit)
			}
			if more := then - first; !growth.Race && more > 7*int64(n)*tt.each {
				t.Errorf("for %d more streams %d more bytes were allocated, want at most %d for each", 7*n, more, tt.each)
			}
			streams, kept := 0, 0
			for _, d := range r.Plan[0].Sends {
				streams += d.Streams
				if len(d.To) > 8 {
					t.Errorf("a sample of %d streams", len(d.To))
				}
				if d.Text != "" {
					kept++
				}
			}
			if kept != tt.texts || streams != 8*n {
				t.Errorf("%d texts for %d streams, want %d for %d", kept, streams, tt.texts, 8*n)
			}
			for _, plan := range r.Plan[1:] {
				if plan.Name == "test/mail" && plan.Times != 8*n || len(plan.Would)+len(plan.Sends) > 32 || plan.Name == "sfere/hold" && plan.More != 8*n-32 {
					t.Errorf("%s would run %d times and do %d things and %d more", plan.Name, plan.Times, len(plan.Would), plan.More)
				}
			}
		})
	}
}

// The texts of one dry run have a bound together, however many broadcasts there are.
func TestDryRunKeepsBoundedText(t *testing.T) {
	p := consoletest.New(t, nil)
	p.Join(t, "ann")
	one := fmt.Sprintf(`{"effect":"sfere/broadcast","args":{"to":{"scope":"*","category":"lobby","id":"*"},"effects":[{"effect":"twk/patch-elements","args":{"elements":"<p id=\"x\">%s</p>"}}]}}`, strings.Repeat(`a\n`, 500)) // a line is more bytes as an event
	list := "[" + strings.Repeat(one+",", 199) + one + "]"
	r, err := p.Console.DryRun(t.Context(), console.Command{Effects: json.RawMessage(list)})
	if err != nil {
		t.Fatal(err)
	}
	text, left, bytes := 0, 0, int64(0)
	for _, plan := range r.Plan {
		for _, d := range plan.Sends {
			text += len(d.Text)
			bytes += d.Bytes
			if d.Text == "" {
				left++
			}
		}
	}
	if text > 1<<20 || text < 1<<19 || left == 0 || bytes < 200*500*15 {
		t.Errorf("it keeps %d bytes of %d, and leaves out %d texts", text, bytes, left)
	}
}

// Who would get what is told by a sample of those who come first.
func TestDryRunSample(t *testing.T) {
	p := consoletest.New(t, nil)
	p.Crowd(t, 20)
	want := []string{"default/lobby/p0000000", "default/lobby/p0000001", "default/lobby/p0000002", "default/lobby/p0000003",
		"default/lobby/p0000004", "default/lobby/p0000005", "default/lobby/p0000006", "default/lobby/p0000007"}
	for _, tt := range []struct{ reason, effects, to string }{
		{"once for all", `[{"effect":"twk/console-log","args":{"message":"x"}}]`, "*/lobby/*"},
		{"for each", `[{"effect":"sfere/broadcast","args":{"each":true,"to":{"scope":"*","category":"lobby","id":"*"},"effects":[{"effect":"twk/console-log","args":{"message":"x"}}]}}]`, ""},
		{"closing", `[{"effect":"sfere/close","args":{"to":{"scope":"*","category":"lobby","id":"*"}}}]`, ""},
	} {
		r, err := p.Console.DryRun(t.Context(), console.Command{To: tt.to, Effects: json.RawMessage(tt.effects)})
		if err != nil || len(r.Plan[0].Sends) != 1 {
			t.Errorf("%s: %v, plan %+v", tt.reason, err, r.Plan)
			continue
		}
		d := r.Plan[0].Sends[0]
		var got []string
		for _, s := range d.To {
			got = append(got, s.Key)
		}
		if diff := cmp.Diff(want, got); diff != "" || d.Streams != 20 {
			t.Errorf("%s: %d streams (-want +got):\n%s", tt.reason, d.Streams, diff)
		}
	}
}

// A dry run says nothing that sounds as if it had happened.
func TestDryRunSaysNothingRan(t *testing.T) {
	p := consoletest.New(t, nil)
	p.Join(t, "ann")
	r, err := p.Console.DryRun(t.Context(), console.Command{Effects: json.RawMessage(
		`[{"effect":"test/mail","args":{"to":"a"}},{"effect":"sfere/broadcast","args":{"to":{"scope":"*","category":"lobby","id":"*"},"effects":[{"effect":"test/mail","args":{"to":"b"}}]}}]`)})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), `"ran"`) || !strings.Contains(string(text), `"wouldRun":[{"path":"0","name":"test/mail"}`) {
		t.Errorf("the answer is %s", text)
	}
}

// Connections come in pages of at most 1000, with counts.
func TestConnectionsInPages(t *testing.T) {
	p := consoletest.New(t, nil)
	p.Crowd(t, 250)
	for _, tt := range []struct {
		reason string
		limit  int
		want   []int // on each page
	}{
		{"the default", 0, []int{100, 100, 50}},
		{"a larger page", 240, []int{240, 10}},
		{"counts only", -1, []int{0}},
	} {
		var got []int
		q := console.ConnQuery{Pattern: "*/lobby/*", Limit: tt.limit}
		for {
			page, err := p.Console.Connections(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, len(page.Conns))
			if page.Matched != 250 || page.Categories["lobby"] != 250 || page.Scopes[sfere.DefaultScope] != 250 {
				t.Errorf("%s: counts %d, %v, %v", tt.reason, page.Matched, page.Categories, page.Scopes)
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
	if _, err := p.Console.Connections(t.Context(), console.ConnQuery{Limit: 1001}); err == nil || !strings.Contains(err.Error(), "at most 1000") {
		t.Errorf("1001 at once: %v", err)
	}
	if _, err := p.Console.Connections(t.Context(), console.ConnQuery{After: "x"}); err == nil || !strings.Contains(err.Error(), "Next") {
		t.Errorf("after what no page has said: %v", err)
	}
}
