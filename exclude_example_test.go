package sfere_test

import (
	"net/http"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// board tells its page the id of its stream. As a signal it comes back with every
// request of the page.
func board(*twk.Request) twk.Response {
	return sfere.Hold(sfere.ID("board", "1"), twk.Stream(twk.PatchSignals{
		Late: map[string]effect.Late[any]{"stream": effect.Later[any](sfere.OwnStream{})},
	}))
}

// move shows a moved card to every page but the one that moved it, which shows it
// already.
func move(r *twk.Request) twk.Response {
	var in struct{ Stream uint64 }
	if err := r.Signals(&in); err != nil {
		return twk.BadRequest(err)
	}
	return twk.Respond(sfere.Broadcast{
		To:      sfere.Exactly(sfere.ID("board", "1")),
		Exclude: sfere.Exclude{Streams: []uint64{in.Stream}},
		Effects: effect.List{twk.PatchElements{Elements: twk.HTML(`<p id="card">Done</p>`)}},
	})
}

// Everybody but this page, although both are held under one key.
func ExampleOwnStream() {
	bridge := twk.NewBridge(newDispatcher(sfere.New(nil)), func(s twk.Session) App { return App{s} }, nil)
	mux := http.NewServeMux()
	mux.Handle("GET /board", bridge.Handle(board))
	mux.Handle("GET /move", bridge.Handle(move))

	b := browse(mux)
	defer b.quit()
	left, right := b.open("left", "/board"), b.open("right", "/board")
	left.show(1)
	right.show(1)
	b.open("", `/move?datastar={"stream":1}`)
	right.show(1)
	b.open("", `/move?datastar={"stream":2}`)
	left.show(1)
	// Output:
	// left: signals {"stream":1}
	// right: signals {"stream":2}
	// right: elements <p id="card">Done</p>
	// left: elements <p id="card">Done</p>
}
