// Package app is a program whose dispatches become tests.
package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

// App is the Ctx.
type App struct {
	twk.Session
	User  string `json:"user"`
	Token string `json:"token"`
}

type (
	// Note is pure.
	Note struct {
		Text effect.Late[string] `json:"text"`
		Big  any                 `json:"big,omitempty"`
	}
	// Mail is external, and knows nothing of dry runs.
	Mail struct {
		To string `json:"to"`
	}
	// Check is pure, and fails.
	Check struct {
		Text string `json:"text"`
	}
	// LogIn is pure, and has a secret.
	LogIn struct {
		Name     string `json:"name"`
		Password string `json:"password"`
	}
	// Welcome is an action.
	Welcome struct {
		Name string `json:"name"`
	}
	// Me is who it is.
	Me struct{}
)

func (Note) EffectName() string    { return "app/note" }
func (Mail) EffectName() string    { return "app/mail" }
func (Check) EffectName() string   { return "app/check" }
func (LogIn) EffectName() string   { return "app/log-in" }
func (Welcome) EffectName() string { return "app/welcome" }
func (Me) EffectName() string      { return "app/me" }

// Noted is what a Note gives.
type Noted struct {
	Text string    `json:"text"`
	Big  string    `json:"big"`
	At   time.Time `json:"at"`
	ID   string    `json:"id"`
}

// New returns the dispatcher.
func New(rec *record.Recorder, conns *sfere.Conns) *dispatch.Dispatcher[App] {
	session := func(a *App) *twk.Session { return &a.Session }
	return dispatch.Must(dispatch.New(
		registry.New("record", record.Interceptor[App](rec)),
		registry.Lift(twk.Registry(nil), session),
		registry.Lift(sfere.Registry(conns), session),
		registry.New("app",
			effect.Handle("Write a note.", func(_ context.Context, _ effect.Call[App], n Note) (string, error) {
				text, err := json.Marshal(Noted{"noted: " + n.Text.Value, fmt.Sprint(n.Big), time.Now(), rand.Text()})
				return string(text), err
			}).About(effect.About{Reach: effect.Pure}),
			effect.Handle("Send a mail.", func(_ context.Context, _ effect.Call[App], m Mail) (int, error) {
				if m.To == "" {
					return 0, errors.New("nobody to write to")
				}
				return len(m.To), nil
			}),
			effect.Handle("Check a text.", func(_ context.Context, _ effect.Call[App], c Check) (bool, error) {
				return false, fmt.Errorf("`%s\" is not good", c.Text)
			}).About(effect.About{Reach: effect.Pure}),
			effect.Handle("Log in.", func(_ context.Context, _ effect.Call[App], l LogIn) (string, error) {
				return "", fmt.Errorf("%s has another password than %s", l.Name, l.Password)
			}).About(effect.About{Reach: effect.Pure}),
			effect.Expand[App]("Greet somebody.", func(_ effect.NoState, w Welcome) (effect.List, error) {
				return effect.List{Note{Text: effect.Now("hello " + w.Name)}, Mail{To: w.Name + "@example.com"}}, nil
			}),
			effect.Provide("Who it is.", func(_ context.Context, call effect.Call[App], _ Me) (string, error) {
				return "user " + call.Ctx().User, nil
			}),
		),
	))
}
