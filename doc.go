// Package sfere keeps live connections under keys and sends to them: to one,
// to all in a room, or to everyone, from a handler, a job or a prompt.
//
// A program joins its effects to those of package twk:
//
//	conns := sfere.New(nil)
//	session := func(a *App) *twk.Session { return &a.Session }
//	d, err := dispatch.New(registry.Lift(twk.Registry(nil), session), registry.Lift(sfere.Registry(conns), session))
//
// A handler says under which key its stream is held, and who gets what:
//
//	func stream(r *twk.Request) twk.Response {
//		return sfere.Hold(sfere.ID("lobby", name(r)), twk.Stream())
//	}
//
//	func message(r *twk.Request) twk.Response {
//		return twk.Respond(sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{bubble(r)}})
//	}
//
// # Life of a stream
//
// It is opening while the effects of its Response.Open run, among them the one
// that holds it; live once its first effects have run; draining from the moment
// somebody closes it, in which what was sent before is still written; and closed
// when its handler has returned. It is registered at the end of opening, when
// nothing can refuse it any more, under all its keys in one step; it receives
// broadcasts from then on, and is removed at the beginning of
// draining, by identity: whoever has its key by then is not touched, and nothing
// that comes late registers it again.
//
// # Who else may have the key
//
// A key may have several streams, as a person may have several tabs. A [Policy]
// says what happens then. A [Store] says how long a connection stays and how
// many there are; [Presence] turns connections that come and go into people who
// join and leave. A [Claim] gives a key to one owner, also before there is a stream;
// a [Kick] closes streams and keeps their clients away.
package sfere
