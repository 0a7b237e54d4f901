package inspect

import (
	"context"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// nodesView is the page of the machines that the program runs on.
type nodesView struct {
	Rows    []nodeRow
	More    int // that are not in Rows
	All     int // connections of those that have answered
	Unheard int // that have not
	Gaps    uint64
	Queued  int
	Link    string // address of the connections of all machines
}

// nodeRow is one machine.
type nodeRow struct {
	sfere.NodeInfo
	Element string // id in the page
	Name    string
	Short   string // the beginning of its id
	How     string
	Bad     bool
}

// several reports whether the program runs on several machines, or might.
func (in *Inspector) several() bool { return in.conns.Nodes() != nil }

func (in *Inspector) nodesPage(r *twk.Request) twk.Response {
	return in.page("nodes", "Nodes", in.nodes(r.Context()))
}

// nodes asks the machines.
func (in *Inspector) nodes(ctx context.Context) nodesView {
	v := nodesView{Link: in.connLink("", "", true)}
	list, err := in.console.Nodes(ctx)
	if err != nil {
		return v // there is this one only, which the page says
	}
	for _, n := range list {
		if n.Count != nil && n.Stats != nil {
			v.All += n.Count.All
			v.Gaps += n.Stats.Gaps
			v.Queued += n.Stats.QueueBytes
		} else {
			v.Unheard++
		}
		if len(v.Rows) == maxRows {
			v.More++
			continue
		}
		v.Rows = append(v.Rows, nodeRowOf(n))
	}
	return v
}

func nodeRowOf(n sfere.NodeInfo) nodeRow {
	id := n.ID.String()
	row := nodeRow{NodeInfo: n, Element: "node-" + id, Name: n.Name, Short: id[:8], How: n.Condition(), Bad: n.Count == nil}
	row.Reason = short(n.Reason, maxKey)
	return row
}

// nodes adds the rows that have changed, or all if others are listed.
func (p *feed) nodes(items effect.List, v nodesView) effect.List {
	items = p.part(items, "node-summary", v, "")
	ids := make([]string, len(v.Rows))
	for i, row := range v.Rows {
		ids[i] = row.Element
	}
	return follow(p, items, "node-row", v.Rows, ids, v.More > 0, "node-list", v, "node-summary")
}
