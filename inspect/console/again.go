package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/twk"
)

// Recorded is a recorded dispatch in a test, as "sfere test" writes it.
type Recorded struct {
	Effects string // the list in wire form
	Lines   []Line // what every item became
	// Partial tells that there were more lines than were kept: others are not
	// compared.
	Partial bool
	// Real runs the effects. Default: a dry run, which changes nothing.
	Real bool
}

// ErrNotRecorded is the cause when a dispatcher has no recorder, so that nothing can be
// said about what it does.
var ErrNotRecorded = errors.New("the dispatcher has no recorder: register record.Interceptor before everything else")

// Again runs the items of r with d and c and returns what they became, for a test that
// compares it with r.Lines. Both are equal if the program does what it did. What a dry
// run cannot tell, such as the value of an effect that it leaves out, is as in r.Lines.
// So is what is done for recipients if there are none, and what needs a stream if c has
// none; give it a [twk.Collector] to have that compared.
//
// d must have the interceptor of package inspect/record, whose own recorder is told of
// nothing. The cause of an error is [ErrNotRecorded], or that Effects is no list.
func Again[C any](ctx context.Context, d *dispatch.Dispatcher[C], c C, r Recorded) ([]Line, error) {
	const op = "run a recording again"
	var texts []json.RawMessage
	if err := json.Unmarshal([]byte(r.Effects), &texts); err != nil {
		return nil, failed(op, err)
	}
	items := again(d.Decode, texts)
	ctx, aside := record.Apart(ctx)
	s := settling{recorded: r.Lines, partial: r.Partial}
	if r.Real {
		s.aground = aground(d.Dispatch(ctx, c, items...))
	} else {
		dry := d.DryRun(ctx, c, items...)
		s.left, s.aground = leftOut(dry), aground(dry.Result)
	}
	last, ok := aside.Last()
	if !ok {
		return nil, failed(op, ErrNotRecorded)
	}
	s.now = linesOf(dispatchOf(last))
	return s.settle().lines, nil
}

// again returns items of a recording. One that cannot be decoded stays in wire form: it
// fails in its place when it is dispatched, and says why.
func again(decode func([]byte) (effect.List, error), texts []json.RawMessage) effect.List {
	out := make(effect.List, len(texts))
	for i, text := range texts {
		if text = bytes.TrimSpace(text); len(text) == 0 || string(text) == "null" {
			continue // nothing is kept of it
		}
		if list, err := decode(fmt.Appendf(nil, "[%s]", text)); err == nil && len(list) == 1 {
			out[i] = list[0]
			continue
		}
		var raw struct {
			Effect string          `json:"effect"`
			Args   json.RawMessage `json:"args"`
		}
		_ = json.Unmarshal(text, &raw) // without a name it is as unknown
		out[i] = effect.Raw{Effect: raw.Effect, Args: raw.Args}
	}
	return out
}

// aground returns the places that failed because the dispatch has no stream.
func aground(res *effect.Result) map[string]bool {
	out := map[string]bool{}
	for _, e := range res.Errors {
		if e.Dispatch == res.ID && errors.Is(e.Err, twk.ErrNoStream) {
			out[e.Path.String()] = true
		}
	}
	return out
}

// leftOut returns the names of effects that a dry run has left out.
func leftOut(r *dispatch.Rehearsal) map[string]bool {
	out := map[string]bool{}
	for _, p := range r.Plan {
		if !p.Rehearsed {
			out[nameOf(p.Item)] = true
		}
	}
	return out
}
