// Package mcp lets language models look into a running program over the Model
// Context Protocol: find effects, understand them, check calls, rehearse them
// and, if the program allows it, run them.
//
//	mux.Handle("/mcp", mcp.Handler(c, nil))          // over HTTP, to who has the token of c
//	server := mcp.NewServer(c, nil)                  // over any transport of the SDK
//	err := mcp.Stdio(ctx, c, nil)                    // standard input and output
//
// A host that only starts processes reaches a program over HTTP with the command
// "sfere mcp".
//
// The tools are describe, grep, sample, validate, dry_run, connections, removals,
// dispatches and failures, and send for those who may. The prompts explore, author and wire
// say in which order they help. The JSON Schema of every item is a resource,
// sfere://schema/ and its name; sfere://registry is that of all lists.
//
// Each answer has its data as structured content, of at most 100 kB, and a summary
// of it as text, of at most 4 kB. The audit of the console is told of every send
// and of everything that was refused, with the name that the guard has found.
//
// Over HTTP there are no sessions: a request stands alone, so the program may end
// and begin again without its clients noticing.
package mcp
