package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sfere-go/sfere/inspect/console"
)

type (
	exportIn struct {
		Number uint64 `json:"number" jsonschema:"number (seq) of the dispatch"`
	}
	replayIn struct {
		Number    uint64          `json:"number,omitempty"`
		Recording json.RawMessage `json:"recording,omitempty"`
	}
)

// replaySchema is the input schema of replay.
func replaySchema() any {
	return map[string]any{"type": "object", "additionalProperties": false, "properties": map[string]any{
		"number":    map[string]any{"type": "integer", "minimum": 1, "description": "number (seq) of a dispatch that this program has recorded"},
		"recording": map[string]any{"type": "object", "description": "what export has shown, in place of a number"},
	}}
}

// exported is a recording. It is given whole or not at all: what is left out of it could
// not be replayed.
type exported struct{ console.Recording }

func (t *tools) export(_ context.Context, in exportIn) (answer, error) {
	r, err := t.console.Export(in.Number)
	if err != nil {
		return answer{}, err
	}
	text, err := json.Marshal(r)
	if err == nil && len(text) > maxAnswer {
		err = fmt.Errorf("it has %d bytes, at most %d are given: replay takes its number as well, and the command sfere export writes it to a file", len(text), maxAnswer)
	}
	var sum summary
	sum.add(aboutDispatch(r.Dispatch))
	sum.add(plural(len(r.Effects), "effect", "effects"))
	for _, l := range r.Left {
		sum.add(fmt.Sprintf("effect %d: %s", l.Effect, l.Why))
	}
	return answer{exported{r}, sum}, err
}

func (t *tools) replay(ctx context.Context, req *sdk.CallToolRequest, in replayIn) (answer, error) {
	r, err := t.recording(in)
	if err != nil {
		return answer{}, err
	}
	out, err := t.console.Replay(ctx, r, t.sender(ctx, req))
	return answer{replayed(out), aboutReplay(out)}, err
}

func (t *tools) recording(in replayIn) (console.Recording, error) {
	switch {
	case (in.Number == 0) == (len(in.Recording) == 0):
		return console.Recording{}, errors.New("give a number or a recording, one of them")
	case in.Number != 0:
		return t.console.Export(in.Number)
	}
	return console.ParseRecording(in.Recording)
}

func aboutReplay(r console.Replay) summary {
	var text summary
	if r.Same {
		text.add("the same as it was")
	} else {
		text.add(plural(len(r.Differences), "difference", "differences"))
	}
	for _, d := range r.Differences {
		text.add(d.String())
	}
	for _, at := range r.Untold {
		text.add("a dry run cannot tell what would come of " + at)
	}
	for _, l := range r.Left {
		text.add(fmt.Sprintf("effect %d is not as it was: %s", l.Effect, l.Why))
	}
	return text
}

// replayed is a comparison.
type replayed console.Replay

func (r replayed) shrunk(limit int) any {
	r.Differences = most(r.Differences)
	for i := range r.Differences {
		d := &r.Differences[i]
		d.Recorded, d.Now = shrunkLine(d.Recorded, limit), shrunkLine(d.Now, limit)
	}
	r.Untold, r.Left = most(r.Untold), most(r.Left)
	r.Rehearsal = console.Rehearsal(rehearsal(r.Rehearsal).shrunk(limit).(rehearsal))
	return r
}

func shrunkLine(l *console.Line, limit int) *console.Line {
	if l == nil {
		return nil
	}
	out := *l
	out.Item, out.Value, out.Error = short(out.Item, limit), short(out.Value, limit), short(out.Error, max(limit, 100))
	return &out
}
