package sfere

import (
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
		later: &marks{w: cl.c.views},
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
	cl.c.refreshed(do.out)
}

// decode reads a view with the types of the dispatchers that have shown some of its
// name here. ok is false if it cannot be read.
func (cl *cluster) decode(text []byte) (list effect.List, ok bool) {
	var named effect.List
	if err := json.Unmarshal(text, &named); err != nil || len(named) != 1 {
		return nil, false
	}
	for _, of := range cl.c.views.readers(named[0].EffectName()) {
		read, err := of.Decode(text)
		if err != nil {
			return nil, false
		}
		list = append(list, read.(effect.List)...)
	}
	return list, true
}

// readers returns the dispatchers that have shown a view of a name.
func (w *views) readers(name string) (all []core.Runner) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for d := range w.kinds {
		if of := d.reader.Load(); d.name == name && of != nil {
			all = append(all, *of)
		}
	}
	return all
}

// tellFar notes a view for other machines.
func (n *naming) tellFar(d *view, v effect.Data) error {
	if n.later.cl == nil || n.dry {
		return nil
	}
	text, err := effect.List{v}.MarshalJSON()
	if err != nil {
		return &Error{Op: "refreshing " + d.name + " on other machines", Err: err}
	}
	n.later.addFar(distant{scope: d.id(n.scope, v, nil).scope, view: string(text)}, n.mark.After)
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
