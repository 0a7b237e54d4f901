// Package twk drives the Datastar client over Server-Sent Events: effects that
// patch a page, the streams they travel on, and the bridge that makes HTTP
// handlers of functions that return data.
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
// A [Response] is short ([Respond]: the effects, then the end) or long
// ([Stream]: it stays open for whatever is sent to its [Conn] later), or no
// stream at all ([Page], [Status], [Pass]).
//
// A [Conn] may be sent to and closed by anybody at any time: sending fills a
// bounded outbox and never waits, and nothing touches a response once its
// handler has returned. A [Hub] owns the streams, writes to them and keeps them
// alive. [ConfigureServer] and [Shutdown] prepare the http.Server.
//
// No text in any field of any effect can become another event. What the program
// still has to do is in docs/security.md; docs/twk.md is the guide.
package twk
