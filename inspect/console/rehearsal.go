package console

import (
	"encoding/json"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/twk"
)

// Rehearsal is what a dry run says, in a form for JSON. Nothing in it has
// happened. Its size is bounded by that of the command and of the program's own
// texts, and does not grow with the streams.
type Rehearsal struct {
	Dry      bool   `json:"dry"`      // always set
	Dispatch uint64 `json:"dispatch"` // the number of the dispatch that was rehearsed
	// WouldRun is what would run, in order: effects, those that expand from actions
	// and those that an interceptor would answer. Empty rather than nil, like what
	// follows.
	WouldRun []WouldRun `json:"wouldRun"`
	Errors   []Failed   `json:"errors"`  // what would fail, as far as a dry run can tell
	Skipped  []Skipped  `json:"skipped"` // what would not run although nothing is wrong with it
	// Plan says what those of them would do that are not pure, and those of their
	// continuations.
	Plan []Planned `json:"plan"`
}

// WouldRun is one line of a [Rehearsal].
type WouldRun struct {
	Path string `json:"path"`
	Name string `json:"name"`
	// Value is what the handler would return, as far as a dry run can tell.
	Value    json.RawMessage `json:"value,omitempty"`
	Answered bool            `json:"answered,omitempty"` // by an interceptor
}

// Planned is an effect that a dry run did not let touch the world.
type Planned struct {
	Dispatch uint64          `json:"dispatch"`
	Parent   uint64          `json:"parent,omitempty"`
	Path     string          `json:"path"`
	Name     string          `json:"name"`
	Item     json.RawMessage `json:"item,omitempty"` // what is longer than 64 kB is a text that says how long
	Reach    string          `json:"reach"`
	// Rehearsed tells whether the effect knows of dry runs and says what it would
	// do. Otherwise nothing is known but that it would run.
	Rehearsed bool `json:"rehearsed"`
	// Times is how often it would run: more than once if a broadcast runs it for
	// several recipients. What else is said is then of the first of them.
	Times int `json:"times"`
	// Value is what the handler would return, such as the report of a broadcast.
	Value json.RawMessage `json:"value,omitempty"`
	Sends []Delivery      `json:"sends,omitempty"` // which bytes would go to which streams, and which would be closed
	// Renders says which views would be rendered and how many streams show them.
	Renders *sfere.Refreshed  `json:"renders,omitempty"`
	Would   []json.RawMessage `json:"would,omitempty"` // whatever else it says it would do
	More    int               `json:"more,omitempty"`  // how many entries of Sends and Would are left out
}

// rehearsalOf returns r in a form for JSON.
func rehearsalOf(r *dispatch.Rehearsal) Rehearsal {
	res := r.Result
	out := Rehearsal{
		Dry: true, Dispatch: res.ID, WouldRun: []WouldRun{}, Errors: failedOf(res), Skipped: skippedOf(res), Plan: []Planned{},
	}
	for _, o := range res.Outcomes {
		out.WouldRun = append(out.WouldRun, WouldRun{Path: o.Path.String(), Name: nameOf(o.Item), Value: gaveJSON(o.Value), Answered: o.Answered})
	}
	for _, p := range r.Plan {
		plan := Planned{
			Dispatch: p.Dispatch, Parent: p.Parent, Path: p.Path.String(), Name: nameOf(p.Item), Item: bounded(itemJSON(p.Item)),
			Reach: p.Reach.String(), Rehearsed: p.Rehearsed, Times: p.Times, Value: gaveJSON(p.Value), More: p.More,
		}
		for _, w := range p.Would {
			switch w := w.(type) {
			case twk.Delivery:
				plan.Sends = append(plan.Sends, deliveryOf(w))
			case sfere.Refreshed:
				plan.Renders = &w
			default:
				plan.Would = append(plan.Would, bounded(valueJSON(w)))
			}
		}
		out.Plan = append(out.Plan, plan)
	}
	return out
}
