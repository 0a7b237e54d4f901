package inspect

import (
	"net/http"
	"strconv"
	"time"

	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/twk"
)

// dispatchesView is the page of the last dispatches.
type dispatchesView struct {
	Off  bool // there is no recorder
	One  bool // a single one was asked for
	List []dispatchView
}

// dispatchView is one dispatch from outside.
type dispatchView struct {
	record.Dispatch
	Element string // id in the page
	Link    string
	Load    string // address of the tree, which changes when the tree does
	Open    bool   // show the tree
	Tree    treeView
}

// treeView is a dispatch inside a tree.
type treeView struct {
	record.Dispatch
	Steps  []stepView
	Nested []treeView
	Inner  bool // it is a continuation
}

// stepView is a step with its place on the time line of the whole tree, in
// percent.
type stepView struct {
	record.Step
	At, Len string
	Depth   int
	Args    string
	Gave    string
	Nested  []treeView
}

func (in *Inspector) dispatches(*twk.Request) twk.Response {
	v := dispatchesView{Off: in.recorder == nil}
	if !v.Off {
		for _, d := range in.recorder.Summaries() {
			v.List = append(v.List, in.summary(d))
		}
	}
	return in.page("dispatches", "Dispatches", v)
}

// summary returns d without its tree.
func (in *Inspector) summary(d record.Dispatch) dispatchView {
	seq := strconv.FormatUint(d.Seq, 10)
	return dispatchView{
		Dispatch: d, Element: "d-" + seq, Link: in.dispatchLink(d.Seq),
		Load: in.dispatchLink(d.Seq) + "?rev=" + strconv.FormatUint(d.Revision, 10),
	}
}

// dispatch answers with one tree: as a page, or as a patch of the open list.
func (in *Inspector) dispatch(r *twk.Request) twk.Response {
	seq, err := strconv.ParseUint(r.PathValue("seq"), 10, 64)
	if err != nil || in.recorder == nil {
		return twk.Status(http.StatusNotFound)
	}
	d, ok := in.recorder.Get(seq)
	switch {
	case !ok && r.Datastar:
		return twk.NoContent()
	case !ok:
		return in.pageOf("dispatches", "", "Dispatch "+r.PathValue("seq"), dispatchesView{One: true}).WithStatus(http.StatusNotFound)
	}
	v := in.summary(d)
	whole := d.Took
	if d.Running {
		whole = time.Since(d.Began)
	}
	v.Open, v.Tree = true, treeOf(d, d.Began, whole, false)
	if r.Datastar {
		return twk.Respond(in.patch("dispatch-body", v))
	}
	return in.pageOf("dispatches", "", "Dispatch "+r.PathValue("seq"), dispatchesView{One: true, List: []dispatchView{v}})
}

// treeOf makes d ready to be shown; the time line begins at began and is whole
// long.
func treeOf(d record.Dispatch, began time.Time, whole time.Duration, inner bool) treeView {
	v := treeView{Dispatch: d, Inner: inner}
	for _, s := range d.Steps {
		sv := stepView{Step: s, Depth: len(s.Path.Indices()) - 1, Args: "", At: "0", Len: "0"}
		if !s.Began.IsZero() {
			sv.At, sv.Len = percent(s.Began.Sub(began), whole), percent(s.Took, whole)
		}
		if s.Item != nil {
			sv.Args = text(s.Item, maxText)
		}
		if s.Value != nil && s.Value != any(struct{}{}) {
			sv.Gave = text(s.Value, maxText)
		}
		for _, n := range s.Nested {
			sv.Nested = append(sv.Nested, treeOf(n, began, whole, true))
		}
		v.Steps = append(v.Steps, sv)
	}
	for _, n := range d.Nested {
		v.Nested = append(v.Nested, treeOf(n, began, whole, true))
	}
	return v
}
