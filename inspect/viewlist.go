package inspect

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/twk"
)

// viewQuery says which values of views a page shows.
type viewQuery struct {
	// View is a part of the name of the view.
	View string `json:"view,omitempty" jsonschema:"description=part of the name of a view on the page of views"`
	// From is where the page begins.
	From string `json:"from,omitempty" jsonschema:"description=where the page of views begins"`
	// MayRefresh offers to refresh each.
	MayRefresh bool `json:"mayRefresh,omitempty" jsonschema:"description=the page offers to refresh views"`
}

// viewsView is the page of the views that streams are shown.
type viewsView struct {
	View    string
	Names   []countView // of all views that are shown
	List    viewList
	Outcome connOutcome
}

// viewList is what the query asks for.
type viewList struct {
	viewQuery
	Matched, All int
	Part         bool // the numbers below are those of one page
	Viewers      int
	Renders      uint64
	Unchanged    string // share of Renders in percent
	Failing      int
	Counts       []countView
	Rows         []viewRow
	First        string // address of the first page, if this is another
	Next         string // address of the next page, if there is one
}

// viewRow is one value of a view.
type viewRow struct {
	Element string // id in the page
	sfere.ViewInfo
	Text    string // the value
	Share   string // of renders that changed nothing, in percent
	State   string // "current", "waits", "failed", "stuck"
	Refresh string // address that refreshes it, if it may be
}

// maxViewNames bounds the views that are counted above the list.
const maxViewNames = 20

func (in *Inspector) viewsPage(r *twk.Request) twk.Response {
	q := viewQuery{View: r.URL.Query().Get("view"), From: r.URL.Query().Get("from"), MayRefresh: whyNot(r.Request) == ""}
	v := viewsView{View: q.View, List: in.viewed(q)}
	_, counts := in.conns.Views("", 0, -1)
	v.Names = in.viewCounts(counts)
	return in.page("views", "Views", v)
}

func (v viewsView) signals() map[string]any {
	return map[string]any{"view": v.View, "from": v.List.From}
}

// viewsLink returns the address of the page of views.
func (in *Inspector) viewsLink(view, from string) string {
	q := url.Values{}
	if view != "" {
		q.Set("view", view)
	}
	if from != "" {
		q.Set("from", from)
	}
	link := in.url("views")
	if len(q) > 0 {
		link += "?" + q.Encode()
	}
	return link
}

// viewed returns the values that q asks for. A place that is none is the first one.
func (in *Inspector) viewed(q viewQuery) viewList {
	q.View = strings.TrimSpace(q.View)
	from, _ := strconv.ParseUint(q.From, 10, 64)
	l := viewList{viewQuery: q}
	list, counts := in.conns.Views(q.View, from, maxRows+1)
	_, all := in.conns.Views("", 0, -1)
	l.Matched, l.All = sum(counts), sum(all)
	if from != 0 {
		l.First = in.viewsLink(q.View, "")
	}
	if len(list) > maxRows {
		list = list[:maxRows]
		l.Next = in.viewsLink(q.View, strconv.FormatUint(list[maxRows-1].ID, 10))
	}
	l.Part = l.First != "" || l.Next != ""
	l.Counts = in.viewCounts(counts)
	var unchanged uint64
	for _, v := range list {
		l.Viewers += v.Viewers
		l.Renders += v.Renders
		unchanged += v.Unchanged
		if v.Error != "" || v.Stuck {
			l.Failing++
		}
		l.Rows = append(l.Rows, in.viewRow(v, q.MayRefresh))
	}
	l.Unchanged = share(unchanged, l.Renders)
	return l
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// viewCounts are the views with the most values.
func (in *Inspector) viewCounts(counts map[string]int) (out []countView) {
	for name, n := range counts {
		c := countView{Name: short(name, 64), Count: n}
		if len(name) <= maxKey {
			c.Link = in.viewsLink(name, "")
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b countView) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Name, b.Name)) })
	return out[:min(len(out), maxViewNames)]
}

func (in *Inspector) viewRow(v sfere.ViewInfo, mayRefresh bool) viewRow {
	id := strconv.FormatUint(v.ID, 10)
	row := viewRow{Element: "view-" + id, ViewInfo: v, Text: short(string(v.Value), maxKey), Share: share(v.Unchanged, v.Renders)}
	row.Name, row.Scope, row.Error = short(v.Name, maxKey), short(v.Scope, maxKey), short(v.Error, maxKey)
	switch {
	case v.Stuck:
		row.State = "stuck"
	case v.Error != "":
		row.State = "failed"
	case !v.DirtySince.IsZero():
		row.State = "waits"
	default:
		row.State = "current"
	}
	if mayRefresh {
		row.Refresh = in.url("refresh?id=", id)
	}
	return row
}

// share is part of whole in percent, empty if there is no whole.
func share(part, whole uint64) string {
	if whole == 0 {
		return ""
	}
	return strconv.FormatUint(100*part/whole, 10)
}

// refresh refreshes one value by sending [sfere.Refresh], and so with the same guard,
// audit and sender as everything that is sent.
func (in *Inspector) refresh(r *twk.Request) twk.Response {
	say := func(kind, text string) twk.Response {
		return twk.Respond(in.patch("view-outcome", connOutcome{kind, text}))
	}
	cmd := console.Command{Sender: httpapi.SenderOf(r.Request, via, httpapi.CallerOf(r.Context()))}
	v, err := in.viewWith(r.URL.Query().Get("id"))
	if err == nil {
		cmd.Effects, err = json.Marshal(effect.List{sfere.Refresh{
			Views: effect.List{effect.Raw{Effect: v.Name, Args: v.Value}},
			Scope: cmp.Or(v.Scope, sfere.DefaultScope), // views across scopes are in each
		}})
	}
	if why := whyNot(r.Request); why != "" {
		in.console.Refused(r.Context(), cmd, httpapi.Forbidden(httpapi.CallerOf(r.Context())))
		return say("refused", "Not refreshed. "+why)
	}
	if err != nil {
		in.console.Refused(r.Context(), cmd, err)
		return say("problem", "Nothing was refreshed: "+err.Error())
	}
	out, err := in.console.Send(r.Context(), cmd)
	if err == nil && len(out.Errors) > 0 {
		err = errors.New(out.Errors[0].Error)
	}
	if err != nil {
		return say("problem", "Nothing was refreshed: "+err.Error())
	}
	var did sfere.Refreshed
	for _, ran := range out.Ran {
		_ = json.Unmarshal(ran.Value, &did) // of another effect it is nothing
	}
	name := v.Name + " " + short(string(v.Value), maxKey)
	if did.Values == 0 {
		return say("problem", name+" is shown to nobody any more.")
	}
	return say("fine", fmt.Sprintf("%s is rendered again, for %s.", name, plural(did.Streams, "viewer")))
}

var errNoView = errors.New("a value is named by its number, and this one is shown to nobody any more")

// viewWith returns the value with an id.
func (in *Inspector) viewWith(id string) (v sfere.ViewInfo, err error) {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil || n == 0 {
		return v, errNoView
	}
	list, _ := in.conns.Views("", n-1, 1)
	if len(list) == 0 || list[0].ID != n {
		return v, errNoView
	}
	return list[0], nil
}

// shownView is one view on the page of connections.
type shownView struct{ Text, Link string }

// shownViews are the views of a connection, each with its page.
func (in *Inspector) shownViews(texts []string) (out []shownView) {
	for _, text := range texts {
		name, _, _ := strings.Cut(text, " ")
		out = append(out, shownView{text, in.viewsLink(name, "")})
	}
	return out
}

// views adds the rows that have changed, or all if others are listed.
func (p *feed) views(items effect.List, l viewList) effect.List {
	items = p.part(items, "view-summary", l, "")
	ids := make([]string, len(l.Rows))
	for i, row := range l.Rows {
		ids[i] = row.Element
	}
	return follow(p, items, "view-row", l.Rows, ids, l.Next != "", "view-list", l, "view-summary")
}
