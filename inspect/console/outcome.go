package console

import (
	"encoding/json"
	"fmt"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// Outcome is the result of a dispatch, or of a dry run, in a form for JSON.
type Outcome struct {
	// Dispatch and Parent are the numbers of Result.ID and Result.Parent.
	Dispatch uint64 `json:"dispatch"`
	Parent   uint64 `json:"parent,omitempty"`
	// Ran, Errors and Skipped are what became of the items, in the order in which
	// the Result has them; empty rather than nil.
	Ran     []Ran     `json:"ran"`
	Errors  []Failed  `json:"errors"`
	Skipped []Skipped `json:"skipped"`
	// Plan is what a dry run would have done; nil for a real one.
	Plan []Planned `json:"plan,omitempty"`
}

// Ran is an effect that ran.
type Ran struct {
	Path string          `json:"path"`
	Name string          `json:"name"`
	Item json.RawMessage `json:"item,omitempty"` // in wire form, as executed
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

// Planned is an effect that a dry run did not let touch the world.
type Planned struct {
	Dispatch uint64          `json:"dispatch"`
	Parent   uint64          `json:"parent,omitempty"`
	Path     string          `json:"path"`
	Name     string          `json:"name"`
	Item     json.RawMessage `json:"item,omitempty"`
	Reach    string          `json:"reach"`
	// Ran tells whether it ran in a form for dry runs; otherwise it was left out.
	Ran bool `json:"ran"`
	// Would is what it says it would do, such as which bytes go to which stream.
	Would []json.RawMessage `json:"would,omitempty"`
}

// OutcomeOf returns res in a form for JSON; nil is an empty outcome. Data that has
// no form in JSON is left out.
func OutcomeOf(res *effect.Result) Outcome {
	out := Outcome{Ran: []Ran{}, Errors: []Failed{}, Skipped: []Skipped{}}
	if res == nil {
		return out
	}
	out.Dispatch, out.Parent = res.ID, res.Parent
	for _, o := range res.Outcomes {
		r := Ran{Path: o.Path.String(), Name: nameOf(o.Item), Item: itemJSON(o.Item), Answered: o.Answered}
		if o.Value != nil && o.Value != (struct{}{}) {
			r.Value = valueJSON(o.Value)
		}
		out.Ran = append(out.Ran, r)
	}
	for _, e := range res.Errors {
		f := Failed{
			Phase: e.Phase, Path: e.Path.String(), Name: e.Name, Item: itemJSON(e.Item), By: e.By, Chain: e.Chain,
			Dispatch: e.Dispatch, Parent: e.Parent, Error: core.SafeText(e.Err),
		}
		for _, o := range e.Outer {
			f.Outer = append(f.Outer, fmt.Sprintf("%s at %s of dispatch %d", o.Name, o.Path, o.Dispatch))
		}
		out.Errors = append(out.Errors, f)
	}
	for _, s := range res.Skipped {
		out.Skipped = append(out.Skipped, Skipped{Path: s.Path.String(), Name: nameOf(s.Item), By: s.By, Reason: core.SafeText(s.Reason)})
	}
	return out
}

func rehearsed(r *dispatch.Rehearsal) Outcome {
	out := OutcomeOf(r.Result)
	out.Plan = []Planned{}
	for _, p := range r.Plan {
		plan := Planned{
			Dispatch: p.Dispatch, Parent: p.Parent, Path: p.Path.String(), Name: nameOf(p.Item), Item: itemJSON(p.Item),
			Reach: p.Reach.String(), Ran: p.Ran,
		}
		for _, w := range p.Would {
			plan.Would = append(plan.Would, valueJSON(w))
		}
		out.Plan = append(out.Plan, plan)
	}
	return out
}
