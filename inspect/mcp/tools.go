package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/schema"
)

// tools are the tools of one server.
type tools struct{ console *console.Console }

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
	connectionsIn struct {
		Pattern string `json:"pattern,omitempty" jsonschema:"pattern such as */lobby/*; all connections if left out"`
	}
	dispatchesIn struct {
		Number uint64 `json:"number,omitempty" jsonschema:"number of one dispatch, to see everything that it did"`
		N      int    `json:"n,omitempty" jsonschema:"how many; 20 if left out, at most 100"`
	}
	commandIn struct {
		To      string          `json:"to,omitempty"`
		Effects json.RawMessage `json:"effects"`
	}
)

func (t *tools) add(s *sdk.Server, send bool) {
	looks := func(name, doc string, schema any) *sdk.Tool {
		closed := false
		return &sdk.Tool{Name: name, Description: doc, InputSchema: schema, Annotations: &sdk.ToolAnnotations{ReadOnlyHint: true, OpenWorldHint: &closed}}
	}
	sdk.AddTool(s, looks("describe", "List the effects, actions and placeholders of the program, or show one with its schema, examples and metadata.", nil), tool(t.describe))
	sdk.AddTool(s, looks("grep", "Search names, docs, field descriptions and metadata; tells which field matched and where.", nil), tool(t.grep))
	sdk.AddTool(s, looks("sample", "Make calls of an item that are valid; its documented examples come first.", nil), tool(t.sample))
	sdk.AddTool(s, looks("connections", "List live connections with their keys, age and queue.", nil), tool(t.connections))
	sdk.AddTool(s, looks("dispatches", "List the last dispatches of the program, newest first, or show one with what ran, with which data, what it gave and what failed.", nil), tool(t.dispatches))
	sdk.AddTool(s, looks("validate", "Check a list of effects against the schemas; problems have JSON pointers.", t.listSchema(false)), tool(t.validate))
	sdk.AddTool(s, looks("dry_run", "Say exactly what a list of effects would do, byte for byte and to whom, without doing it.", t.listSchema(true)), toolFor(t.dryRun))
	if send {
		sdk.AddTool(s, &sdk.Tool{
			Name: "send", InputSchema: t.listSchema(true),
			Description: "Run a list of effects in the program. This changes what people see; do a dry_run first.",
		}, toolFor(t.send))
	}
}

// listSchema is the input schema of tools that take effects. What exactly fits
// is for the tool to say, with better messages than a client has.
func (t *tools) listSchema(to bool) any {
	var names []string
	for _, i := range t.console.Describe(schema.Effects, schema.Actions) {
		names = append(names, i.Name)
	}
	properties := map[string]any{"effects": map[string]any{
		"type":        "array",
		"description": `effects in order, each {"effect": name, "args": {...}}; known names: ` + fmt.Sprint(names),
		"items":       map[string]any{"type": "object"},
	}}
	if to {
		properties["to"] = map[string]any{"type": "string", "description": "pattern of the connections to run the effects against such as */lobby/*; out of band if left out"}
	}
	return map[string]any{"type": "object", "properties": properties, "required": []string{"effects"}, "additionalProperties": false}
}

// tool makes a handler of a function that needs nothing but its input.
func tool[In any](f func(context.Context, In) (any, error)) sdk.ToolHandlerFor[In, any] {
	return toolFor(func(ctx context.Context, _ string, in In) (any, error) { return f(ctx, in) })
}

// toolFor is tool for a function that wants to know who asks. Errors become
// results that say so, which the model can read and act on.
func toolFor[In any](f func(ctx context.Context, by string, in In) (any, error)) sdk.ToolHandlerFor[In, any] {
	return func(ctx context.Context, req *sdk.CallToolRequest, in In) (*sdk.CallToolResult, any, error) {
		by := "mcp"
		if p := req.Session.InitializeParams(); p != nil && p.ClientInfo != nil {
			by = "mcp " + p.ClientInfo.Name
		}
		out, err := f(ctx, by, in)
		if invalid, ok := errors.AsType[*schema.Error](err); ok {
			res := &sdk.CallToolResult{IsError: true}
			return res, map[string]any{"error": "the effects are not valid", "problems": invalid.Problems}, nil
		}
		return nil, out, err
	}
}

func (t *tools) describe(_ context.Context, in describeIn) (any, error) {
	if in.Name != "" {
		return t.console.Get(in.Name)
	}
	var kinds []schema.Kind
	if in.Kind != "" {
		kinds = append(kinds, schema.Kind(in.Kind))
	}
	items := []brief{}
	for _, i := range t.console.Describe(kinds...) {
		items = append(items, shortly(i, nil))
	}
	return map[string]any{"items": items}, nil
}

func (t *tools) grep(_ context.Context, in grepIn) (any, error) {
	var found []schema.Match
	if in.Regexp {
		re, err := regexp.Compile(in.Text)
		if err != nil {
			return nil, err
		}
		found = t.console.GrepRegexp(re)
	} else {
		found = t.console.Grep(in.Text)
	}
	matches := []brief{}
	for _, m := range found {
		matches = append(matches, shortly(m.Item, m.Hits))
	}
	return map[string]any{"matches": matches}, nil
}

// maxSamples is the most that one call gets.
const maxSamples = 20

func (t *tools) sample(_ context.Context, in sampleIn) (any, error) {
	if in.N == 0 {
		in.N = 1
	}
	if in.N > maxSamples {
		return nil, fmt.Errorf("n is %d: ask for at most %d", in.N, maxSamples)
	}
	samples, err := t.console.Sample(in.Name, in.N, in.Seed)
	if err != nil {
		return nil, err
	}
	return map[string]any{"samples": samples}, nil
}

func (t *tools) connections(_ context.Context, in connectionsIn) (any, error) {
	return t.console.Connections(console.ConnQuery{Pattern: in.Pattern})
}

// defaultDispatches and maxDispatches are how many one call gets.
const (
	defaultDispatches = 20
	maxDispatches     = 100
)

func (t *tools) dispatches(_ context.Context, in dispatchesIn) (any, error) {
	if in.Number != 0 {
		return t.console.Dispatched(in.Number)
	}
	if in.N == 0 {
		in.N = defaultDispatches
	}
	if in.N < 0 || in.N > maxDispatches {
		return nil, fmt.Errorf("n is %d: ask for at most %d", in.N, maxDispatches)
	}
	recent, err := t.console.Dispatches(in.N)
	if err != nil {
		return nil, err
	}
	return map[string]any{"dispatches": recent}, nil
}

func (t *tools) validate(_ context.Context, in commandIn) (any, error) {
	err := t.console.Validate(in.Effects)
	if invalid, ok := errors.AsType[*schema.Error](err); ok {
		return map[string]any{"valid": false, "problems": invalid.Problems}, nil
	}
	return map[string]any{"valid": err == nil, "problems": []schema.Problem{}}, err
}

func (t *tools) dryRun(ctx context.Context, by string, in commandIn) (any, error) {
	return t.console.DryRun(ctx, console.Command{To: in.To, Effects: in.Effects, Sender: console.Sender{By: by, Via: "mcp"}})
}

func (t *tools) send(ctx context.Context, by string, in commandIn) (any, error) {
	return t.console.Send(ctx, console.Command{To: in.To, Effects: in.Effects, Sender: console.Sender{By: by, Via: "mcp"}})
}
