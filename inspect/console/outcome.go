package console

import (
	"encoding/json"
	"fmt"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// Outcome is the result of a dispatch in a form for JSON. That of a dry run is a
// [Rehearsal].
type Outcome struct {
	// Dispatch and Parent are the numbers of Result.ID and Result.Parent.
	Dispatch uint64 `json:"dispatch"`
	Parent   uint64 `json:"parent,omitempty"`
	// Ran, Errors and Skipped are what became of the items, in the order in which
	// the Result has them; empty rather than nil.
	Ran     []Ran     `json:"ran"`
	Errors  []Failed  `json:"errors"`
	Skipped []Skipped `json:"skipped"`
}

// Ran is an effect that ran.
type Ran struct {
	Path string `json:"path"`
	Name string `json:"name"`
	// Item is the data in wire form, as executed. Here and in what follows, of an
	// Item or Value that is longer than 64 kB there is a text that says how long.
	Item json.RawMessage `json:"item,omitempty"`
	// Value is what the handler returned, as text if JSON cannot carry it.
	Value    json.RawMessage `json:"value,omitempty"`
	Answered bool            `json:"answered,omitempty"` // by an interceptor
}

// Failed is one error of a dispatch.
type Failed struct {
	Phase    effect.Phase    `json:"phase"`
	Path     string          `json:"path"`
	Name     string          `json:"name,omitempty"`
	Item     json.RawMessage `json:"item,omitempty"`
	By       string          `json:"by,omitempty"`
	Chain    []string        `json:"chain,omitempty"`
	Dispatch uint64          `json:"dispatch"`
	Parent   uint64          `json:"parent,omitempty"`
	Error    string          `json:"error"`
	// Outer names the items further out that failed of it as well, innermost first.
	Outer []string `json:"outer,omitempty"`
}

// Skipped is an item that did not run although nothing was wrong with it.
type Skipped struct {
	Path   string `json:"path"`
	Name   string `json:"name,omitempty"`
	By     string `json:"by,omitempty"`
	Reason string `json:"reason"`
}

// OutcomeOf returns res in a form for JSON; nil is an empty outcome. Data that has
// no form in JSON is left out.
func OutcomeOf(res *effect.Result) Outcome {
	out := Outcome{Ran: []Ran{}, Errors: failedOf(res), Skipped: skippedOf(res)}
	if res == nil {
		return out
	}
	out.Dispatch, out.Parent = res.ID, res.Parent
	for _, o := range res.Outcomes {
		out.Ran = append(out.Ran, Ran{
			Path: o.Path.String(), Name: nameOf(o.Item), Item: bounded(itemJSON(o.Item)), Value: gaveJSON(o.Value), Answered: o.Answered,
		})
	}
	return out
}

func failedOf(res *effect.Result) []Failed {
	out := []Failed{}
	if res != nil {
		for _, e := range res.Errors {
			f := Failed{
				Phase: e.Phase, Path: e.Path.String(), Name: e.Name, Item: bounded(itemJSON(e.Item)), By: e.By, Chain: e.Chain,
				Dispatch: e.Dispatch, Parent: e.Parent, Error: core.SafeText(e.Err),
			}
			for _, o := range e.Outer {
				f.Outer = append(f.Outer, fmt.Sprintf("%s at %s of dispatch %d", o.Name, o.Path, o.Dispatch))
			}
			out = append(out, f)
		}
	}
	return out
}

func skippedOf(res *effect.Result) []Skipped {
	out := []Skipped{}
	if res != nil {
		for _, s := range res.Skipped {
			out = append(out, Skipped{Path: s.Path.String(), Name: nameOf(s.Item), By: s.By, Reason: core.SafeText(s.Reason)})
		}
	}
	return out
}

// gaveJSON is what a handler returned, nil if that is nothing.
func gaveJSON(v any) json.RawMessage {
	if v == nil || v == (struct{}{}) {
		return nil
	}
	return bounded(valueJSON(v))
}
