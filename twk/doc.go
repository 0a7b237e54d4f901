// Package twk drives the Datastar client over Server-Sent Events. It has effects
// that patch a page, and a bridge that makes an http.Handler of a function that
// returns data. The streams themselves are in package sse.
//
//	func greet(r *twk.Request) twk.Response {
//		var in struct{ Name string }
//		if err := r.Signals(&in); err != nil {
//			return twk.BadRequest(err)
//		}
//		return twk.Respond(
//			twk.PatchElements{Elements: twk.HTML(`<p id="greeting">Hello, ` + html.EscapeString(in.Name) + `!</p>`)},
//			twk.PatchSignals{Signals: map[string]any{"name": ""}},
//		)
//	}
//
//	d := dispatch.Must(dispatch.New(twk.Registry(nil)))
//	bridge := twk.NewBridge(d, func(s twk.Session) twk.Session { return s }, nil)
//	mux := http.NewServeMux()
//	mux.Handle("POST /greet", bridge.Handle(greet))
//
// sfere.NewApp wires the dispatcher, the bridge and a mux in one call.
//
// A [Response] is a short stream ([Respond]: the effects, then the end), a long
// one ([Stream]: it stays open for whatever is sent to its sse.Conn later), or no
// stream at all ([Page], [Status], [Pass]).
//
// Package twk/attr writes the attributes of a page, and package twk/twktest tests
// handlers and streams.
//
// No text in any field of any effect can become another event. docs/security.md
// says what is left to the program; docs/twk.md is the guide.
package twk
