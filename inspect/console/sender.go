package console

import "context"

// Sender is who gives a command, and how it came.
type Sender struct {
	By    string // who it is, as the guard of a tool has found it
	Via   string // the tool, such as "inspector", "api" or "mcp"
	Asked string // what for: method and path of the request, or the name of an MCP tool
	Note  string // what a client says about itself, such as its name; nobody has checked it
}

type senderKey struct{}

// ForRecipients keeps the sender known to what runs for the recipients of a
// broadcast.
func (senderKey) ForRecipients() {}

// SenderOf returns who has sent the effects that ctx is part of with
// [Console.Send], or rehearses them with [Console.DryRun]. Handlers, interceptors,
// placeholders and [Options].NewCtx may ask. ok is false for what the program
// runs by itself.
func SenderOf(ctx context.Context) (s Sender, ok bool) {
	s, ok = ctx.Value(senderKey{}).(Sender)
	return s, ok
}

// sentBy returns ctx for what s sends.
func sentBy(ctx context.Context, s Sender) context.Context {
	return context.WithValue(ctx, senderKey{}, s)
}
