package sfere

import (
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

// Registry returns the effects that work on c: hold, claim, release, broadcast,
// with-connection, close, kick, admit and touch, and the placeholders own-key and
// own-stream. A program lifts it to the same
// [twk.Session] as twk.Registry.
func Registry(c *Conns) registry.Registry[twk.Session] {
	ann := ID("lobby", "ann")
	hello := twk.PatchElements{Elements: twk.HTML(`<p id="status">Hello</p>`)}
	local := func(examples ...effect.Data) effect.About {
		return effect.About{Reach: effect.Local, Dry: true, Examples: examples}
	}
	return registry.New("sfere",
		effect.Handle("Hold the stream of the dispatch under a key until it ends.", c.hold).About(local(
			HoldStream{Key: ann},
			HoldStream{Key: ann.In("acme"), Policy: Replace},
			HoldStream{Key: ann, Owner: "session-17"},
		)),
		effect.Handle("Claim a key for an owner, as long as a stream of theirs lasts or for a time.", c.claimFor).About(local(
			Claim{Key: ann, Owner: "session-17"},
			Claim{Key: ID("seat", "12a"), Owner: "session-17", For: 5 * time.Minute},
		)),
		effect.Handle("Give up a claim.", c.release).About(local(
			Release{Key: ann, Owner: "session-17"},
		)),
		effect.Handle("Run effects against every live connection that matches a pattern.", c.broadcast).About(local(
			Broadcast{To: Category("lobby"), Effects: effect.List{hello}},
			Broadcast{To: Category("lobby").In("acme"), Exclude: Except(ann), Effects: effect.List{hello}},
			Broadcast{To: Category("lobby").AllScopes(), Exclude: Exclude{Streams: []uint64{17}}, Effects: effect.List{hello}},
			Broadcast{To: Everyone(), Exclude: ExceptMatching(Category("admin")), Effects: effect.List{
				twk.PatchSignals{Late: map[string]effect.Late[any]{"me": effect.Later[any](OwnKey{Part: "id"})}},
			}},
		)),
		effect.Handle("Run effects against the live connections under one key.", c.withConnection).About(local(
			Send(ann, hello),
			WithConnection{Key: effect.Later[Key](OwnKey{}), Effects: effect.List{hello}},
		)),
		effect.Handle("Close every live connection that matches a pattern.", c.closeMatching).About(local(
			Close{To: Exactly(ann.In(DefaultScope))},
			Close{To: Category("lobby"), Exclude: Except(ann), Cause: "closing-time"},
			Close{To: Exactly(ann.In(DefaultScope)), Streams: []uint64{17}},
		)),
		effect.Handle("Throw out every live connection that matches a pattern, say why, and keep its keys away for a time.", c.kick).About(local(
			Kick{To: Exactly(ann.In(DefaultScope)), Why: effect.List{twk.PatchElements{Elements: twk.HTML(`<p id="status">You were thrown out.</p>`)}}},
			Kick{To: Category("lobby"), Exclude: Except(ann), For: 10 * time.Minute},
		)),
		effect.Handle("Let in again whom a kick keeps away.", c.letIn).About(local(
			Admit{To: Exactly(ann.In(DefaultScope))},
		)),
		effect.Handle("Say that the client of a key is there so that its time is renewed.", c.touch).About(local(
			Touch{Key: ann},
		)),
		effect.Handle("Make the stream of the dispatch show views.", c.show).About(local()),
		effect.Handle("Make the stream of the dispatch show views no more.", c.hide).About(local()),
		effect.Handle("Render what some views show again.", c.refresh).About(local(
			Refresh{Topic: T("board", 7)},
			Refresh{To: Category("lobby")},
		)),
		effect.Handle("Ask whether streams may still be shown their views.", c.recheck).About(local(
			Recheck{To: Exactly(ann)},
		)),
		effect.Provide("The id of the stream of the dispatch.", c.resolveOwnStream).About(effect.About{
			Reach: effect.Pure, Examples: []effect.Data{OwnStream{}},
		}),
		effect.Provide("The key of the recipient in a broadcast or else of the stream of the dispatch.", c.resolveOwnKey).About(effect.About{
			Reach: effect.Pure, Examples: []effect.Data{OwnKey{}, OwnKey{Part: "id"}},
		}),
	)
}
