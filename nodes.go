package sfere

import (
	"context"
	"slices"
	"strings"

	"github.com/sfere-go/sfere/relay"
)

// NodeInfo is one machine of the relay, as this one sees it.
type NodeInfo struct {
	relay.Member // without its Presence
	// Fate is what became of the question: relay.Taken if it was answered,
	// relay.Silent if not in time, and relay.Failed, with a Reason, if the answer
	// cannot be used. Empty: it was not asked, as nodes are not that are down.
	Fate   relay.Fate `json:"fate,omitempty"`
	Reason string     `json:"reason,omitempty"`
	// Count is how many connections it has; nil if it has not said so.
	Count *NodeCount `json:"count,omitempty"`
	// Stats are its own counters; nil if it has not told them.
	Stats *relay.Stats `json:"stats,omitempty"`
}

// NodeCount is how many connections a machine has.
type NodeCount struct {
	Matched int `json:"matched"` // that match
	All     int `json:"all"`
}

// Label is what a node is called where one has to be told from another of the same name:
// its name and the beginning of its id, as in [Report].Silent and [ConnInfo].Node.
func (i NodeInfo) Label() string { return labelOf(i.Name, i.ID) }

// Condition says in a word how the node is: "failed" if its answer is of no use, "down",
// "silent" if it has not answered, "draining", or else its State.
func (i NodeInfo) Condition() string {
	switch {
	case i.State == relay.Down:
		return string(relay.Down)
	case i.Fate == relay.Silent:
		return string(relay.Silent)
	case i.Fate != "" && i.Fate != relay.Taken:
		return string(relay.Failed)
	case i.Draining:
		return "draining"
	}
	return string(i.State)
}

// Unheard returns the nodes whose connections are not on the pages of [Conns.ListNodes],
// and in none of the counts, because they have not said which they have.
func (p Page) Unheard() (out []NodeInfo) {
	for _, n := range p.Nodes {
		if n.Count == nil {
			out = append(out, n)
		}
	}
	return out
}

func labelOf(name string, id relay.ID) string {
	text := id.String()
	return strings.TrimSpace(name + " (" + text[:min(len(text), 8)] + ")") // who has just come has no name yet
}

// Nodes returns the machines of the relay, this one included, by name and id; nil without
// a relay. It asks none of them: only this one's Stats are there. [Conns.ListNodes] asks.
func (c *Conns) Nodes() []NodeInfo {
	cl := c.cluster.Load()
	if cl == nil {
		return nil
	}
	var out []NodeInfo
	for _, m := range cl.node.Members() {
		i := NodeInfo{Member: m}
		i.Presence = relay.PresenceMark{}
		if m.Self {
			stats := cl.node.Stats()
			i.Stats = &stats
		}
		out = append(out, i)
	}
	return out
}

// ListNodes is [Conns.Page] for all machines: it asks the others, and waits for their
// answers until ctx ends, at most for [relay.Options].AnswerWithin. Page.Nodes says who
// has answered, and ConnInfo.Node which one has a connection, whose id is that of
// [OwnStream] then. Connections under one key are in the order of their nodes.
//
// What a machine does not say is in no count: one that is silent is told as silent. Its
// connections follow on a later page if it answers then and they come later in the
// order. A machine gives at most 200 connections for a page, so that a page may have less
// than limit and another one may follow nevertheless. Others* count what is left out at
// least. What the others say is checked before it is used.
//
// Without a relay it is the same as [Conns.Page]. after is the Next of a page of the same
// method. The errors are those of [Conns.Page].
func (c *Conns) ListNodes(ctx context.Context, p Pattern, after string, limit int) (Page, error) {
	cl := c.cluster.Load()
	if cl == nil {
		return c.Page(p, after, limit)
	}
	p, err := c.outside(p)
	if err != nil {
		return Page{}, err
	}
	q := listQuestion{To: p.address(), Limit: min(max(limit, 0), maxListed)}
	if after != "" {
		if q.After, err = parseFarPlace(after); err != nil {
			return Page{}, err
		}
	}
	own := cl.list(q, true)
	said, answers := cl.askForList(ctx, q)
	said[cl.node.ID()] = own

	var m merged
	nodes := c.Nodes()
	for _, a := range answers {
		if !slices.ContainsFunc(nodes, func(n NodeInfo) bool { return n.ID == a.Node }) && a.Fate != relay.Silent {
			nodes = append(nodes, NodeInfo{Member: relay.Member{ID: a.Node, Name: a.Name, State: relay.Live}})
		}
	}
	for i := range nodes {
		n := &nodes[i]
		if n.Self {
			n.Fate = relay.Taken
		}
		for _, a := range answers {
			if a.Node == n.ID {
				n.Fate, n.Reason = a.Fate, a.Reason
			}
		}
		if l := said[n.ID]; l != nil && n.Fate == relay.Taken {
			n.Count, n.Stats = &NodeCount{l.Matched, l.All}, &l.Stats
			m.add(*n, l)
		}
	}
	out := m.page(limit)
	out.Nodes = nodes
	return out, nil
}
