package mcp

import (
	"context"
	"fmt"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/record"
)

type (
	connectionsIn struct {
		Pattern string `json:"pattern,omitempty" jsonschema:"pattern such as */lobby/*; everyone if left out"`
		N       int    `json:"n,omitempty" jsonschema:"how many to list; 20 if left out, at most 200"`
		After   string `json:"after,omitempty" jsonschema:"what another answer gave as next, to list those that follow"`
		Count   bool   `json:"count,omitempty" jsonschema:"count them and list none"`
		Nodes   bool   `json:"nodes,omitempty" jsonschema:"those of all machines, if the program runs on several; next is for the same only"`
	}
	dispatchesIn struct {
		Number uint64 `json:"number,omitempty" jsonschema:"number (seq) of one dispatch, to see everything that it did"`
		N      int    `json:"n,omitempty" jsonschema:"how many; 20 if left out, at most 100"`
		Failed bool   `json:"failed,omitempty" jsonschema:"only those that failed"`
		Name   string `json:"name,omitempty" jsonschema:"only those in which an item ran whose name has this part"`
		Text   string `json:"text,omitempty" jsonschema:"only those with this text in a name, a pattern, the request, an error or the data, in any letter case"`
	}
	viewsIn struct {
		Text  string `json:"text,omitempty" jsonschema:"part of the name of a view; all views if left out"`
		N     int    `json:"n,omitempty" jsonschema:"how many to list; 20 if left out, at most 100"`
		After uint64 `json:"after,omitempty" jsonschema:"what another answer gave as next, to list those that follow"`
		Count bool   `json:"count,omitempty" jsonschema:"count them and list none"`
	}
	listIn struct {
		N int `json:"n,omitempty" jsonschema:"how many; 20 if left out, at most 100"`
	}
)

// How many a call gets, and the most that it may ask for.
const (
	defaultList = 20
	maxConns    = 200
	maxList     = 100
)

func (t *tools) connections(ctx context.Context, in connectionsIn) (answer, error) {
	n, err := howMany(in.N, defaultList, maxConns)
	if err != nil {
		return answer{}, err
	}
	if in.Count {
		n = -1
	}
	page, err := t.console.Connections(ctx, console.ConnQuery{Pattern: in.Pattern, After: in.After, Limit: n, Nodes: in.Nodes})
	return answer{page, aboutPage(page)}, err
}

func (t *tools) nodes(ctx context.Context, _ struct{}) (answer, error) {
	list, err := t.console.Nodes(ctx)
	return answer{map[string]any{"nodes": list}, aboutNodes(list)}, err
}

func (t *tools) views(_ context.Context, in viewsIn) (answer, error) {
	n, err := howMany(in.N, defaultList, maxList)
	if err != nil {
		return answer{}, err
	}
	if in.Count {
		n = -1
	}
	list, err := t.console.Views(console.ViewQuery{Text: in.Text, After: in.After, Limit: n})
	return answer{seen{list}, aboutViews(list)}, err
}

func (t *tools) dispatches(_ context.Context, in dispatchesIn) (answer, error) {
	if in.Number != 0 {
		d, err := t.console.Dispatched(in.Number)
		return answer{trees{d}, aboutTree(d)}, err
	}
	n, err := howMany(in.N, defaultList, maxList)
	if err != nil {
		return answer{}, err
	}
	var list []console.Dispatch
	if f := (record.Filter{Failed: in.Failed, Name: in.Name, Text: in.Text}); f == (record.Filter{}) {
		list, err = t.console.Dispatches(n)
	} else {
		list, err = t.console.Find(f, n)
	}
	var text summary
	text.add(plural(len(list), "dispatch", "dispatches"))
	for _, d := range list {
		text.add(aboutDispatch(d))
	}
	return answer{map[string]any{"dispatches": list}, text}, err
}

func (t *tools) failures(_ context.Context, in listIn) (answer, error) {
	n, err := howMany(in.N, defaultList, maxList)
	if err != nil {
		return answer{}, err
	}
	list, err := t.console.Failures(n)
	var text summary
	text.add(plural(len(list), "failure", "failures"))
	for _, f := range list {
		text.add(fmt.Sprintf("#%d %s%s %s: %s", f.Seq, f.Step.Name, times(f.Times), f.Step.Phase, f.Step.Error))
	}
	return answer{failed{list}, text}, err
}

func (t *tools) removals(_ context.Context, in listIn) (answer, error) {
	n, err := howMany(in.N, defaultList, maxList)
	if err != nil {
		return answer{}, err
	}
	list, err := t.console.Removals(n)
	return answer{map[string]any{"removals": list}, aboutRemovals(list)}, err
}
