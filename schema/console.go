package schema

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
)

// ErrNotOffered is the cause when a program does not offer what a tool asks for.
var ErrNotOffered = errors.New("this program does not offer it")

// ConsoleOptions adjust a [Console]. Zero fields mean the defaults. Package
// schema/live fills in Connections and Address for package sfere.
type ConsoleOptions struct {
	// Connections lists the live connections that match a pattern in text form,
	// all of them if it is empty, as a value that marshals to a JSON array. It may
	// be called concurrently. Default: none are known.
	Connections func(pattern string) (any, error)
	// Address returns the effect that runs effects against the connections that
	// match a pattern in text form. It may be called concurrently. Default: a
	// [Command] cannot have a pattern.
	Address func(pattern string, effects effect.List) (effect.Data, error)
	// Audit is told of every Send, also of those that were refused, after it. It
	// may be called concurrently. Default: nobody is told.
	Audit func(ctx context.Context, a Audit)
	// Catalogue are the options of the catalogue.
	Catalogue *Options
}

// Command is a list of effects that a person or a model wants to run.
type Command struct {
	// To is the pattern of the connections to run them against, in text form such
	// as "*/lobby/*". Empty runs them as they are, out of band.
	To string `json:"to,omitempty" jsonschema:"description=pattern of the connections to run the effects against such as */lobby/*; empty runs them out of band"`
	// Effects is the list in wire form.
	Effects json.RawMessage `json:"effects" jsonschema:"description=list of effects in wire form"`
	// By says who asks, for the audit.
	By string `json:"-"`
}

// Audit is one use of [Console.Send].
type Audit struct {
	Command Command
	Result  *effect.Result // nil if it was refused
	Err     error          // why it was refused
}

// Console is what people and models may do with a running program: look at its
// [Catalogue] and its connections, rehearse effects and send them. Who may do
// what is for the caller to decide. A Console may be used from any goroutine.
type Console struct {
	*Catalogue
	opts     ConsoleOptions
	dispatch func(context.Context, effect.List) *effect.Result
	dryRun   func(context.Context, effect.List) *dispatch.Rehearsal
}

// NewConsole returns the console of a program that runs effects with d. newCtx
// makes the Ctx of each dispatch from outside any request; nil means the zero C.
// nil options mean the defaults.
func NewConsole[C any](d *dispatch.Dispatcher[C], newCtx func(context.Context) C, o *ConsoleOptions) *Console {
	if newCtx == nil {
		newCtx = func(context.Context) (c C) { return c }
	}
	c := &Console{
		dispatch: func(ctx context.Context, items effect.List) *effect.Result {
			return d.Dispatch(ctx, newCtx(ctx), items...)
		},
		dryRun: func(ctx context.Context, items effect.List) *dispatch.Rehearsal {
			return d.DryRun(ctx, newCtx(ctx), items...)
		},
	}
	if o != nil {
		c.opts = *o
	}
	c.Catalogue = OfWith(c.opts.Catalogue, d)
	return c
}

// Connections lists the live connections that match a pattern in text form; the
// empty pattern matches all. The value marshals to a JSON array. The error may
// wrap [ErrNotOffered].
func (c *Console) Connections(pattern string) (any, error) {
	if c.opts.Connections == nil {
		return nil, fmt.Errorf("schema: listing connections: %w", ErrNotOffered)
	}
	return c.opts.Connections(pattern)
}

// DryRun says what cmd would do and changes nothing. The error is an *[Error] if
// the effects do not fit their schemas.
func (c *Console) DryRun(ctx context.Context, cmd Command) (Outcome, error) {
	items, err := c.read(cmd)
	if err != nil {
		return Outcome{}, err
	}
	return rehearsed(c.dryRun(ctx, items)), nil
}

// Send runs cmd. The error is an *[Error] if the effects do not fit their
// schemas; then nothing has run. What went wrong while they ran is in the
// outcome.
func (c *Console) Send(ctx context.Context, cmd Command) (Outcome, error) {
	items, err := c.read(cmd)
	if err != nil {
		c.audit(ctx, Audit{Command: cmd, Err: err})
		return Outcome{}, err
	}
	res := c.dispatch(ctx, items)
	c.audit(ctx, Audit{Command: cmd, Result: res})
	return OutcomeOf(res), nil
}

// Refused tells the audit of a command that the caller turned down.
func (c *Console) Refused(ctx context.Context, cmd Command, why error) {
	c.audit(ctx, Audit{Command: cmd, Err: why})
}

func (c *Console) audit(ctx context.Context, a Audit) {
	if c.opts.Audit != nil {
		c.opts.Audit(ctx, a)
	}
}

// read checks and decodes the effects of cmd.
func (c *Console) read(cmd Command) (effect.List, error) {
	if err := c.Validate(cmd.Effects); err != nil {
		return nil, err
	}
	items, err := c.Decode(cmd.Effects)
	if err != nil || cmd.To == "" {
		return items, err
	}
	if c.opts.Address == nil {
		return nil, fmt.Errorf("schema: sending to %q: %w", cmd.To, ErrNotOffered)
	}
	addressed, err := c.opts.Address(cmd.To, items)
	if err != nil {
		return nil, &Error{[]Problem{{Pointer: "/to", Keyword: "pattern", Message: err.Error()}}}
	}
	return effect.List{addressed}, nil
}

// ParseCommand reads a command from JSON: a list of effects, a single effect, or
// an object {"to": pattern, "effects": list}.
func ParseCommand(text []byte) (Command, error) {
	text = bytes.TrimSpace(text)
	bad := func(err error) (Command, error) {
		return Command{}, &Error{[]Problem{{Keyword: "syntax", Message: err.Error()}}}
	}
	if len(text) == 0 {
		return bad(errors.New("nothing to run: want a list of effects"))
	}
	if text[0] == '[' {
		return Command{Effects: json.RawMessage(text)}, nil
	}
	var shape map[string]json.RawMessage
	if err := json.Unmarshal(text, &shape); err != nil {
		return bad(err)
	}
	if _, single := shape["effect"]; single {
		return Command{Effects: fmt.Appendf(nil, "[%s]", text)}, nil
	}
	var cmd Command
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&cmd); err != nil {
		return bad(fmt.Errorf(`want a list of effects, one effect, or {"to": pattern, "effects": list}: %w`, err))
	}
	if len(cmd.Effects) == 0 {
		return bad(errors.New(`"effects" is missing`))
	}
	return cmd, nil
}
