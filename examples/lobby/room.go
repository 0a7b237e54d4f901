package main

import (
	"context"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// lobby is everyone in the room; key is one person, with any number of tabs.
var lobby = sfere.Category("lobby").In(sfere.DefaultScope)

func key(name string) sfere.Key { return sfere.ID("lobby", name).In(sfere.DefaultScope) }

// grace is how long a person may be without a stream, as during a reload.
const grace = 5 * time.Second

// seat is the key under which a name is claimed, together with all names that look
// like it.
func seat(name string) sfere.Key { return sfere.ID("name", look(name)).In(sfere.DefaultScope) }

func (s *server) joined(v sfere.Visitor) { s.changed(v.Key.ID, "joined") }

func (s *server) left(v sfere.Visitor) { s.changed(v.Key.ID, "left") }

// changed tells everybody who has come or gone. The note is an event, which is told
// once; the list is a view, which is read again.
func (s *server) changed(name, did string) {
	tell := effect.List{note("", name, did)}
	if s.talk.node != nil { // each process hears of it and tells it, and the last one stays
		id := twk.ElementID("n", did+" "+name)
		tell = effect.List{twk.Remove(twk.ByID(id)), note(id, name, did)}
	}
	s.say(sfere.Tell(lobby, tell...), sfere.Refresh{Topic: here})
}

// here is the topic of who is here.
const here sfere.Topic = "here"

// Participants is the view of the list of those who are here.
type Participants struct{}

// EffectName returns "lobby/participants".
func (Participants) EffectName() string { return "lobby/participants" }

// Topics returns what the list is about.
func (Participants) Topics() []sfere.Topic { return []sfere.Topic{here} }

func (s *server) participants(context.Context, Participants) (twk.Content, error) {
	var names []string
	there, _ := s.here.List()
	for _, v := range there {
		names = append(names, v.Key.ID)
	}
	return sfere.ViewFrame{Content: view("participants", names), Selector: "#participant-list", Inner: true}, nil
}
