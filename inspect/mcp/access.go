package mcp

import (
	"cmp"
	"context"
	"slices"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
)

// onlyWriters does not list send to those who may not use it. One who calls it
// nevertheless is told why not by the tool.
func (t *tools) onlyWriters(next sdk.MethodHandler) sdk.MethodHandler {
	return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
		res, err := next(ctx, method, req)
		if list, ok := res.(*sdk.ListToolsResult); ok && list != nil && t.who(ctx).Access < httpapi.Write {
			list.Tools = slices.DeleteFunc(slices.Clone(list.Tools), func(t *sdk.Tool) bool { return t.Name == "send" })
		}
		return res, err
	}
}

// sender is who calls a tool: whom the guard has found, never what the client
// calls itself.
func (t *tools) sender(ctx context.Context, req *sdk.CallToolRequest) console.Sender {
	s := console.Sender{By: t.who(ctx).By, Via: via, Asked: req.Params.Name}
	if p := req.Session.InitializeParams(); p != nil && p.ClientInfo != nil {
		s.Note = p.ClientInfo.Name
	}
	if req.Extra != nil { // without sessions the name is not known
		s.Note = cmp.Or(s.Note, req.Extra.Header.Get("User-Agent"))
	}
	s.Note = cut(s.Note, 200)
	return s
}
