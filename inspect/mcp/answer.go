package mcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/schema"
)

// maxAnswer bounds the structured content of an answer in bytes.
const maxAnswer = 100_000

// answer is what a tool says: data, and a summary of it for hosts that show the
// model text only.
type answer struct {
	data any
	text summary
}

// shrinker is data that can do with less: at most limit bytes of each text or
// value in it, and none of what is longer. With limit 0 only the outline is left.
type shrinker interface{ shrunk(limit int) any }

// result returns the answer in bounds: what is too long is cut, and nothing is in it
// twice at full size. An err is an answer as well, one that the model can act on.
func (a answer) result(err error) *sdk.CallToolResult {
	if err != nil {
		return refusal(err)
	}
	tries := []any{a.data}
	if s, ok := a.data.(shrinker); ok {
		tries = []any{s.shrunk(16_000), s.shrunk(2000), s.shrunk(200), s.shrunk(0)}
	}
	var size int
	for _, data := range tries {
		text, err := json.Marshal(data)
		if err != nil {
			return refusal(err)
		}
		if size = len(text); size <= maxAnswer {
			return &sdk.CallToolResult{Content: a.text.content(), StructuredContent: json.RawMessage(text)}
		}
	}
	return refusal(fmt.Errorf("the answer has %d bytes, at most %d are given: ask for less, with a name, a kind, a pattern or n", size, maxAnswer))
}

// refusal is the result for an error.
func refusal(err error) *sdk.CallToolResult {
	var text summary
	res := &sdk.CallToolResult{IsError: true}
	if invalid, ok := errors.AsType[*schema.Error](err); ok {
		list := invalid.Problems[:min(len(invalid.Problems), maxProblems)]
		text = problems("the effects are not valid", list)
		res.StructuredContent = map[string]any{"error": "the effects are not valid", "problems": list}
	} else {
		text.add(err.Error())
	}
	res.Content = text.content()
	return res
}

// shortJSON returns text, or a note if it is longer than limit bytes; with limit 0
// nothing.
func shortJSON(text json.RawMessage, limit int) json.RawMessage {
	switch {
	case len(text) <= limit:
		return text
	case limit == 0:
		return nil
	}
	return fmt.Appendf(nil, `"(%d bytes, left out)"`, len(text))
}

// short returns text, or its beginning and a note.
func short(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return fmt.Sprintf("%s (%d bytes in all)", cut(text, limit), len(text))
}

// most returns the first hundred: what comes after is counted in the summary.
func most[T any](list []T) []T { return slices.Clone(list[:min(len(list), 100)]) }

// trees is a dispatch with everything that it did.
type trees struct{ console.Dispatch }

func (t trees) shrunk(limit int) any { return shrunkTree(t.Dispatch, limit) }

func shrunkTree(d console.Dispatch, limit int) console.Dispatch {
	d.Steps, d.Nested = slices.Clone(d.Steps), slices.Clone(d.Nested)
	for i := range d.Steps {
		d.Steps[i] = shrunkStep(d.Steps[i], limit)
	}
	for i := range d.Nested {
		d.Nested[i] = shrunkTree(d.Nested[i], limit)
	}
	return d
}

func shrunkStep(s console.Step, limit int) console.Step {
	s.Item, s.Value, s.Error = shortJSON(s.Item, limit), shortJSON(s.Value, limit), short(s.Error, max(limit, 100))
	s.Nested = slices.Clone(s.Nested)
	for i := range s.Nested {
		s.Nested[i] = shrunkTree(s.Nested[i], limit)
	}
	return s
}

// failed is a list of failures.
type failed struct {
	Failures []console.Failure `json:"failures"`
}

func (f failed) shrunk(limit int) any {
	out := failed{slices.Clone(f.Failures)}
	for i := range out.Failures {
		out.Failures[i].Step = shrunkStep(out.Failures[i].Step, limit)
	}
	return out
}

// seen are values of views.
type seen struct{ console.Views }

func (s seen) shrunk(limit int) any {
	s.Views.Views = shrunkViews(s.Views.Views, limit)
	return s
}

func shrunkViews(list []sfere.ViewInfo, limit int) []sfere.ViewInfo {
	list = slices.Clone(list)
	for i := range list {
		list[i].Value, list[i].Error = shortJSON(list[i].Value, limit), short(list[i].Error, max(limit, 100))
	}
	return list
}

// outcome is what became of a send.
type outcome console.Outcome

func (o outcome) shrunk(limit int) any {
	o.Ran, o.Skipped = most(o.Ran), most(o.Skipped)
	for i := range o.Ran {
		o.Ran[i].Item, o.Ran[i].Value = shortJSON(o.Ran[i].Item, limit), shortJSON(o.Ran[i].Value, limit)
	}
	o.Errors = shrunkErrors(o.Errors, limit)
	return o
}

func shrunkErrors(list []console.Failed, limit int) []console.Failed {
	list = most(list)
	for i := range list {
		list[i].Item, list[i].Error = shortJSON(list[i].Item, limit), short(list[i].Error, max(limit, 100))
	}
	return list
}

// rehearsal is what a dry run says.
type rehearsal console.Rehearsal

func (r rehearsal) shrunk(limit int) any {
	r.WouldRun, r.Skipped, r.Plan = most(r.WouldRun), most(r.Skipped), most(r.Plan)
	r.Errors = shrunkErrors(r.Errors, limit)
	for i := range r.WouldRun {
		r.WouldRun[i].Value = shortJSON(r.WouldRun[i].Value, limit)
	}
	for i := range r.Plan {
		p := &r.Plan[i]
		p.Item, p.Value = shortJSON(p.Item, limit), shortJSON(p.Value, limit)
		p.Sends, p.Would = slices.Clone(p.Sends), slices.Clone(p.Would)
		if limit == 0 {
			p.More += len(p.Sends) + len(p.Would)
			p.Sends, p.Would = nil, nil
		}
		if p.Renders != nil {
			renders := *p.Renders
			renders.Sample = shrunkViews(renders.Sample, limit)
			p.Renders = &renders
		}
		for j := range p.Sends {
			p.Sends[j].Text = short(p.Sends[j].Text, limit)
		}
		for j := range p.Would {
			p.Would[j] = shortJSON(p.Would[j], limit)
		}
	}
	return r
}
