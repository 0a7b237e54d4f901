// Package mcp lets language models look into a running program over the Model
// Context Protocol: find effects, understand them, check calls, rehearse them
// and, if the program allows it, run them.
//
//	server := mcp.NewServer(c, nil)                  // over any transport of the SDK
//	mux.Handle("/mcp", mcp.Handler(c, nil))          // streamable HTTP, this machine only
//	err := mcp.Stdio(ctx, c, nil)                    // standard input and output
//
// The tools are describe, grep, sample, validate, dry_run, connections and
// dispatches, and send where [Options].AllowSend is set. The JSON Schema of every item is a
// resource, sfere://schema/ and its name; sfere://registry is that of all lists.
// Every send is told to the audit of the console.
package mcp
