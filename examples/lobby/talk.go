package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// maxTalk is how many messages are kept for those who load the page again.
const maxTalk = 100

// talk is the end of what was said in this process.
type talk struct {
	run string // of the process, since numbers begin anew with each

	mu    sync.Mutex // guards the rest
	n     int
	lines []line // of which none changes
}

// line is one message. Its id is that of its element, and of the event that shows it.
type line struct{ ID, Name, Text string }

func newTalk() *talk { return &talk{run: rand.Text()[:8]} }

func (t *talk) add(name, text string) line {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n++
	l := line{fmt.Sprintf("m-%s-%d", t.run, t.n), name, text}
	t.lines = append(t.lines[max(0, len(t.lines)+1-maxTalk):], l)
	return l
}

// after returns what was said after a message, and everything if it is not known.
func (t *talk) after(id string) []line {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.lines, func(l line) bool { return l.ID == id })
	return slices.Clone(t.lines[i+1:])
}

// showLines are the effects that show lines in pages, some of which may be there already: a
// stream is held before its page is told what was said, and so misses nothing.
func showLines(lines []line) effect.List {
	var ids []string
	for _, l := range lines {
		ids = append(ids, "#"+l.ID)
	}
	show := add("#messages", "lines", lines)
	show.EventID = lines[len(lines)-1].ID // the page says so when it comes back
	return effect.List{twk.Remove(strings.Join(ids, ",")), show}
}

// Say says something to everybody who is here, and keeps it. Run it under [talking].
type Say struct {
	Name string `json:"name" jsonschema:"description=who says it"`
	Text string `json:"text" jsonschema:"description=what is said"`
}

// EffectName returns "lobby/say".
func (Say) EffectName() string { return "lobby/say" }

// talking makes it one step to keep a message and to show it: all pages show them in
// the same order.
func talking(say Say) effect.Serial {
	return effect.Serial{Key: "talk", Effects: effect.List{say}}
}

func (s *server) sayIt(ctx context.Context, call effect.Call[App], say Say) error {
	return call.Dispatch(ctx, sfere.Tell(lobby, showLines([]line{s.talk.add(say.Name, say.Text)})...)).Err()
}

// ShowTalk sends what was said after a message to a page that is loaded or comes back.
type ShowTalk struct {
	After string `json:"after,omitempty" jsonschema:"description=id of the last message that the page shows; everything is sent if it is not known"`
}

// EffectName returns "lobby/show-talk".
func (ShowTalk) EffectName() string { return "lobby/show-talk" }

func (s *server) showTalk(ctx context.Context, call effect.Call[App], show ShowTalk) (int, error) {
	lines := s.talk.after(show.After)
	if len(lines) == 0 {
		return 0, nil
	}
	return len(lines), call.Dispatch(ctx, showLines(lines)...).Err()
}
