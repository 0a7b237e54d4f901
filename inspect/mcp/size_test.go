package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/mcp"
	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/twk"
)

// sizes returns the bytes of the text and of the data of an answer.
func sizes(t *testing.T, s *sdk.ClientSession, tool string, args map[string]any) (text, data int) {
	t.Helper()
	res, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range res.Content {
		text += len(c.(*sdk.TextContent).Text)
	}
	if res.IsError {
		t.Errorf("%s: %s", tool, res.Content[0].(*sdk.TextContent).Text)
	}
	b, err := json.Marshal(res.StructuredContent)
	if err != nil {
		t.Fatal(err)
	}
	return text, len(b)
}

// Answers do not grow with the connections, and do not say all twice.
func TestSizes(t *testing.T) {
	n, times := 20, 8 // a page is full with 20
	if testing.Short() {
		times = 3
	}
	p := consoletest.New(t, nil)
	s := connect(t, p, nil)
	patch := map[string]any{"effect": "twk/patch-signals", "args": map[string]any{"signals": map[string]any{"n": 1}}}
	calls := map[string]map[string]any{
		"connections": {},
		"dry_run":     {"to": "*/lobby/*", "effects": []any{patch}},
	}
	few := map[string]int{}
	for i := range times * n {
		p.Join(t, fmt.Sprintf("p%05d", i))
		if i != n-1 && i != times*n-1 {
			continue
		}
		for tool, args := range calls {
			text, data := sizes(t, s, tool, args)
			if text > 4500 {
				t.Errorf("%s at %d streams: a text of %d bytes", tool, i+1, text)
			}
			if i < n {
				few[tool] = text + data
			} else if all := text + data; all > few[tool]*3/2 {
				t.Errorf("%s: %d bytes for %d streams, %d for %d", tool, few[tool], n, all, times*n)
			}
		}
	}
}

// Whatever there is, an answer is bounded, or says what to ask for instead.
func TestAnswersAreBounded(t *testing.T) {
	big := strings.Repeat("<p>x</p>", 10_000)
	p := consoletest.New(t, &console.Options[consoletest.App]{Connections: func(_ context.Context, q console.ConnQuery) (sfere.Page, error) {
		page := sfere.Page{Matched: 1e6, All: 1e6, Next: "x"}
		for range q.Limit {
			page.Conns = append(page.Conns, sfere.ConnInfo{Keys: []sfere.Key{sfere.ID("lobby", strings.Repeat("k", 900))}})
		}
		return page, nil
	}})
	ann := p.Join(t, "ann")
	patch := twk.PatchElements{Elements: twk.HTML(big)}
	for i := range 30 {
		p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, effect.Raw{Effect: fmt.Sprint("test/", i), Args: json.RawMessage(`{"x":"` + big + `"}`)})
	}
	var many effect.List
	for range 60 {
		many = append(many, sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{patch}})
	}
	p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, many...)
	_ = ann
	s := connect(t, p, nil)
	var effects []any
	for range 3 {
		effects = append(effects, map[string]any{"effect": "twk/patch-elements", "args": map[string]any{"elements": big}})
	}
	for _, test := range []struct {
		tool string
		args map[string]any
	}{
		{"dispatches", map[string]any{"n": 100}},
		{"dispatches", map[string]any{"number": p.Recorder.Summaries()[0].Seq}},
		{"failures", map[string]any{"n": 100}},
		{"connections", map[string]any{"n": 50}},
		{"dry_run", map[string]any{"to": "*/lobby/*", "effects": effects}},
	} {
		if text, data := sizes(t, s, test.tool, test.args); text > 4500 || data > 100_000 || data < 100 {
			t.Errorf("%s %.60v: a text of %d and data of %d bytes", test.tool, test.args, text, data)
		}
	}
	text, isError := use(t, s, "connections", map[string]any{"n": 200}, nil)
	if !isError || !strings.Contains(text, "ask for less") {
		t.Errorf("too much is answered %t %.200q", isError, text)
	}
}

// A dry run never says that something has run.
func TestDryRunSaysWould(t *testing.T) {
	p := consoletest.New(t, nil)
	p.Join(t, "ann")
	s := connect(t, p, nil)
	res, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: "dry_run", Arguments: map[string]any{"to": "*/lobby/*", "effects": []any{
		map[string]any{"effect": "twk/patch-signals", "args": map[string]any{"signals": map[string]any{"n": 1}}},
		map[string]any{"effect": "test/mail", "args": map[string]any{"to": "a"}},
	}}})
	if err != nil || res.IsError {
		t.Fatalf("%v %+v", err, res)
	}
	b, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	for _, lie := range []string{`"ran"`, " ran "} {
		if strings.Contains(string(b), lie) {
			t.Errorf("it says %s: %s", lie, b)
		}
	}
	text := res.Content[0].(*sdk.TextContent).Text
	for _, want := range []string{
		"nothing has happened", "sfere/broadcast would run", `"matched":1`, "to 1 stream (default/lobby/ann #", `data: signals {"n":1}`,
		"test/mail is external and would run; what it does is not known",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the summary has no %q:\n%s", want, text)
		}
	}
	if p.Mails.Load() != 0 {
		t.Error("a mail was sent")
	}
}

func TestPrompts(t *testing.T) {
	p := consoletest.New(t, nil)
	s := connect(t, p, &mcp.Options{})
	var got []string
	for p, err := range s.Prompts(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.Name)
		res, err := s.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: p.Name, Arguments: map[string]string{p.Arguments[0].Name: "greet 100% of all"}})
		if err != nil {
			t.Error(err)
			continue
		}
		text := res.Messages[0].Content.(*sdk.TextContent).Text
		if !strings.Contains(text, "greet 100% of all") || strings.Contains(text, "%!") || len(text) > 2500 {
			t.Errorf("%s is %s", p.Name, text)
		}
	}
	if fmt.Sprint(got) != "[author explore wire]" {
		t.Errorf("prompts %v", got)
	}
	if _, err := s.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: "author"}); err == nil || !strings.Contains(err.Error(), "task is missing") {
		t.Errorf("without a task: %v", err)
	}
	if res, err := s.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: "explore"}); err != nil || !strings.Contains(res.Messages[0].Content.(*sdk.TextContent).Text, "what there is") {
		t.Errorf("without a question: %v", err)
	}
}
