package main

import (
	"context"
	"maps"
	"slices"
	"strings"
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

// claim makes id the holder of its name, unless somebody else has one that
// looks the same.
func (s *server) claim(id identity) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	look := func(name string) string { return strings.Join(strings.Fields(name), " ") }
	for name, token := range s.owner {
		if token != id.Token && strings.EqualFold(look(name), look(id.Name)) {
			return false
		}
	}
	s.owner[id.Name] = id.Token
	return true
}

// release frees the name of somebody who never opened a stream.
func (s *server) release(id identity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner[id.Name] == id.Token && !s.here.Has(key(id.Name)) {
		delete(s.owner, id.Name)
	}
}

func (s *server) joined(k sfere.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.members[k.ID] = true
	s.say(
		sfere.Broadcast{To: lobby, Exclude: sfere.Except(k), Effects: effect.List{add("#participant-list", "participants", []string{k.ID})}},
		sfere.Tell(lobby, note(k.ID+" joined")),
	)
}

func (s *server) left(k sfere.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.members, k.ID)
	delete(s.owner, k.ID)
	s.say(sfere.Tell(lobby, twk.Remove(twk.ByID(itemID(k.ID))), note(k.ID+" left")))
}

// ShowParticipants sends the list of those who are here to one newcomer.
type ShowParticipants struct {
	Name string `json:"name" jsonschema:"description=the newcomer"`
}

// EffectName returns "lobby/show-participants".
func (ShowParticipants) EffectName() string { return "lobby/show-participants" }

func (s *server) show(ctx context.Context, call effect.Call[App], e ShowParticipants) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	here := maps.Clone(s.members)
	here[e.Name] = true
	names := slices.Sorted(maps.Keys(here))
	return len(names), call.Dispatch(ctx, twk.Inner("#participant-list", view("participants", names))).Err()
}
