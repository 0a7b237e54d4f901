// Package twktest tests handlers and streams of package twk.
//
// A handler is a function from a request to data. A test calls it and compares:
//
//	func TestMove(t *testing.T) {
//		got := move(twktest.Request("POST", "/move", map[string]any{"card": 7}))
//		want := effect.List{Move{Card: 7}, twk.PatchElements{Elements: cardView(7)}}
//		if diff := cmp.Diff(want, got.Effects, twktest.Rendered()); diff != "" {
//			t.Error(diff)
//		}
//	}
//
// [Serve] holds a stream without a server, for instance in a bubble of
// testing/synctest, where hours of silence take no time:
//
//	synctest.Test(t, func(t *testing.T) {
//		s := twktest.Serve(t, bridge.Handle(live), twktest.HTTPRequest("GET", "/live", nil))
//		if got := s.Next().Fields()["elements"]; got != `<p id="hello">Hello</p>` {
//			t.Errorf("first event %s", got)
//		}
//		s.Close() // the client leaves; its handler has returned
//	})
//
// [Open] does the same against a real server. Both give a [Stream], which reads
// as the Datastar client reads, injected events included, and fails the test for
// every event that no correct program sends ([Event.Check]). It shares no code
// with the writers it checks.
//
// The rules of reading are those of the WHATWG specification (section 9.2.6)
// except where the client v1.0.2 differs, because what it does is what an
// attacker gets:
//
//   - a line without a colon is dropped; the specification makes it a field
//     with an empty value
//   - a byte order mark is dropped in front of every field name and value, not
//     only at the start of the stream
//   - an event without data is dispatched
//   - an event without a type has none, and the client ignores it
//   - an id holds for the event that carries it, and may contain NUL
package twktest
