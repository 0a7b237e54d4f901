package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

const (
	shownEvents = 20 // of a history when a page opens
	cookieAge   = 30 * 24 * time.Hour
	grace       = 3 * time.Second // without a stream until a person is not looking any more
)

// App is the Ctx of the program's dispatches.
type App struct {
	twk.Session
	Me Person // whose request it is, and in a broadcast, whose stream
}

// server is the program.
type server struct {
	*sfere.App[App]
	db      *Store
	client  twk.Client
	looking *sfere.Presence
}

func newServer(db *Store, client twk.Client, others nodes) (s *server, err error) {
	s = &server{db: db, client: client}
	newCtx := func(session twk.Session) App { return App{session, whoIs(session.Request.Context())} }
	s.App, err = sfere.BuildApp(newCtx, &sfere.AppOptions{
		Client: client, Bridge: &twk.BridgeOptions{MaxSignals: 16 << 10, OnError: s.failed},
		Window: time.Second, Grace: 4 * time.Second,
		Relay: others.bus, Conns: &sfere.Options{Node: others.node},
	}, s.registry())
	if err != nil {
		return nil, err
	}
	s.HandleHTTP("/", s.routes())
	s.looking, err = s.Conns().Watch(sfere.Everyone(), &sfere.PresenceOptions{Grace: grace, Joined: s.came, Left: s.came})
	return s, err
}

// routes are those of a router of its own: what it wants of a handler is an
// http.Handler, which the bridge makes.
func (s *server) routes() http.Handler {
	handle := s.Bridge().Handle
	r := chi.NewRouter()
	r.Use(middleware.Recoverer, s.identify)
	r.Method("GET", "/", handle(s.index))
	r.Method("POST", "/sign-in", handle(s.signIn))
	r.Method("POST", "/sign-out", handle(signedIn(s.signOut)))
	r.Method("GET", "/style.css", http.FileServerFS(files))
	r.Route("/boards/{board}", func(r chi.Router) {
		r.Method("GET", "/", handle(signedIn(s.board)))
		r.Method("GET", "/live", handle(signedIn(s.live)))
		r.Method("POST", "/move", handle(signedIn(s.move)))
		r.Method("POST", "/cards", handle(signedIn(s.add)))
		r.Method("POST", "/role", handle(signedIn(s.role)))
	})
	return r
}

// came is called when somebody has come or gone.
func (s *server) came(v sfere.Visitor) {
	board := strings.TrimPrefix(v.Key.Category, "board-")
	if err := s.Dispatch(context.Background(), sfere.Refresh{Topic: sfere.T("looking", board)}).Err(); err != nil {
		slog.Error("showing who is looking", "error", err)
	}
}

// room is the name of a board where streams and changes are told apart by it.
func room(board int64) string { return "board-" + strconv.FormatInt(board, 10) }

// failed shows a person that what they wanted has not happened, and why.
func (s *server) failed(_ context.Context, r *twk.Request, err error) effect.List {
	if no, ok := errors.AsType[refused](err); ok {
		return effect.List{problem(no.text)}
	}
	if errors.Is(err, sse.ErrClosed) { // somebody has left meanwhile
		return nil
	}
	slog.Error("a request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	return effect.List{problem("This did not work. Please try again.")}
}

// fault answers a request for a page that cannot be made.
func fault(err error) twk.Response {
	slog.Error("making a page", "error", err)
	return twk.Status(http.StatusInternalServerError)
}
