package mcp_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/twk"
)

// A model asks whether the program still does what it did.
func TestReplayTool(t *testing.T) {
	p := consoletest.New(t, nil)
	s := connect(t, p, nil)
	p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, consoletest.Mail{To: "a"}, twk.PatchSignals{Signals: map[string]any{"n": 1}})
	seq := p.Recorder.Summaries()[0].Seq
	var doc json.RawMessage
	text, isError := use(t, s, "export", map[string]any{"number": seq}, &doc)
	if isError || !strings.Contains(text, "2 effects") {
		t.Fatalf("export answers %t %s %s", isError, text, doc)
	}
	other := json.RawMessage(strings.ReplaceAll(string(doc), "test/mail", "test/letter"))
	big := consoletest.Mail{To: strings.Repeat("x", 60_000)} // which is cut
	p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, big, big, effect.Raw{Effect: "test/gone", Args: json.RawMessage(`"` + big.To[:30_000] + `"`)})
	large := p.Recorder.Summaries()[0].Seq
	for _, test := range []struct {
		reason string
		tool   string
		args   map[string]any
		same   bool
		want   string // of the text
		fails  bool
	}{
		{"by number", "replay", map[string]any{"number": seq}, true, "the same as it was", false},
		{"as a document", "replay", map[string]any{"recording": doc}, true, "a dry run cannot tell what would come of 0", false},
		{"of another program", "replay", map[string]any{"recording": other}, false, "0 test/letter: unknown: was done", false},
		{"that is large", "replay", map[string]any{"number": large}, true, "the same", false},
		{"a document that is too large", "export", map[string]any{"number": large}, false, "replay takes its number as well", true},
		{"of nothing", "replay", map[string]any{}, false, "one of them", true},
		{"of both", "replay", map[string]any{"number": seq, "recording": doc}, false, "one of them", true},
		{"that is not kept", "replay", map[string]any{"number": 99}, false, "no dispatch with this number", true},
		{"a document that is none", "replay", map[string]any{"recording": map[string]any{}}, false, "is missing", true},
		{"a number that is none", "export", map[string]any{}, false, "number", true},
	} {
		var r console.Replay
		text, isError := use(t, s, test.tool, test.args, &r)
		if isError != test.fails || !strings.Contains(text, test.want) || !isError && r.Same != test.same {
			t.Errorf("%s %s: error %t, same %t, %s; want %q", test.tool, test.reason, isError, r.Same, text, test.want)
		}
	}
	if n := p.Mails.Load(); n != 3 {
		t.Errorf("%d mails were sent, want those of the recordings", n)
	}
}
