package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sfere"
	"github.com/sfere-go/sfere/twk"
)

// lobby is everyone in the room; key is one person, with any number of tabs.
var lobby = sfere.Category("lobby").In(sfere.DefaultScope)

func key(name string) sfere.Key { return sfere.ID("lobby", name).In(sfere.DefaultScope) }

// grace is how long a person may be without a stream, as during a reload.
const grace = 5 * time.Second

// room knows who has which name and who has been announced.
type room struct {
	say func(effects ...effect.Data) // runs effects outside any request

	// mu guards the maps. It is also held while announcements are put into
	// outboxes, which never waits, so that everybody gets them in one order.
	mu      sync.Mutex
	owner   map[string]string // name -> token
	members map[string]bool   // announced
}

// claim makes id the holder of its name, unless somebody else has one that
// looks the same.
func (r *room) claim(id identity) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	look := func(name string) string { return strings.Join(strings.Fields(name), " ") }
	for name, token := range r.owner {
		if token != id.Token && strings.EqualFold(look(name), look(id.Name)) {
			return false
		}
	}
	r.owner[id.Name] = id.Token
	return true
}

// release frees the name of somebody who never opened a stream.
func (r *room) release(id identity, here *sfere.Presence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.owner[id.Name] == id.Token && !here.Has(key(id.Name)) {
		delete(r.owner, id.Name)
	}
}

func (r *room) joined(k sfere.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members[k.ID] = true
	r.say(
		sfere.Broadcast{To: lobby, Exclude: sfere.Except(k), Effects: effect.List{
			twk.PatchElements{Elements: participants(k.ID), Selector: "#participant-list", Mode: twk.Append},
		}},
		sfere.Broadcast{To: lobby, Effects: effect.List{note(k.ID + " joined")}},
	)
}

func (r *room) left(k sfere.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.members, k.ID)
	delete(r.owner, k.ID)
	r.say(sfere.Broadcast{To: lobby, Effects: effect.List{
		twk.PatchElements{Selector: "#" + itemID(k.ID), Mode: twk.Remove},
		note(k.ID + " left"),
	}})
}

// ShowParticipants sends the list of those who are here to one newcomer.
type ShowParticipants struct {
	Name string `json:"name" jsonschema:"description=the newcomer"`
}

// EffectName returns "lobby/show-participants".
func (ShowParticipants) EffectName() string { return "lobby/show-participants" }

func (r *room) show(ctx context.Context, call *effect.Call[App], e ShowParticipants) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := []string{e.Name}
	for name := range r.members {
		if name != e.Name {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return len(names), call.Dispatch(ctx, twk.PatchElements{Elements: participants(names...), Selector: "#participant-list", Mode: twk.Inner}).Err()
}
