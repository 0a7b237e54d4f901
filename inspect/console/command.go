package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sfere-go/sfere/internal/jsonread"
	"github.com/sfere-go/sfere/schema"
)

// Command is a list of effects that a person or a model wants to run. [ParseCommand]
// reads one from JSON.
type Command struct {
	// To is the pattern of the connections to run them against, in text form such
	// as "*/lobby/*". Empty runs them as they are, out of band.
	To string `json:"to,omitempty" jsonschema:"description=pattern of the connections to run the effects against such as */lobby/*; empty runs them out of band"`
	// Effects is the list in wire form.
	Effects json.RawMessage `json:"effects" jsonschema:"description=list of effects in wire form"`
	// Sender says who asks, for the audit and for what runs.
	Sender `json:"-"`
}

// ParseCommand reads a command from JSON: a list of effects, a single effect, or
// an object {"to": pattern, "effects": list}. Whether the effects are valid is for
// [Console.DryRun] and [Console.Send] to say. The cause of an error is a
// *[schema.Error].
func ParseCommand(text []byte) (Command, error) {
	text = bytes.TrimSpace(text)
	bad := func(err error) (Command, error) {
		p := schema.Problem{Keyword: "syntax", Message: err.Error()}
		if e, ok := errors.AsType[*jsonread.Error](err); ok {
			p.Pointer = e.Pointer
		}
		return Command{}, failed("read command", &schema.Error{Problems: []schema.Problem{p}})
	}
	if len(text) == 0 {
		return bad(errors.New("nothing to run: want a list of effects"))
	}
	if text[0] == '[' {
		return Command{Effects: json.RawMessage(text)}, nil
	}
	v, err := jsonread.Parse(text, jsonread.Limits{})
	if err != nil {
		return bad(err)
	}
	if !v.Get("effect").IsZero() {
		return Command{Effects: fmt.Appendf(nil, "[%s]", text)}, nil
	}
	var cmd Command
	if err := jsonread.Read(v, &cmd); err != nil {
		return bad(fmt.Errorf(`want a list of effects, one effect, or {"to": pattern, "effects": list}: %w`, err))
	}
	if len(cmd.Effects) == 0 {
		return bad(errors.New(`"effects" is missing`))
	}
	return cmd, nil
}
