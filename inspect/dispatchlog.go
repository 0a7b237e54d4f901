package inspect

import (
	"slices"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/twk"
)

// dispatchLog is what a page shows of the dispatches. It belongs to whoever the
// page belongs to.
type dispatchLog struct {
	dispatchQuery
	version uint64
	begun   bool
	rowOf   map[uint64]string   // element by Seq, so that a row that grows keeps its place
	shown   []string            // elements, from the top
	drawn   map[string]rowState // by element
	left    int                 // dispatches for which there were too many rows
	fits    map[uint64]verdict  // by Seq, if there is a filter
}

// rowState is what a row looks like.
type rowState struct {
	newest, revision uint64
	count, others    int
}

// verdict is what a filter says of a tree as it was.
type verdict struct {
	revision uint64
	fits     bool
}

// rows returns what is to be shown, newest first. Neighbours that ran the same in
// the same way are one row.
func (l *dispatchLog) rows(in *Inspector) []dispatchView {
	var rows []dispatchView
	rowOf, taken := map[uint64]string{}, map[string]bool{}
	recent := l.chosen(in.recorder)
	for len(recent) > 0 && len(rows) < maxRows {
		n := 1
		for n < len(recent) && like(recent[0], recent[n]) {
			n++
		}
		rows = append(rows, l.row(in, recent[:n], taken))
		for _, d := range recent[:n] {
			rowOf[d.Seq] = rows[len(rows)-1].Element
		}
		recent = recent[n:]
	}
	l.rowOf, l.left = rowOf, len(recent)
	return rows
}

// like reports whether two dispatches may be one row.
func like(a, b record.Dispatch) bool { return !a.Running && !b.Running && a.Like == b.Like }

// maxOthers bounds the links in one row.
const maxOthers = 20

// row makes one row of ds. Its element is the one that one of them is shown in
// already, the oldest if it can be.
func (l *dispatchLog) row(in *Inspector, ds []record.Dispatch, taken map[string]bool) dispatchView {
	element := elementOf(ds[0].Seq)
	for _, d := range slices.Backward(ds) {
		if e := l.rowOf[d.Seq]; e != "" && !taken[e] {
			element = e
			break
		}
	}
	taken[element] = true
	v := in.summary(ds[0], element)
	for i, d := range ds[1:] {
		v.Count += d.Times
		v.First = d.First
		if i < maxOthers {
			v.Others = append(v.Others, otherView{d.Seq, in.dispatchLink(d.Seq)})
		}
	}
	return v
}

// chosen returns the dispatches that fit the filter, without their trees.
func (l *dispatchLog) chosen(rec *record.Recorder) []record.Dispatch {
	recent, f := rec.Summaries(), l.filter()
	if f == (record.Filter{}) {
		return recent
	}
	known := l.fits
	l.fits = make(map[uint64]verdict, len(recent))
	return slices.DeleteFunc(recent, func(d record.Dispatch) bool {
		v, ok := known[d.Seq]
		if !ok || v.revision != d.Revision {
			whole, kept := rec.Get(d.Seq)
			v = verdict{d.Revision, kept && f.Match(whole)}
		}
		l.fits[d.Seq] = v
		return !v.fits
	})
}

// dispatches adds the rows that are new or have changed, and takes away those that
// are no longer there.
func (p *feed) dispatches(items effect.List) effect.List {
	rec, l := p.in.recorder, &p.log
	if rec == nil || p.Query.Paused {
		return items
	}
	version := rec.Stats().Version
	if l.begun && l.version == version {
		return items
	}
	first := !l.begun
	l.begun, l.version, l.dispatchQuery = true, version, p.Query
	rows := l.rows(p.in)
	was := l.shown
	drawn := l.drawn
	l.shown, l.drawn = make([]string, len(rows)), make(map[string]rowState, len(rows))
	for i, row := range rows {
		l.shown[i] = row.Element
		l.drawn[row.Element] = rowState{row.Seq, row.Revision, row.Count, len(row.Others)}
	}
	stays := make([]string, 0, len(was))
	var fresh, other effect.List // newest first; in any order
	for _, e := range was {
		if _, ok := l.drawn[e]; ok {
			stays = append(stays, e)
		} else {
			other = append(other, twk.RemoveElement{Selector: twk.ByID(e)})
		}
	}
	for i, row := range rows {
		switch {
		case i < len(rows)-len(stays):
			fresh = append(fresh, twk.PatchElements{Elements: p.in.view("dispatch", row), Selector: "#dispatches", Mode: twk.ModePrepend})
		case drawn[row.Element] != l.drawn[row.Element]:
			other = append(other, p.in.patch("dispatch", row))
		}
	}
	// The whole list, where it is less, or where a row came between others.
	if first || len(was) == 0 || len(rows) == 0 || len(fresh)+len(other) > 40 || !slices.Equal(stays, l.shown[max(0, len(rows)-len(stays)):]) {
		return append(items, p.in.patch("dispatch-list", dispatchesView{Query: p.Query, List: rows, Left: l.left}))
	}
	slices.Reverse(fresh)
	return slices.Concat(items, other, fresh)
}
