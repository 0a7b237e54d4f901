package mcp

import (
	"context"
	"errors"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/schema"
)

// maxProblems bounds the problems that an answer lists.
const maxProblems = 100

func (t *tools) validate(ctx context.Context, in commandIn) (answer, error) {
	err := t.console.Validate(ctx, in.Effects)
	if invalid, ok := errors.AsType[*schema.Error](err); ok {
		list := invalid.Problems[:min(len(invalid.Problems), maxProblems)]
		return answer{map[string]any{"valid": false, "problems": list}, problems("not valid", list)}, nil
	}
	return answer{map[string]any{"valid": err == nil, "problems": []schema.Problem{}}, summary{text: "valid"}}, err
}

func (t *tools) command(ctx context.Context, req *sdk.CallToolRequest, in commandIn) console.Command {
	return console.Command{To: in.To, Effects: in.Effects, Sender: t.sender(ctx, req)}
}

func (t *tools) dryRun(ctx context.Context, req *sdk.CallToolRequest, in commandIn) (answer, error) {
	r, err := t.console.DryRun(ctx, t.command(ctx, req, in))
	return answer{rehearsal(r), aboutRehearsal(r)}, err
}

// sendTool is a tool without a check of its arguments in front, so that the audit
// hears of every call, whatever is in it.
func (t *tools) sendTool(ctx context.Context, req *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	a, err := t.send(ctx, req)
	return a.result(err), nil
}

func (t *tools) send(ctx context.Context, req *sdk.CallToolRequest) (answer, error) {
	cmd, err := console.ParseCommand(req.Params.Arguments)
	cmd.Sender = t.sender(ctx, req)
	if caller := t.who(ctx); caller.Access < httpapi.Write {
		why := httpapi.Forbidden(caller)
		t.console.Refused(ctx, cmd, why)
		return answer{}, errors.New("refused, nothing was sent: " + why.Error())
	}
	if err != nil {
		t.console.Refused(ctx, cmd, err)
		return answer{}, err
	}
	out, err := t.console.Send(ctx, cmd)
	return answer{outcome(out), aboutOutcome(out)}, err
}
