// Package inspect shows a running program to the people who write and run it:
// what is registered, who is connected, what the last dispatches did; and lets
// them try effects out.
//
//	rec := record.New(200)
//	d, err := dispatch.New(
//		registry.New("record", record.Interceptor[App](rec)), // first, so that it sees everything
//		...
//	)
//	...
//	insp := inspect.New(live.Console(d, nil, conns, nil), conns, &inspect.Options{
//		Recorder: rec,
//		Hub:      bridge.Hub(),
//		Guard:    httpapi.Local(httpapi.Write), // default: look, and send nothing
//	})
//	mux.Handle("/inspect/", insp)
//
// The pages are made with this framework: rendered by html/template, patched by
// Datastar, and kept up to date by one stream per page, about once a second and
// only where something has changed. A page asked for by a browser without
// Datastar is complete; it only does not move.
//
// Under api/ the inspector serves package schema/httpapi, which the sfere command
// talks to.
//
// # Who may look, who may send
//
// [Options].Guard decides for every request. By default only requests from this
// machine are answered, and nobody may send. What is shown includes what users
// typed: treat the right to look like the right to read the logs, and the right
// to send like the right to run code in every browser that is connected.
package inspect
