package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/sfere-go/sfere"
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
	*sfere.App[App]
	signer    signer
	client    twk.Client
	here      *sfere.Presence
	talk      *talk
	console   *console.Console // what the inspector shows
	inspector *inspect.Inspector
}

func newServer(secret string, client twk.Client, others nodes) (s *server, err error) {
	s = &server{signer: signer(secret), client: client, talk: newTalk()}
	rec := record.New(100)
	o := &sfere.AppOptions{Client: client, Bridge: &twk.BridgeOptions{MaxSignals: maxSignals}, Window: time.Second, Grace: 4 * time.Second}
	node := others.options()
	node.Gap = s.missed
	o.Relay, o.Conns, s.talk.learned = others.bus, &sfere.Options{Node: node}, s.again
	s.App, err = sfere.BuildApp(func(session twk.Session) App { return App{session} }, o,
		registry.New("record", record.Interceptor[App](rec)), s.registry())
	if err != nil {
		return nil, err
	}
	s.routes()
	s.console = console.New(s.Dispatcher(), s.Conns(), &console.Options[App]{Recorder: rec})
	s.inspector = inspect.New(s.console, &inspect.Options{Hub: s.Hub(), Client: client, Title: "lobby"})
	s.HandleHTTP("/inspect/", s.inspector)
	s.here, err = s.Conns().Watch(lobby, &sfere.PresenceOptions{Grace: grace, Joined: s.joined, Left: s.left})
	return s, err
}

func (s *server) registry() registry.Registry[App] {
	local := func(example effect.Data) effect.About {
		return effect.About{Reach: effect.Local, Examples: effect.List{example}}
	}
	return registry.New("lobby",
		sfere.View[App]("The list of participants.", s.participants, nil),
		effect.Handle("Send what was said to a newcomer.", s.showTalk).About(local(ShowTalk{})),
		effect.Do("Say something to everybody.", s.sayIt).About(effect.About{Examples: effect.List{Say{"Ann", "Hello"}}}))
}

// say runs effects outside any request.
func (s *server) say(effects ...effect.Data) {
	if err := s.Dispatch(context.Background(), effects...).Err(); err != nil {
		slog.Error("announcing", "error", err)
	}
}

func (s *server) routes() {
	s.Handle("GET /{$}", s.index)
	s.Handle("POST /join", s.join)
	s.Handle("GET /sse", s.member(http.StatusNoContent, s.sse)) // 204 tells the client to stay away
	s.Handle("POST /message", s.member(http.StatusForbidden, s.message))
	s.Handle("POST /leave", s.member(http.StatusForbidden, s.leave))
	s.HandleHTTP("GET /style.css", http.FileServerFS(files))
}
