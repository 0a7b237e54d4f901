// Package inspect shows a running program to the people who write and run it:
// what is registered, who is connected, what the last dispatches did; and lets
// them try effects out.
//
//	rec := record.New(200)
//	d, err := dispatch.New(
//		registry.New("record", record.Interceptor[App](rec)), // first: it sees what those after it do
//		...
//	)
//	...
//	tools := console.New(d, conns, &console.Options[App]{Recorder: rec})
//	insp := inspect.New(tools, &inspect.Options{
//		Hub:    bridge.Hub(),
//		Access: httpapi.Write, // default: look, and send nothing
//	})
//	mux.Handle("/inspect/", insp)
//	fmt.Println("inspector:", insp.URL("http://localhost:8080")) // with the token
//
// The pages are made with this framework: rendered by html/template, patched by
// Datastar, and kept up to date by one stream per page, about once a second and
// only where something has changed. A page asked for by a browser without
// Datastar is complete; it only does not move.
//
// The page is one way to look. The others show the same console: package
// inspect/httpapi, which the inspector serves under api/ and the sfere command
// talks to, and package inspect/mcp for language models.
//
// # Who may look, who may send
//
// [Options].Guard decides for every request. By default requests from this machine
// are answered that show the token of the console, and nobody may send. A browser
// gets a cookie for the token at the address of [Inspector.URL]. What is shown includes what users
// typed: treat the right to look like the right to read the logs, and the right
// to send like the right to run code in every browser that is connected.
package inspect
