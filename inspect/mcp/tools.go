package mcp

import (
	"context"
	"encoding/json"
	"fmt"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/schema"
)

// tools are the tools of one server.
type tools struct {
	console *console.Console
	who     func(context.Context) httpapi.Caller // who sends the request of a context
}

// brief is an item in a list: models pay for every word.
type brief struct {
	Name  string       `json:"name"`
	Kind  schema.Kind  `json:"kind"`
	Doc   string       `json:"doc"`
	Reach string       `json:"reach,omitempty"`
	Hits  []schema.Hit `json:"hits,omitempty"`
}

func shortly(i schema.Item, hits []schema.Hit) brief {
	return brief{i.Name, i.Kind, i.Doc, i.Reach, hits}
}

type (
	describeIn struct {
		Kind string `json:"kind,omitempty" jsonschema:"effect, action or placeholder; all kinds if left out"`
		Name string `json:"name,omitempty" jsonschema:"name of one item, to see all of it with schema and examples"`
	}
	grepIn struct {
		Text   string `json:"text" jsonschema:"what to look for, in any letter case"`
		Regexp bool   `json:"regexp,omitempty" jsonschema:"take text as a regular expression as it is written"`
	}
	sampleIn struct {
		Name string `json:"name" jsonschema:"name of the item"`
		N    int    `json:"n,omitempty" jsonschema:"how many; 1 if left out, at most 20"`
		Seed uint64 `json:"seed,omitempty" jsonschema:"the same seed gives the same samples"`
	}
	commandIn struct {
		To      string          `json:"to,omitempty"`
		Effects json.RawMessage `json:"effects"`
	}
)

func (t *tools) add(s *sdk.Server) {
	looks := func(name, doc string, schema any) *sdk.Tool {
		closed := false
		return &sdk.Tool{Name: name, Description: doc, InputSchema: schema, Annotations: &sdk.ToolAnnotations{ReadOnlyHint: true, OpenWorldHint: &closed}}
	}
	sdk.AddTool(s, looks("describe", "List the effects, actions and placeholders of the program, or show one with its schema, examples and metadata.", nil), tool(t.describe))
	sdk.AddTool(s, looks("grep", "Search names, docs, field descriptions and metadata; tells which field matched and where.", nil), tool(t.grep))
	sdk.AddTool(s, looks("sample", "Make calls of an item that are valid; its documented examples come first.", nil), tool(t.sample))
	sdk.AddTool(s, looks("connections", "Count live connections, and list some with their keys, age and queue.", nil), tool(t.connections))
	sdk.AddTool(s, looks("nodes", "List the machines that the program runs on: which answer, which are silent or down, their connections and the counters of their relay.", nil), tool(t.nodes))
	sdk.AddTool(s, looks("views", "Count the values of views that streams are shown, and list some with their viewers, render times and errors.", nil), tool(t.views))
	sdk.AddTool(s, looks("stream_events", "Tell what the streams under a key were sent lately, live ones and those that have ended: when, how large, what became of it, and why a stream ended.", nil), toolFor(t.streamEvents))
	sdk.AddTool(s, looks("removals", "List who left last, and why.", nil), tool(t.removals))
	sdk.AddTool(s, looks("dispatches", "List the last dispatches of the program, newest first, or show one with what ran, with which data, what it gave and what failed.", nil), tool(t.dispatches))
	sdk.AddTool(s, looks("failures", "List what failed lately in the program, newest first; what failed in the same way is one entry.", nil), tool(t.failures))
	sdk.AddTool(s, looks("export", "Show one dispatch as a document that replay takes, here or in a newer build: the effects as they were dispatched, and what came of them.", nil), tool(t.export))
	sdk.AddTool(s, looks("replay", "Run a recorded dispatch again as a dry run against the program of now, and list what would be different. Nothing happens.", replaySchema()), toolFor(t.replay))
	sdk.AddTool(s, looks("validate", "Check a list of effects against the schemas; problems have JSON pointers.", listSchema(false)), tool(t.validate))
	sdk.AddTool(s, looks("dry_run", "Say exactly what a list of effects would do, byte for byte and to whom. Nothing happens.", listSchema(true)), toolFor(t.dryRun))
	s.AddTool(&sdk.Tool{
		Name: "send", InputSchema: listSchema(true),
		Description: "Run a list of effects in the program. This changes what people see; do a dry_run first.",
	}, t.sendTool)
}

// listSchema is the input schema of tools that take effects. What exactly fits
// is for the tool to say, with better messages than a client has.
func listSchema(to bool) any {
	properties := map[string]any{"effects": map[string]any{
		"type":        "array",
		"description": `effects in order, each {"effect": name, "args": {...}}`,
		"items":       map[string]any{"type": "object"},
	}}
	if to {
		properties["to"] = map[string]any{"type": "string", "description": "pattern of the connections to run the effects against such as */lobby/*; out of band if left out"}
	}
	return map[string]any{"type": "object", "properties": properties, "required": []string{"effects"}, "additionalProperties": false}
}

// tool makes a handler of a function that needs nothing but its input.
func tool[In any](f func(context.Context, In) (answer, error)) sdk.ToolHandlerFor[In, any] {
	return toolFor(func(ctx context.Context, _ *sdk.CallToolRequest, in In) (answer, error) { return f(ctx, in) })
}

// toolFor is tool for a function that wants to know who asks. Errors become
// results that say so, which the model can read and act on.
func toolFor[In any](f func(context.Context, *sdk.CallToolRequest, In) (answer, error)) sdk.ToolHandlerFor[In, any] {
	return func(ctx context.Context, req *sdk.CallToolRequest, in In) (*sdk.CallToolResult, any, error) {
		a, err := f(ctx, req, in)
		return a.result(err), nil, nil
	}
}

func (t *tools) describe(_ context.Context, in describeIn) (answer, error) {
	if in.Name != "" {
		item, err := t.console.Get(in.Name)
		return answer{item, aboutItem(item)}, err
	}
	var only []schema.Kind
	if in.Kind != "" {
		only = append(only, schema.Kind(in.Kind))
		if !known(only[0]) {
			return answer{}, fmt.Errorf("kind %q: use effect, action or placeholder, or leave it out for all", cut(in.Kind, 100))
		}
	}
	items := []brief{}
	for _, i := range t.console.Describe(only...) {
		items = append(items, shortly(i, nil))
	}
	return answer{map[string]any{"items": items}, listOf("item", "items", items)}, nil
}

func known(k schema.Kind) bool {
	switch k {
	case schema.Effects, schema.Actions, schema.Placeholders:
		return true
	}
	return false
}

func (t *tools) grep(ctx context.Context, in grepIn) (answer, error) {
	search := t.console.Grep
	if in.Regexp {
		search = t.console.GrepRegexp
	}
	found, err := search(ctx, in.Text)
	if err != nil {
		return answer{}, err
	}
	matches := []brief{}
	for _, m := range found {
		matches = append(matches, shortly(m.Item, m.Hits))
	}
	return answer{map[string]any{"matches": matches}, listOf("match", "matches", matches)}, nil
}

// maxSamples is the most that one call gets.
const maxSamples = 20

func (t *tools) sample(_ context.Context, in sampleIn) (answer, error) {
	n, err := howMany(in.N, 1, maxSamples)
	if err != nil {
		return answer{}, err
	}
	samples, err := t.console.Sample(in.Name, n, in.Seed)
	if err != nil {
		return answer{}, err
	}
	var text summary
	for _, s := range samples {
		text.add(compact(s))
	}
	return answer{map[string]any{"samples": samples}, text}, nil
}

// howMany returns n, or the default for 0.
func howMany(n, fallback, most int) (int, error) {
	switch {
	case n == 0:
		return fallback, nil
	case n < 0 || n > most:
		return 0, fmt.Errorf("n is %d: ask for at most %d, and for at least 1", n, most)
	}
	return n, nil
}
