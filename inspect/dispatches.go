package inspect

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/schema"
	"github.com/sfere-go/sfere/twk"
)

// dispatchQuery is what the page of dispatches is asked to show.
type dispatchQuery struct {
	Effect string `json:"effect,omitempty" jsonschema:"description=part of the name of an effect on the page of dispatches"`
	Find   string `json:"find,omitempty" jsonschema:"description=text to look for on the page of dispatches"`
	Failed bool   `json:"failed,omitempty" jsonschema:"description=show dispatches that failed only"`
	Paused bool   `json:"paused,omitempty" jsonschema:"description=leave the list of dispatches as it is"`
}

func (q dispatchQuery) filter() record.Filter {
	return record.Filter{Name: strings.TrimSpace(q.Effect), Text: strings.TrimSpace(q.Find), Failed: q.Failed}
}

// dispatchesView is the page of the last dispatches.
type dispatchesView struct {
	Off   bool // there is no recorder
	One   bool // a single one was asked for
	Query dispatchQuery
	Names []string // to choose Query.Effect from
	List  []dispatchView
	Left  int // older ones that are not in the list
}

// Filtered reports whether something may be left out.
func (v dispatchesView) Filtered() bool { return v.Query.filter() != (record.Filter{}) }

func (v dispatchesView) signals() map[string]any {
	return map[string]any{"effect": v.Query.Effect, "find": v.Query.Find, "failed": v.Query.Failed, "paused": false}
}

// dispatchView is a row: one dispatch from outside, or several in a row that ran
// the same in the same way.
type dispatchView struct {
	record.Dispatch        // the newest
	Element         string // id in the page
	Link            string
	Load            string // address of the tree, which changes when the tree does
	Again           string // address that replays it into this row
	Open            bool   // show the tree
	Tree            treeView
	Count           int // dispatches that it stands for
	Others          []otherView
}

// otherView is an older dispatch of a row.
type otherView struct {
	Seq  uint64
	Link string
}

// namedItem is an item of a dispatch and what it is addressed to.
type namedItem struct {
	Name          string
	Target, Exact string // as people read it, and as it is
}

// What are the items of the dispatch.
func (v dispatchView) What() []namedItem {
	out := make([]namedItem, len(v.Names))
	for i, n := range v.Names {
		out[i].Name = n
		if i < len(v.Targets) {
			out[i].Target, out[i].Exact = readable(v.Targets[i]), v.Targets[i]
		}
	}
	return out
}

// Held is the key of the stream as people read it.
func (v dispatchView) Held() string { return readable(v.Key) }

// Held is the key of the stream as people read it.
func (v treeView) Held() string { return readable(v.Key) }

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

func (in *Inspector) dispatches(r *twk.Request) twk.Response {
	q := r.URL.Query()
	v := dispatchesView{Off: in.recorder == nil, Query: dispatchQuery{Effect: q.Get("effect"), Find: q.Get("find"), Failed: q.Get("failed") != ""}}
	if !v.Off {
		for _, i := range in.console.Describe(schema.Effects, schema.Actions) {
			v.Names = append(v.Names, i.Name)
		}
		log := dispatchLog{dispatchQuery: v.Query}
		v.List = log.rows(in)
		v.Left = log.left
	}
	return in.page("dispatches", "Dispatches", v)
}

// summary returns d without its tree, as the row with this id.
func (in *Inspector) summary(d record.Dispatch, element string) dispatchView {
	return dispatchView{
		Dispatch: d, Element: element, Link: in.dispatchLink(d.Seq), Count: d.Times,
		Again: in.url("replay/", strconv.FormatUint(d.Seq, 10)) + "?at=" + strings.TrimPrefix(element, "d-"),
		Load:  in.dispatchLink(d.Seq) + "?at=" + element + "&rev=" + strconv.FormatUint(d.Revision, 10),
	}
}

// elementOf is the id of the row of a dispatch.
func elementOf(seq uint64) string { return "d-" + strconv.FormatUint(seq, 10) }

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
	element := elementOf(seq)
	if at, err := strconv.ParseUint(strings.TrimPrefix(r.URL.Query().Get("at"), "d-"), 10, 64); err == nil {
		element = elementOf(at) // of the row that shows it
	}
	v := in.summary(d, element)
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
