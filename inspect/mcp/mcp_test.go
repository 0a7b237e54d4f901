package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/inspect/mcp"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/schema"
)

// connect returns a session of the SDK's own client over memory.
func connect(t *testing.T, p *consoletest.Program, o *mcp.Options) *sdk.ClientSession {
	t.Helper()
	here, there := sdk.NewInMemoryTransports()
	server, err := mcp.NewServer(p.Console, o).Connect(t.Context(), there, nil)
	if err != nil {
		t.Fatal(err)
	}
	client, err := sdk.NewClient(&sdk.Implementation{Name: "tester", Version: "1"}, nil).Connect(t.Context(), here, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Wait()
	})
	return client
}

// use calls a tool and decodes its answer into out; it returns the text.
func use(t *testing.T, s *sdk.ClientSession, tool string, args, out any) (text string, isError bool) {
	t.Helper()
	res, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	if len(res.Content) > 0 {
		text = res.Content[0].(*sdk.TextContent).Text
	}
	if out != nil && !res.IsError {
		b, err := json.Marshal(res.StructuredContent)
		if err == nil {
			err = json.Unmarshal(b, out)
		}
		if err != nil {
			t.Fatalf("%s: %v in %s", tool, err, b)
		}
	}
	return text, res.IsError
}

// What an assistant does: it looks for an effect, understands it, takes a
// sample, checks, rehearses and sends, and a real stream gets it.
func TestSession(t *testing.T) {
	var audits []string
	p := consoletest.New(t, &console.Options[consoletest.App]{Audit: func(_ context.Context, a console.Audit) {
		audits = append(audits, fmt.Sprintf("%+v to %s: %v", a.Command.Sender, a.Command.To, a.Result.Err()))
	}})
	ann := p.Join(t, "ann")
	s := connect(t, p, &mcp.Options{Access: httpapi.Write, By: "root"})

	var found struct{ Matches []schema.Item }
	use(t, s, "grep", map[string]any{"text": "signals of the page"}, &found)
	i := slices.IndexFunc(found.Matches, func(i schema.Item) bool { return i.Name == "twk/patch-signals" })
	if i < 0 {
		t.Fatalf("grep finds %v", found)
	}
	name := found.Matches[i].Name

	var item schema.Item
	use(t, s, "describe", map[string]any{"name": name}, &item)
	if _, ok := item.Args.Properties.Get("signals"); !ok || item.Kind != schema.Effects {
		t.Fatalf("describe gives %+v", item)
	}

	var sampled struct{ Samples []json.RawMessage }
	use(t, s, "sample", map[string]any{"name": name}, &sampled)
	call := map[string]any{}
	if err := json.Unmarshal(sampled.Samples[0], &call); err != nil {
		t.Fatal(err)
	}
	call["args"].(map[string]any)["signals"] = map[string]any{"greeting": "hello"}

	var verdict struct {
		Valid    bool
		Problems []schema.Problem
	}
	use(t, s, "validate", map[string]any{"effects": []any{map[string]any{"effect": name, "args": map[string]any{"signal": 1}}}}, &verdict)
	if verdict.Valid || verdict.Problems[0].Pointer != "/0/args" {
		t.Errorf("a mistake is answered %+v", verdict)
	}
	command := map[string]any{"to": "*/lobby/*", "effects": []any{call}}
	use(t, s, "validate", map[string]any{"effects": []any{call}}, &verdict)
	if !verdict.Valid {
		t.Errorf("the call is answered %+v", verdict)
	}

	var conns struct{ Connections []json.RawMessage }
	use(t, s, "connections", map[string]any{"pattern": "*/lobby/*"}, &conns)
	if len(conns.Connections) != 1 {
		t.Errorf("connections %s", conns.Connections)
	}

	var dry console.Rehearsal
	use(t, s, "dry_run", command, &dry)
	if len(dry.Plan) == 0 || len(dry.Plan[0].Sends) != 1 || !strings.Contains(dry.Plan[0].Sends[0].Text, `signals {"greeting":"hello"}`) {
		t.Errorf("the dry run plans %+v", dry.Plan)
	}
	if e := ann.Pending(); len(e) != 0 {
		t.Errorf("the dry run sent %v", e)
	}

	var out console.Outcome
	use(t, s, "send", command, &out)
	if e := ann.Next(); e.Fields()["signals"] != `{"greeting":"hello"}` {
		t.Errorf("ann got %v", e)
	}
	if diff := cmp.Diff([]string{"{By:root Via:mcp Asked:send Note:tester} to */lobby/*: <nil>"}, audits); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

func TestToolErrors(t *testing.T) {
	p := consoletest.New(t, nil)
	s := connect(t, p, nil)
	for _, test := range []struct {
		reason, tool string
		args         any
		want         string
	}{
		{"an unknown name", "describe", map[string]any{"name": "test/mial"}, "did you mean test/mail"},
		{"a bad expression", "grep", map[string]any{"text": "(", "regexp": true}, "missing closing"},
		{"no sample", "sample", map[string]any{"name": "none"}, "nothing is registered"},
		{"a kind that does not exist", "describe", map[string]any{"kind": "thing"}, "use effect, action or placeholder"},
		{"fewer samples than none", "sample", map[string]any{"name": "test/mail", "n": -5}, "at least 1"},
		{"a page of too many connections", "connections", map[string]any{"n": 5000}, "at most 200"},
		{"a page that follows nothing", "connections", map[string]any{"after": "x"}, "not where a page ended"},
		{"too many failures", "failures", map[string]any{"n": 101}, "at most 100"},
		{"too many samples", "sample", map[string]any{"name": "test/mail", "n": 1000}, "at most 20"},
		{"effects that are not valid", "dry_run", map[string]any{"effects": []any{map[string]any{"effect": "test/mail"}}}, "missing property 'args'"},
		{"a bad pattern", "connections", map[string]any{"pattern": "lobby"}, "pattern"},
		{"a dispatch that is not kept", "dispatches", map[string]any{"number": 99}, "no dispatch with this number"},
		{"too many dispatches", "dispatches", map[string]any{"n": 1000}, "at most 100"},
		{"arguments that the tool does not have", "grep", map[string]any{"txt": "x"}, "txt"},
	} {
		text, isError := use(t, s, test.tool, test.args, nil)
		if !isError || !strings.Contains(text, test.want) {
			t.Errorf("%s: error %t %q, want %q", test.reason, isError, text, test.want)
		}
	}
}

// A model looks for what went wrong.
func TestDispatches(t *testing.T) {
	p := consoletest.New(t, nil)
	s := connect(t, p, nil)
	for range 25 {
		p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, consoletest.Mail{To: "ann"})
	}
	p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, effect.Raw{Effect: "test/gone"})
	var last struct{ Dispatches []console.Dispatch }
	for _, test := range []struct {
		reason string
		args   map[string]any
		want   int
	}{
		{"without a limit", map[string]any{}, 20},
		{"with one", map[string]any{"n": 2}, 2},
		{"more than there are", map[string]any{"n": 100}, 26},
	} {
		use(t, s, "dispatches", test.args, &last)
		if len(last.Dispatches) != test.want || last.Dispatches[0].State != record.Failed || len(last.Dispatches[0].Steps) != 0 {
			t.Errorf("%s: %d dispatches, want %d; the first is %+v", test.reason, len(last.Dispatches), test.want, last.Dispatches[0])
		}
	}
	var one console.Dispatch
	use(t, s, "dispatches", map[string]any{"number": last.Dispatches[0].Seq}, &one)
	if len(one.Steps) != 1 || !strings.Contains(one.Steps[0].Error, "test/gone") {
		t.Errorf("the one that failed is %+v", one)
	}
}

// A program without a recorder and without connections says so.
func TestNotOffered(t *testing.T) {
	p := consoletest.New(t, nil)
	p.Console = console.New(p.Dispatcher, nil, nil)
	s := connect(t, p, nil)
	for _, tool := range []string{"connections", "dispatches"} {
		if text, isError := use(t, s, tool, map[string]any{}, nil); !isError || !strings.Contains(text, "does not offer it") {
			t.Errorf("%s answers %t %q", tool, isError, text)
		}
	}
}

func toolNames(t *testing.T, s *sdk.ClientSession) []string {
	t.Helper()
	var names []string
	for tool, err := range s.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, tool.Name)
	}
	slices.Sort(names)
	return names
}

func readTools() []string {
	return []string{"connections", "describe", "dispatches", "dry_run", "export", "failures", "grep", "nodes", "removals", "replay", "sample", "stream_events", "validate", "views"}
}

func TestResources(t *testing.T) {
	p := consoletest.New(t, nil)
	s := connect(t, p, nil)
	for uri, want := range map[string]string{"sfere://registry": schema.RegistryID, "sfere://schema/test/mail": "whom to write to"} {
		res, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri})
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		if c := res.Contents[0]; !strings.Contains(c.Text, want) || c.MIMEType != "application/schema+json" {
			t.Errorf("%s is %s", uri, c.Text)
		}
	}
	if _, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "sfere://schema/none"}); err == nil {
		t.Error("a resource that does not exist can be read")
	}
}
