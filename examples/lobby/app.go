package main

import (
	"context"
	"log/slog"
	"net/http"
	"sync"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

// App is the Ctx of the lobby's dispatches.
type App struct{ twk.Session }

// server is the lobby.
type server struct {
	signer signer
	page   page
	d      *dispatch.Dispatcher[App]
	bridge *twk.Bridge[App]
	here   *sfere.Presence

	console *console.Console // what the inspector shows
	inspect http.Handler

	// mu guards the maps. It is also held while announcements are put into
	// outboxes, which never waits, so that everybody gets them in one order.
	mu      sync.Mutex
	owner   map[string]string // name -> token
	members map[string]bool   // announced
}

func newServer(secret string, p page) (s *server, err error) {
	s = &server{signer: signer(secret), page: p, owner: map[string]string{}, members: map[string]bool{}}
	conns, rec := sfere.New(nil), record.New(100)
	session := func(a *App) *twk.Session { return &a.Session }
	if s.d, err = dispatch.New(
		registry.New("record", record.Interceptor[App](rec)),
		registry.Lift(twk.Registry(nil), session),
		registry.Lift(sfere.Registry(conns), session),
		s.registry(),
	); err != nil {
		return nil, err
	}
	s.bridge = twk.NewBridge(s.d, func(session twk.Session) App { return App{session} }, nil)
	s.console = console.New(s.d, conns, &console.Options[App]{Recorder: rec})
	s.inspect = inspect.New(s.console, &inspect.Options{Hub: s.bridge.Hub(), Script: p.Script, Title: "lobby"})
	s.here, err = conns.Watch(lobby, &sfere.PresenceOptions{Grace: grace, Joined: s.joined, Left: s.left})
	return s, err
}

func (s *server) registry() registry.Registry[App] {
	return registry.New("lobby", effect.Handle("Send the list of participants to a newcomer.", s.show).
		About(effect.About{World: effect.Local, Examples: effect.List{ShowParticipants{"Ann"}}}))
}

// say runs effects outside any request.
func (s *server) say(effects ...effect.Data) {
	if err := s.d.Dispatch(context.Background(), App{}, effects...).Err(); err != nil {
		slog.Error("announcing", "error", err)
	}
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", s.bridge.Handle(s.index))
	mux.Handle("POST /join", s.bridge.Handle(s.join))
	mux.Handle("GET /sse", s.member(http.StatusNoContent, s.sse)) // 204 tells the client to stay away
	mux.Handle("POST /message", s.member(http.StatusForbidden, s.message))
	mux.Handle("POST /leave", s.member(http.StatusForbidden, s.leave))
	mux.Handle("/inspect/", s.inspect)
	mux.Handle("GET /style.css", http.FileServerFS(files))
	if s.page.Handler != nil {
		mux.Handle("GET "+s.page.Script, s.page.Handler)
	}
	return http.NewCrossOriginProtection().Handler(mux)
}
