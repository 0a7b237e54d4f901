package relay

import (
	"cmp"
	"slices"
	"time"
)

// State is how a node is doing, as far as this one can tell.
type State string

// The states of a node.
const (
	Live    State = "live"
	Suspect State = "suspect" // has said nothing for 3.5 beats
	Down    State = "down"    // has said nothing for 10 beats
	Left    State = "left"    // has said that it ends
)

// Member is a node that is there, or was until a moment ago.
type Member struct {
	ID       ID           `json:"id"`
	Name     string       `json:"name"`
	Started  time.Time    `json:"started"` // by its own clock
	State    State        `json:"state"`
	Draining bool         `json:"draining,omitempty"` // it is going to end
	Presence PresenceMark `json:"presence,omitzero"`  // of its last beat
	Self     bool         `json:"self,omitempty"`
}

// member is what a node knows of another. Node.mu guards it.
type member struct {
	Member
	known bool // it has beaten
	heard time.Time
	every time.Duration // between its beats
	gone  time.Time     // since when it is down or has left
}

func (m *member) copy() *Member { c := m.Member; return &c }

// Members returns this node and those that are live, suspect or down, by name and id.
func (n *Node) Members() []Member {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := []Member{{ID: n.id, Name: n.opts.Name, Started: n.started, State: Live, Draining: n.draining, Presence: n.presence, Self: true}}
	for _, m := range n.members {
		if m.known && m.State != Left {
			all = append(all, m.Member)
		}
	}
	slices.SortFunc(all, func(a, b Member) int { return cmp.Or(cmp.Compare(a.Name, b.Name), slices.Compare(a.ID[:], b.ID[:])) })
	return all
}

// meet notes a node that was not known. n.mu is held.
func (n *Node) meet(id ID) *member {
	m := &member{Member: Member{ID: id, State: Live}, every: n.opts.Beat}
	n.members[id] = m
	return m
}

func (n *Node) changed(m Member) {
	if n.opts.Changed != nil {
		n.safely("Changed", func() { n.opts.Changed(m) })
	}
}

// heard takes a beat.
func (n *Node) heard(from ID, b beat) {
	n.mu.Lock()
	m := n.members[from]
	news := !m.known || m.Draining != b.Draining || m.Presence != b.Presence
	m.known, m.every = true, min(max(b.Every, time.Millisecond), time.Minute)
	m.Name, m.Started, m.Draining, m.Presence = b.Name[:min(len(b.Name), maxName)], b.Started, b.Draining, b.Presence
	c := m.Member
	n.mu.Unlock()
	if news {
		n.changed(c)
	}
}

// left takes a good-bye.
func (n *Node) left(from ID, now time.Time) {
	n.mu.Lock()
	m := n.members[from]
	m.State, m.gone = Left, now
	c, known := m.Member, m.known
	for _, a := range n.asking {
		a.drop(from)
	}
	n.mu.Unlock()
	if known {
		n.changed(c)
	}
}

// look finds nodes that have fallen silent, and forgets those that have been gone for
// long. What one that is down has said last may be lost, and it can tell nobody.
func (n *Node) look(now time.Time) {
	var news []Member
	died := false
	n.mu.Lock()
	for id, m := range n.members {
		silent := now.Sub(m.heard)
		next := m.State
		switch {
		case m.State == Left || m.State == Down:
			if now.Sub(m.gone) > max(forgetIn, 2*n.opts.MaxAge) {
				n.forget(id)
			}
			continue
		case silent > downIn*m.every:
			next, m.gone, died = Down, now, true
		case silent > time.Duration(suspectIn*float64(m.every)):
			next = Suspect
		}
		if next != m.State {
			m.State = next
			if m.known {
				news = append(news, m.Member)
			}
		}
	}
	n.mu.Unlock()
	if died {
		n.missedAll(Died)
	}
	slices.SortFunc(news, func(a, b Member) int { return slices.Compare(a.ID[:], b.ID[:]) })
	for _, m := range news {
		n.changed(m)
	}
}

// forget forgets a node. n.mu is held.
func (n *Node) forget(id ID) {
	delete(n.members, id)
	for _, s := range n.subs {
		delete(s.last, id)
	}
}
