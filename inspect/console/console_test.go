package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/schema"
)

// Every error says what was asked for, and has its cause inside.
func TestErrors(t *testing.T) {
	p := consoletest.New(t, nil)
	bare := console.New(p.Dispatcher, nil, nil) // no connections, no recorder
	ctx := t.Context()
	dry := func(c *console.Console, to, effects string) error {
		_, err := c.DryRun(ctx, console.Command{To: to, Effects: json.RawMessage(effects)})
		return err
	}
	send := func(c *console.Console, to, effects string) error {
		_, err := c.Send(ctx, console.Command{To: to, Effects: json.RawMessage(effects)})
		return err
	}
	list := func(c *console.Console, pattern string) error {
		_, err := c.Connections(t.Context(), console.ConnQuery{Pattern: pattern})
		return err
	}
	last := func(c *console.Console) error {
		_, err := c.Dispatches(0)
		return err
	}
	one := func(c *console.Console, seq uint64) error {
		_, err := c.Dispatched(seq)
		return err
	}
	parse := func(text string) error {
		_, err := console.ParseCommand([]byte(text))
		return err
	}
	for _, tt := range []struct {
		reason string
		err    error
		op     string
		cause  error  // nil: effects that do not fit
		text   string // of the cause, or the place of the first problem
	}{
		{"no connections are known", list(bare, ""), "list connections", console.ErrNotOffered, "does not offer"},
		{"nowhere to send to", send(bare, "*/lobby/*", `[]`), "send", console.ErrNotOffered, `to "*/lobby/*"`},
		{"nor to rehearse for", dry(bare, "*/lobby/*", `[]`), "dry run", console.ErrNotOffered, `to "*/lobby/*"`},
		{"nothing is recorded", last(bare), "list dispatches", console.ErrNotOffered, "does not offer"},
		{"nor can one be shown", one(bare, 1), "show dispatch 1", console.ErrNotOffered, "does not offer"},
		{"a number that nothing has", one(p.Console, 99), "show dispatch 99", console.ErrNotKept, "no dispatch"},
		{"a broken pattern", send(p.Console, "lobby", `[]`), "send", nil, "/to"},
		{"effects that do not fit", dry(p.Console, "", `[{"effect":"test/mail","args":{}}]`), "dry run", nil, "/0/args"},
		{"nothing to run", parse(" "), "read command", nil, ""},
		{"no JSON", parse("{"), "read command", nil, ""},
		{"an object of another kind", parse(`{"from":1}`), "read command", nil, ""},
	} {
		wrapped, ok := errors.AsType[*console.Error](tt.err)
		if !ok || wrapped.Op != tt.op || !strings.HasPrefix(tt.err.Error(), "console: "+tt.op+": ") {
			t.Errorf("%s: the error is %v, want one of %q", tt.reason, tt.err, tt.op)
			continue
		}
		if tt.cause != nil {
			if !errors.Is(tt.err, tt.cause) || !strings.Contains(tt.err.Error(), tt.text) {
				t.Errorf("%s: %v, want %v with %q", tt.reason, tt.err, tt.cause, tt.text)
			}
			continue
		}
		invalid, ok := errors.AsType[*schema.Error](tt.err)
		if !ok || len(invalid.Problems) == 0 || invalid.Problems[0].Pointer != tt.text {
			t.Errorf("%s: %v, want a problem at %q", tt.reason, tt.err, tt.text)
		}
	}
	if err := list(p.Console, "lobby"); err == nil || errors.Is(err, console.ErrNotOffered) || !strings.Contains(err.Error(), "pattern") {
		t.Errorf("connections of a broken pattern: %v", err)
	}
	if p.Mails.Load() != 0 {
		t.Error("something was sent")
	}
}

func TestParseCommand(t *testing.T) {
	for _, tt := range []struct {
		reason, text string
		want         console.Command
	}{
		{"a list", ` [{"effect":"a/b"}] `, console.Command{Effects: json.RawMessage(`[{"effect":"a/b"}]`)}},
		{"a single effect", `{"effect":"a/b"}`, console.Command{Effects: json.RawMessage(`[{"effect":"a/b"}]`)}},
		{"with a pattern", `{"to":"*/lobby/*","effects":[]}`, console.Command{To: "*/lobby/*", Effects: json.RawMessage(`[]`)}},
	} {
		got, err := console.ParseCommand([]byte(tt.text))
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", tt.reason, err, diff)
		}
	}
	for _, tt := range []struct{ reason, text, want string }{
		{"effects given twice", `{"effects":[],"effects":[{"effect":"a/b"}]}`, `the name "effects" is given twice`},
		{"in another case", `{"Effects":[]}`, `unknown field "Effects": did you mean effects?`},
		{"in both cases", `{"effects":[],"EFFECTS":[]}`, `unknown field "EFFECTS"`},
		{"a pattern of another type", `{"to":7,"effects":[]}`, "at /to: got number, want string"},
		{"half a text", `{"effects":[`, "unexpected end of JSON input"},
		{"no effects", `{}`, `"effects" is missing`},
	} {
		if _, err := console.ParseCommand([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.reason, err, tt.want)
		}
	}
}

// A program that holds its connections in another way says how.
func TestOwnConnections(t *testing.T) {
	p := consoletest.New(t, nil)
	c := console.New(p.Dispatcher, nil, &console.Options[consoletest.App]{
		Connections: func(_ context.Context, q console.ConnQuery) (sfere.Page, error) {
			return sfere.Page{Conns: []sfere.ConnInfo{{Keys: []sfere.Key{sfere.ID(q.Pattern, q.After)}}}, Matched: q.Limit}, nil
		},
		Address: func(pattern string, _ effect.List) (effect.Data, error) {
			return consoletest.Mail{To: pattern}, nil
		},
	})
	got, err := c.Connections(t.Context(), console.ConnQuery{Pattern: "mine", After: "x"})
	want := sfere.Page{Conns: []sfere.ConnInfo{{Keys: []sfere.Key{sfere.ID("mine", "x")}}}, Matched: 100}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("connections: %v (-want +got):\n%s", err, diff)
	}
	out, err := c.Send(t.Context(), console.Command{To: "mine", Effects: json.RawMessage(`[]`)})
	if err != nil || string(out.Ran[0].Item) != `{"effect":"test/mail","args":{"to":"mine"}}` {
		t.Errorf("sent %+v, %v", out, err)
	}
	if c.Conns() != nil || c.Recorder() != nil {
		t.Error("the console has connections or a recorder that nobody gave it")
	}
}

// What is sent by hand knows by whom, down to the recipients.
func TestSenderOf(t *testing.T) {
	var heard []string
	note := func(where string, ctx context.Context) {
		s, ok := console.SenderOf(ctx)
		heard = append(heard, fmt.Sprint(where, " ", s.By, " ", s.Via, " ", ok))
	}
	p := consoletest.New(t, &console.Options[consoletest.App]{NewCtx: func(ctx context.Context) (a consoletest.App) {
		note("ctx", ctx)
		return a
	}})
	p.Heard = func(ctx context.Context) { note("effect", ctx) }
	ann := p.Join(t, "ann")
	ask := console.Sender{By: "root", Via: "test"}
	mail := json.RawMessage(`[{"effect":"test/mail","args":{"to":"a"}}]`)
	for _, to := range []string{"", "*/lobby/*"} {
		if _, err := p.Console.Send(t.Context(), console.Command{To: to, Effects: mail, Sender: ask}); err != nil {
			t.Fatal(err)
		}
	}
	p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, consoletest.Mail{})
	want := []string{"ctx root test true", "effect root test true", "ctx root test true", "effect root test true", "effect   false"}
	if diff := cmp.Diff(want, heard); diff != "" {
		t.Errorf("who sends (-want +got):\n%s", diff)
	}
	if got := ann.Pending(); len(got) > 0 {
		t.Errorf("ann got %v", got)
	}
}

func TestAudit(t *testing.T) {
	var got []string
	p := consoletest.New(t, &console.Options[consoletest.App]{Audit: func(_ context.Context, a console.Audit) {
		line := a.Command.By + ": "
		if a.Result != nil {
			line += a.Result.Outcomes[0].Item.EffectName()
		} else {
			line += a.Err.Error()
		}
		got = append(got, line)
	}})
	mail := json.RawMessage(`[{"effect":"test/mail","args":{"to":"a"}}]`)
	if _, err := p.Console.Send(t.Context(), console.Command{Effects: mail, Sender: console.Sender{By: "ann"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Console.Send(t.Context(), console.Command{Effects: json.RawMessage(`[]x`), Sender: console.Sender{By: "bob"}}); err == nil {
		t.Error("what is no JSON was sent")
	}
	p.Console.Refused(t.Context(), console.Command{Sender: console.Sender{By: "eve"}}, errors.New("not you"))
	if _, err := p.Console.DryRun(t.Context(), console.Command{Effects: mail, Sender: console.Sender{By: "nobody"}}); err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i], _, _ = strings.Cut(got[i], ": schema")
	}
	want := []string{"ann: test/mail", "bob: console: send", "eve: not you"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("audit, a dry run left out (-want +got):\n%s", diff)
	}
}
