package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/twk"
)

// maxTalk is how many messages are kept for those who load the page again.
const maxTalk = 100

// talk is the end of what was said, in all processes: see nodes.go.
type talk struct {
	run     string      // of the process, since numbers begin anew with each
	node    *relay.Node // nil if there are no other processes
	fetches sync.WaitGroup
	learned func(since int64) // called when lines have come that no page was shown

	mu    sync.Mutex // guards the rest
	n     int
	lines []line // in their order; none of them changes
}

// line is one message. Its id is that of its element, and of the event that shows it.
type line struct {
	ID, Name, Text string
	// At orders the lines of all processes: it is the time, in microseconds, and more
	// than that of every line that was known to who said it.
	At int64
}

func newTalk() *talk { return &talk{run: rand.Text()[:8], learned: func(int64) {}} }

// compare orders lines. Those that two processes say at once are ordered by their ids.
func (l line) compare(o line) int { return cmp.Or(cmp.Compare(l.At, o.At), cmp.Compare(l.ID, o.ID)) }

var lineID = regexp.MustCompile(`^m-[A-Z2-7]{8}-[0-9]{1,19}$`)

// valid reports whether another process may have said l: its id becomes a selector, and
// no clock is far ahead.
func (l line) valid() bool {
	return lineID.MatchString(l.ID) && utf8.RuneCountInString(l.Name) <= maxName && utf8.RuneCountInString(l.Text) <= maxMessage &&
		l.At < time.Now().Add(time.Minute).UnixMicro()
}

func (t *talk) add(name, text string) line {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n++
	l := line{fmt.Sprintf("m-%s-%d", t.run, t.n), name, text, time.Now().UnixMicro()}
	if n := len(t.lines); n > 0 {
		l.At = max(l.At, t.lines[n-1].At+1)
	}
	t.insert(l)
	return l
}

// keep takes in lines of other processes, and returns when the first of them was said
// that are news; 0 if none is.
func (t *talk) keep(lines ...line) (since int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range lines {
		if l.valid() && t.insert(l) && (since == 0 || l.At < since) {
			since = l.At
		}
	}
	return since
}

// insert reports whether l is news.
func (t *talk) insert(l line) bool {
	i, known := slices.BinarySearchFunc(t.lines, l, line.compare)
	if known || i == 0 && len(t.lines) == maxTalk {
		return false
	}
	t.lines = slices.Insert(t.lines, i, l)
	t.lines = slices.Delete(t.lines, 0, max(0, len(t.lines)-maxTalk))
	return true
}

// since returns what was said from a time on.
func (t *talk) since(at int64) []line {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(t.lines), func(l line) bool { return l.At < at })
}

// crossing is for how long what one process says may be heard after what another said
// later.
const crossing = 10 * time.Second

// after returns what was said after a message, and everything if it is not known. With
// other processes it begins a little earlier: a page that has seen the message need not
// have seen what was said elsewhere at that time.
func (t *talk) after(id string) []line {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.lines, func(l line) bool { return l.ID == id })
	if i >= 0 && t.node != nil {
		since := t.lines[i].At - crossing.Microseconds()
		i = slices.IndexFunc(t.lines, func(l line) bool { return l.At >= since }) - 1
	}
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
// the same order. What two processes say at the same time may show in either order, until
// a page is loaded again.
func talking(say Say) effect.Serial {
	return effect.Serial{Key: "talk", Effects: effect.List{say}}
}

func (s *server) sayIt(ctx context.Context, call effect.Call[App], say Say) error {
	l := s.talk.add(say.Name, say.Text)
	s.talk.share(ctx, l) // first, so that no page has its stream when it is told and misses it in the talk
	return call.Dispatch(ctx, sfere.Tell(lobby, showLines([]line{l})...)).Err()
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
