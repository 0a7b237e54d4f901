package sfere

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/internal/flight"
	"github.com/sfere-go/sfere/relay"
)

// distant is what a Refresh says to other machines.
type distant struct {
	topic Topic
	to    relay.Address
	of    bool   // the streams that match to
	scope string // of view, empty for views across scopes
	view  string // a list in wire form
}

// distantView is the form in which streams and views travel.
type distantView struct {
	To    *relay.Address  `json:"to,omitempty"`
	Scope string          `json:"scope,omitempty"`
	View  json.RawMessage `json:"view,omitempty"`
}

// refreshing returns a refresh that comes from elsewhere and may be put off.
func (cl *cluster) refreshing(after uint64) *refreshing {
	return &refreshing{
		w: cl.c.views, mark: flight.Mark{After: after}, spread: time.Duration(cl.nodes()) * perNode,
		seen:  map[*flight.Value]bool{},
		later: &marks{w: cl.c.views, all: map[*flight.Value]flight.Mark{}},
	}
}

// refresh tells the other machines. What cannot be sent is a gap for them.
func (cl *cluster) refresh(d distant, after uint64) {
	body := relay.Refresh{Topic: string(d.topic), After: after}
	if d.of || d.view != "" {
		v := distantView{Scope: d.scope, View: json.RawMessage(d.view)}
		if d.of {
			v.To = &d.to
		}
		text, err := json.Marshal(v)
		if err != nil {
			slog.Error("sfere: a refresh cannot be sent to other machines", "error", core.SafeText(err))
			return
		}
		body.Views = []json.RawMessage{text}
	}
	_, _ = cl.node.Send(relay.Envelope{Body: body})
}

// refreshed marks what another machine has refreshed. What this one cannot read it
// takes for everything: a mark too many does no harm.
func (cl *cluster) refreshed(r relay.Refresh) {
	do := cl.refreshing(r.After)
	if r.Topic != "" {
		do.at(Topic(r.Topic))
	}
	for _, text := range r.Views {
		var v distantView
		if err := json.Unmarshal(text, &v); err != nil {
			cl.miss(relay.Address{})
			continue
		}
		if v.To != nil {
			do.of(cl.c, patternOf(*v.To))
		}
		if len(v.View) == 0 {
			continue
		}
		list, known := cl.decode(v.View)
		if !known {
			cl.miss(relay.Address{})
		}
		for _, d := range list {
			_ = guarded(func() error { do.at(valueID{v.Scope, d, nil}); return nil }) // a value that cannot be compared is no view
		}
	}
	do.later.mark()
}

// decode reads views with the types of the dispatcher of some stream here. ok is false
// if that is another one, perhaps; without a stream nothing is shown.
func (cl *cluster) decode(text []byte) (list effect.List, ok bool) {
	call, ok := cl.c.views.anyCall()
	if !ok {
		return nil, true
	}
	list, err := call.Decode(text)
	return list, err == nil
}

// use of a view in a Refresh notes it for other machines.
func (r *refreshing) tellFar(d *view, v effect.Data) error {
	if r.later == nil || r.later.cl == nil {
		return nil
	}
	text, err := effect.List{v}.MarshalJSON()
	if err != nil {
		return &Error{Op: "refreshing " + d.name + " on other machines", Err: err}
	}
	r.later.addFar(distant{scope: d.id(r.scope, v, nil).scope, view: string(text)}, r.mark.After)
	return nil
}

// addFar notes what the other machines are told at the end of the dispatch.
func (m *marks) addFar(d distant, after uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.far == nil {
		m.far = map[distant]uint64{}
	}
	m.far[d] = max(m.far[d], after)
}

// tellFar tells the other machines what the refreshes of a dispatch concern.
func (m *marks) tellFar() {
	m.mu.Lock()
	far := m.far
	m.far = nil
	m.mu.Unlock()
	for d, after := range far {
		m.cl.refresh(d, after)
	}
}

var _ = context.Background
