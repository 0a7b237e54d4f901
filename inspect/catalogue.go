package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sfere-go/sfere/schema"
	"github.com/sfere-go/sfere/twk"
)

// catalogueView is the page of everything that is registered.
type catalogueView struct {
	Results  resultsView
	Item     *itemView // nil: none is chosen
	Ctx      []schema.CtxType
	Problem  string // with the catalogue as a whole
	NotFound string
}

// resultsView is the list of items.
type resultsView struct {
	Query   string
	Current string // name of the chosen item
	Groups  []groupView
	Found   int
	Total   int
	Problem string // with the query
}

// groupView is the items of one registry.
type groupView struct {
	Name    string
	Matches []matchView
}

type matchView struct {
	Item    schema.Item
	Current bool
	Link    string
	Hits    []hitView
}

// hitView is a place where a search found something: a text in three parts.
type hitView struct {
	Field                string
	Before, Match, After string
	Named                bool // what was found is the end of Field itself
}

func (in *Inspector) catalogue(r *twk.Request) twk.Response {
	name, query := r.PathValue("name"), r.URL.Query().Get("q")
	v := catalogueView{Results: in.results(r.Context(), query, name), Ctx: in.console.CtxSchema()}
	if err := in.console.Err(); err != nil {
		v.Problem = err.Error()
	}
	title := "Catalogue"
	if name != "" {
		title = name
		item, err := in.console.Get(name)
		if err != nil {
			v.NotFound = err.Error()
			return in.page("catalogue", title, v).WithStatus(http.StatusNotFound)
		}
		v.Item = in.item(item)
	}
	return in.page("catalogue", title, v)
}

// search answers while somebody types.
func (in *Inspector) search(r *twk.Request) twk.Response {
	signals := struct{ Q string }{r.URL.Query().Get("q")}
	if err := r.Signals(&signals); err != nil {
		return twk.BadRequest(err)
	}
	return twk.Respond(in.patch("results", in.results(r.Context(), signals.Q, r.URL.Query().Get("item"))))
}

// results searches the catalogue: for a text, or for an expression if it is
// between slashes.
func (in *Inspector) results(ctx context.Context, query, current string) resultsView {
	v := resultsView{Query: query, Current: current, Total: len(in.console.Describe())}
	matches, err := in.grep(ctx, query)
	if err != nil {
		v.Problem = err.Error()
	}
	for _, m := range matches {
		mv := matchView{Item: m.Item, Current: m.Item.Name == current, Link: in.itemLink(m.Item.Name, query)}
		for _, h := range m.Hits {
			if len(mv.Hits) == 3 || h.Field == "name" && len(m.Hits) > 1 && query == "" {
				break
			}
			mv.Hits = append(mv.Hits, hitOf(h))
		}
		if n := len(v.Groups); n == 0 || v.Groups[n-1].Name != m.Item.Registry {
			v.Groups = append(v.Groups, groupView{Name: m.Item.Registry})
		}
		g := &v.Groups[len(v.Groups)-1]
		g.Matches = append(g.Matches, mv)
		v.Found++
	}
	return v
}

func (in *Inspector) grep(ctx context.Context, query string) ([]schema.Match, error) {
	if query == "" {
		var all []schema.Match
		for _, i := range in.console.Describe() {
			all = append(all, schema.Match{Item: i})
		}
		return all, nil
	}
	if len(query) > 2 && strings.HasPrefix(query, "/") && strings.HasSuffix(query, "/") {
		return in.console.GrepRegexp(ctx, query[1:len(query)-1])
	}
	return in.console.Grep(ctx, query)
}

// hitOf cuts out what is around a match.
func hitOf(h schema.Hit) hitView {
	const around = 36
	from, to := max(0, h.Start-around), min(len(h.Text), h.End+around)
	for from > 0 && !utf8.RuneStart(h.Text[from]) {
		from--
	}
	for to < len(h.Text) && !utf8.RuneStart(h.Text[to]) {
		to++
	}
	if field, ok := strings.CutSuffix(h.Field, h.Text); ok { // the name of a field
		return hitView{field, h.Text[:h.Start], h.Text[h.Start:h.End], h.Text[h.End:], true}
	}
	v := hitView{Field: h.Field, Before: h.Text[from:h.Start], Match: h.Text[h.Start:h.End], After: h.Text[h.End:to]}
	if from > 0 {
		v.Before = "…" + v.Before
	}
	if to < len(h.Text) {
		v.After += "…"
	}
	return v
}

// itemView is one item in full.
type itemView struct {
	schema.Item
	Fields []rowView
	Schema string
	Gives  string // schema of the result
	Calls  []string
	Meta   string
	Sample sampleView
	CanRun bool
}

// rowView is one line of the table of fields.
type rowView struct {
	*field
	Depth int
}

func (in *Inspector) item(i schema.Item) *itemView {
	v := &itemView{Item: i, CanRun: i.Kind != schema.Placeholders}
	v.Fields = rows(nil, formOf(i.Args), 0)
	if i.Args != nil {
		v.Schema = text(i.Args, 1<<20)
	}
	if i.Result != nil {
		v.Gives = text(i.Result, 1<<20)
	}
	for _, x := range i.Examples {
		v.Calls = append(v.Calls, text(x, maxText))
	}
	if len(i.Meta) > 0 {
		v.Meta = text(i.Meta, maxText)
	}
	v.Sample = in.sampleOf(i, 1)
	return v
}

func rows(to []rowView, fields []*field, depth int) []rowView {
	for _, f := range fields {
		to = append(to, rowView{f, depth})
		to = rows(to, f.Fields, depth+1)
	}
	return to
}

// sampleView is a generated call.
type sampleView struct {
	Name, Text, Problem string
	Seed                uint64
	CanRun              bool
}

// sampleOf generates a call of i; seed 0 means any.
func (in *Inspector) sampleOf(i schema.Item, seed uint64) sampleView {
	if seed == 0 {
		seed = 1 + rand.Uint64N(999_999)
	}
	v := sampleView{Name: i.Name, Seed: seed, CanRun: i.Kind != schema.Placeholders}
	call, err := in.generate(i, seed)
	if err != nil {
		v.Problem = err.Error()
		return v
	}
	v.Text = text(call, maxText)
	return v
}

// generate returns a call that is none of the examples.
func (in *Inspector) generate(i schema.Item, seed uint64) (json.RawMessage, error) {
	all, err := in.console.Sample(i.Name, len(i.Examples)+1, seed)
	if err != nil {
		return nil, err
	}
	return all[len(all)-1], nil
}

// sample answers with another sample.
func (in *Inspector) sample(r *twk.Request) twk.Response {
	q := r.URL.Query()
	i, err := in.console.Get(q.Get("name"))
	if errors.Is(err, schema.ErrUnknown) {
		return twk.Status(http.StatusNotFound)
	}
	seed, err := strconv.ParseUint(q.Get("seed"), 10, 64)
	if err != nil {
		seed = 0
	}
	return twk.Respond(in.patch("sample", in.sampleOf(i, seed)))
}
