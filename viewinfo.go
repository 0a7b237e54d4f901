package sfere

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/internal/excerpt"
	"github.com/sfere-go/sfere/internal/flight"
	"github.com/sfere-go/sfere/internal/plainjson"
)

// ViewInfo is one value of a view as it was a moment ago. [Conns.Views] gives them.
// Times in JSON are nanoseconds.
type ViewInfo struct {
	// ID tells the value apart from every other one of the process. Later values have
	// higher ones.
	ID   uint64 `json:"id,omitempty"`
	Name string `json:"name"` // of the view
	// Value is what is shown, in JSON. Of one with more than 4 KiB it is a text that
	// says how long it is.
	Value json.RawMessage `json:"value,omitempty"`
	Scope string          `json:"scope,omitempty"` // empty for views across scopes
	// Stream is the stream that a value of an [OwnView] is rendered for; 0 for values
	// that are the same for everybody.
	Stream  uint64 `json:"stream,omitempty"`
	Viewers int    `json:"viewers"` // streams that show it
	// Version rises with every render that was sent; 0 before the first.
	Version    uint64        `json:"version,omitempty"`
	DirtySince time.Time     `json:"dirtySince,omitzero"`   // when a render was asked for that has not been made yet
	Renders    uint64        `json:"renders,omitempty"`     // so far
	Unchanged  uint64        `json:"unchanged,omitempty"`   // those of them that came to the same as before and were not sent
	LastTook   time.Duration `json:"lastTook,omitempty"`    // how long the last render took
	MostTook   time.Duration `json:"slowestTook,omitempty"` // the longest of the last 16
	Kept       int           `json:"kept,omitempty"`        // bytes kept for streams that come
	Stuck      bool          `json:"stuck,omitempty"`       // its render does not heed its deadline
	Error      string        `json:"error,omitempty"`       // of the last render, at most 1000 bytes; empty if it succeeded
}

// maxViewValue and maxViewError bound what is shown of a value and of an error;
// maxViewsOf bounds the views that are shown of one stream, maxViewText each of them.
const (
	maxViewValue = 4 << 10
	maxViewError = 1000
	maxViewsOf   = 8
	maxViewText  = 256
)

// Views lists at most limit of the values that streams of any scope are shown, the
// oldest first: those of views with text in their name, and of these the ones that follow the
// ViewInfo.ID after, 0 for the first ones. An empty text means all views. counts says
// how many values there are of every view whose name has the text, by its name.
//
// It costs what it lists, however many values there are.
func (c *Conns) Views(text string, after uint64, limit int) (list []ViewInfo, counts map[string]int) {
	w := c.views
	w.mu.RLock()
	defer w.mu.RUnlock()
	counts = map[string]int{}
	var found []*flight.Value
	for name, values := range w.byName {
		if !strings.Contains(name, text) {
			continue
		}
		counts[name] = values.len
		n := 0
		for v := range values.after(func(v *flight.Value) bool { return v.Number() <= after }) {
			if n++; n > limit {
				break
			}
			found = append(found, v)
		}
	}
	slices.SortFunc(found, compareValues)
	for _, v := range found[:max(0, min(limit, len(found)))] {
		list = append(list, w.info(v))
	}
	return list, counts
}

func compareValues(a, b *flight.Value) int { return cmp.Compare(a.Number(), b.Number()) }

// info returns what can be seen of a value. w.mu is held.
func (w *views) info(v *flight.Value) ViewInfo {
	i, id := w.flying.Info(v), v.ID().(valueID)
	out := w.brief(v)
	if id.conn != nil {
		out.Stream = id.conn.ID()
	}
	out.ID, out.Version, out.DirtySince, out.Renders, out.Unchanged = v.Number(), i.Version, i.Dirty, i.Flights, i.Unchanged
	out.LastTook, out.MostTook, out.Kept, out.Stuck = i.Last, i.Slowest, i.Kept, i.Stuck
	if i.Err != nil {
		out.Error = excerpt.Of(core.SafeText(i.Err), maxViewError, "…")
	}
	return out
}

// brief returns what tells a value apart, and how many show it. w.mu is held.
func (w *views) brief(v *flight.Value) ViewInfo {
	id := v.ID().(valueID)
	out := ViewInfo{Name: v.Kind().Name, Value: viewJSON(id.value), Scope: id.scope}
	if k := w.known[v]; k != nil {
		out.Viewers = k.seats
	}
	return out
}

// viewJSON returns v in JSON, which its own methods may spoil.
func viewJSON(v effect.Data) (text json.RawMessage) {
	err := guarded(func() (err error) {
		text, err = plainjson.Marshal(v)
		return err
	})
	switch {
	case err != nil:
		text, _ = plainjson.Marshal(fmt.Sprintf("(%T, which has no JSON form)", v))
	case len(text) > maxViewValue:
		text, _ = plainjson.Marshal(fmt.Sprintf("(%d bytes, left out)", len(text)))
	}
	return text
}

// viewsOf returns the views that a stream shows, in text form and the oldest first,
// and how many there are beside.
func (w *views) viewsOf(stream indexed) (list []string, more int) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	s := w.screens[stream.stream]
	if s == nil {
		return nil, 0
	}
	all := make([]*flight.Value, 0, len(s.shown))
	for _, sh := range s.shown {
		all = append(all, sh.seat.Value())
	}
	slices.SortFunc(all, compareValues)
	more = max(0, len(all)-maxViewsOf)
	for _, v := range all[:len(all)-more] {
		list = append(list, excerpt.Of(v.Kind().Name+" "+string(viewJSON(v.ID().(valueID).value)), maxViewText, "…"))
	}
	return list, more
}
