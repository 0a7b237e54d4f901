// Package console is what people and models may do with a running program: look
// at its catalogue, its live connections and its last dispatches, rehearse
// effects, and send them.
//
//	c := console.New(d, conns, &console.Options[App]{
//		Recorder: rec, // see package inspect/record
//		Audit:    func(ctx context.Context, a console.Audit) { slog.WarnContext(ctx, "sent by hand", "by", a.Command.By) },
//	})
//
//	dry, err := c.DryRun(ctx, console.Command{To: "*/lobby/*", Effects: text}) // what would happen, byte for byte
//	out, err := c.Send(ctx, console.Command{To: "*/lobby/*", Effects: text})    // it happens
//	last, err := c.Dispatches(10)                                              // what happened, newest first
//	doc, err := c.Export(last[0].Seq)                                          // one of them, to keep
//	now, err := c.Replay(ctx, doc, console.Sender{By: "ann"})                  // what it would do today, and what differs
//
// It has no opinion on who may do what. The packages that serve a console do:
// inspect for people, inspect/httpapi for scripts and the sfere command, and
// inspect/mcp for language models. All of them show the same console.
//
// Everything a console returns marshals to JSON.
package console
