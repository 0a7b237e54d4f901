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

func (s *server) joined(v sfere.Visitor) {
	name := v.Key.ID
	s.say(sfere.Tell(lobby,
		twk.Remove(twk.ByID(itemID(name))), // a newcomer may have it from the list already
		add("#participant-list", "participants", []string{name}),
		note(name, "joined")))
}

func (s *server) left(v sfere.Visitor) {
	name := v.Key.ID
	s.say(sfere.Tell(lobby, twk.Remove(twk.ByID(itemID(name))), note(name, "left")))
}

// ShowParticipants sends the list of those who are here to a newcomer. What changes
// after it comes as an announcement.
type ShowParticipants struct{}

// EffectName returns "lobby/show-participants".
func (ShowParticipants) EffectName() string { return "lobby/show-participants" }

func (s *server) show(ctx context.Context, call effect.Call[App], _ ShowParticipants) (int, error) {
	var names []string
	here, _ := s.here.List()
	for _, v := range here {
		names = append(names, v.Key.ID)
	}
	return len(names), call.Dispatch(ctx, twk.Inner("#participant-list", view("participants", names))).Err()
}
