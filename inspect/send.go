package inspect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/schema"
	"github.com/sfere-go/sfere/twk"
)

// sendView is the page for trying effects out.
type sendView struct {
	Groups   []itemGroup
	Fields   fieldsView
	List, To string
	Keys     []keyText // to choose To from
	ReadOnly string    // why nothing can be sent
	Outcome  outcomeView
}

// itemGroup is a part of the menu of items.
type itemGroup struct {
	Label string
	Names []string
}

// fieldsView is the form for one item.
type fieldsView struct {
	Name, Doc string
	Fields    []*field
	More      []*field // optional ones, folded away
	Problem   string
}

// maxPlain is how many fields are shown at first, if no more are required.
const maxPlain = 5

// folded returns v with the optional fields beyond the first ones in More.
func (v fieldsView) folded() fieldsView {
	if len(v.Fields) <= maxPlain+1 {
		return v
	}
	all := v.Fields
	v.Fields = nil
	for i, f := range all {
		if i < maxPlain-1 || f.Required {
			v.Fields = append(v.Fields, f)
		} else {
			v.More = append(v.More, f)
		}
	}
	return v
}

// Open reports whether a folded field has something to show.
func (v fieldsView) Open() bool {
	return slices.ContainsFunc(v.More, func(f *field) bool { return f.Value != "" || f.Problem != "" })
}

// sendPage answers with the page; the query fills it in.
func (in *Inspector) sendPage(r *twk.Request) twk.Response {
	q := r.URL.Query()
	v := sendView{Fields: in.fieldsOf(q.Get("item"), q.Get("seed")).folded(), To: q.Get("to"), List: indented(q.Get("list")), Keys: in.someKeys()}
	byKind := map[schema.Kind]*itemGroup{}
	for _, k := range []schema.Kind{schema.Effects, schema.Actions} {
		g := itemGroup{Label: string(k) + "s"}
		for _, i := range in.console.Describe(k) {
			g.Names = append(g.Names, i.Name)
		}
		if byKind[k] = &g; len(g.Names) > 0 {
			v.Groups = append(v.Groups, g)
		}
	}
	v.ReadOnly = whyNot(r.Request)
	return in.page("send", "Send", v)
}

// indented returns JSON for people, and other text as it is.
func indented(text string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return text
	}
	return b.String()
}

// someKeys returns patterns that are likely to be meant.
func (in *Inspector) someKeys() []keyText {
	const most = 50
	page, err := in.conns.Page(everyone, "", most)
	if err != nil {
		return nil
	}
	out := []keyText{{Text: everyone.String(), Exact: everyone.String()}}
	for _, c := range in.countsOf(page.Categories, false, func(string) sfere.Pattern { return everyone }) {
		p := everyone
		p.Category = sfere.Is(c.Name)
		out = append(out, keyText{Text: p.String(), Exact: p.String()})
	}
	for _, c := range page.Conns {
		for _, k := range c.Keys {
			if len(out) < most && len(k.String()) <= maxKey {
				out = append(out, keyTextOf(k))
			}
		}
	}
	return out
}

// fieldsOf returns the form for an item, filled in from the sample of seed if
// there is one.
func (in *Inspector) fieldsOf(name, seed string) fieldsView {
	if name == "" {
		return fieldsView{}
	}
	i, err := in.console.Get(name)
	switch {
	case err != nil:
		return fieldsView{Problem: err.Error()}
	case i.Kind == schema.Placeholders:
		return fieldsView{Problem: name + " is a placeholder: it is used inside the fields of effects"}
	}
	v := fieldsView{Name: i.Name, Doc: i.Doc, Fields: formOf(i.Args), Problem: i.SchemaError}
	if n, err := strconv.ParseUint(seed, 10, 64); err == nil {
		var call struct{ Args any }
		if text, err := in.generate(i, n); err == nil && json.Unmarshal(text, &call) == nil {
			fill(v.Fields, call.Args)
		}
	}
	return v
}

// form answers with the form for another item.
func (in *Inspector) form(r *twk.Request) twk.Response {
	var signals struct{ Item string }
	if err := r.Signals(&signals); err != nil {
		return twk.BadRequest(err)
	}
	return twk.Respond(in.patch("fields", in.fieldsOf(signals.Item, "").folded()))
}

// maxForm bounds what is posted, in bytes.
const maxForm = 1 << 20

func readForm(r *twk.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(nil, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	return r.PostForm, nil
}

// add makes a call from the form and adds it to the list.
func (in *Inspector) add(r *twk.Request) twk.Response {
	form, err := readForm(r)
	if err != nil {
		return twk.BadRequest(err)
	}
	v := in.fieldsOf(form.Get("item"), "")
	if v.Name == "" {
		v.Problem = "Choose an effect or an action first."
		return twk.Respond(in.patch("fields", v.folded()))
	}
	args, ok := read(v.Fields, form)
	if !ok {
		return twk.Respond(in.patch("fields", v.folded()))
	}
	call := `{"effect":` + compactJSON(v.Name)
	if args != nil {
		call += `,"args":` + string(args)
	}
	call += "}"
	if err := in.console.Validate(r.Context(), []byte("["+call+"]")); err != nil {
		blame(&v, err)
		return twk.Respond(in.patch("fields", v.folded()))
	}
	list, err := appendCall(form.Get("list"), call)
	if err != nil {
		return twk.Respond(in.patch("fields", v.folded()), in.patch("outcome", outcomeView{Kind: "problem", Title: "The list below is not JSON", Text: err.Error()}))
	}
	return twk.Respond(
		in.patch("fields", v.folded()),
		twk.PatchSignals{Signals: map[string]any{"list": list}},
		in.patch("outcome", outcomeView{Kind: "note", Title: v.Name + " was added to the list."}),
	)
}

// blame puts what the validator says next to the inputs it is about.
func blame(v *fieldsView, err error) {
	invalid, ok := errors.AsType[*schema.Error](err)
	if !ok {
		v.Problem = err.Error()
		return
	}
	for _, p := range invalid.Problems {
		at := strings.TrimPrefix(p.Pointer, "/0/args")
		if f := innermost(v.Fields, at); f != nil {
			f.Problem = p.Message
		} else {
			v.Problem = p.String()
		}
	}
}

// innermost returns the input that holds the value at a JSON pointer.
func innermost(fields []*field, at string) *field {
	for _, f := range fields {
		if at != f.ID && !strings.HasPrefix(at, f.ID+"/") {
			continue
		}
		if inner := innermost(f.Fields, at); inner != nil {
			return inner
		}
		return f
	}
	return nil
}

// appendCall adds a call to a list in JSON and indents it for people.
func appendCall(list, call string) (string, error) {
	var items []json.RawMessage
	if strings.TrimSpace(list) != "" {
		cmd, err := console.ParseCommand([]byte(list))
		if err != nil {
			return "", err
		}
		if err := json.Unmarshal(cmd.Effects, &items); err != nil {
			return "", err
		}
	}
	items = append(items, json.RawMessage(call))
	var all bytes.Buffer
	all.WriteByte('[')
	for i, item := range items {
		if i > 0 {
			all.WriteByte(',')
		}
		all.Write(item)
	}
	all.WriteByte(']')
	var out bytes.Buffer
	if err := json.Indent(&out, all.Bytes(), "", "  "); err != nil {
		return "", err
	}
	return out.String(), nil
}

// command reads what is to be run.
func (in *Inspector) command(r *twk.Request) (console.Command, error) {
	by := httpapi.SenderOf(r.Request, via, httpapi.CallerOf(r.Context()))
	form, err := readForm(r)
	if err != nil {
		return console.Command{Sender: by}, err
	}
	cmd, err := console.ParseCommand([]byte(form.Get("list")))
	if to := strings.TrimSpace(form.Get("to")); to != "" {
		cmd.To = to
	}
	cmd.Sender = by
	return cmd, err
}

// check tells whether the list is valid.
func (in *Inspector) check(r *twk.Request) twk.Response {
	cmd, err := in.command(r)
	if err == nil {
		err = in.console.Validate(r.Context(), cmd.Effects)
	}
	if err == nil {
		_, err = parsePattern(cmd.To)
	}
	if err != nil {
		return in.problems("The list is not valid", err)
	}
	var items []json.RawMessage
	_ = json.Unmarshal(cmd.Effects, &items) // it is valid
	return twk.Respond(in.patch("outcome", outcomeView{Kind: "fine", Title: fmt.Sprintf("Valid: %s.", plural(len(items), "effect"))}))
}

// dryRun tells what the list would do.
func (in *Inspector) dryRun(r *twk.Request) twk.Response {
	cmd, err := in.command(r)
	if err != nil {
		return in.problems("Nothing to rehearse", err)
	}
	out, err := in.console.DryRun(r.Context(), cmd)
	if err != nil {
		return in.problems("The list would not run", err)
	}
	return twk.Respond(in.patch("outcome", in.rehearsed(cmd, out)))
}

// send runs the list, if the request may.
func (in *Inspector) send(r *twk.Request) twk.Response {
	cmd, err := in.command(r)
	if why := whyNot(r.Request); why != "" {
		in.console.Refused(r.Context(), cmd, httpapi.Forbidden(httpapi.CallerOf(r.Context())))
		return twk.Respond(in.patch("outcome", outcomeView{Kind: "refused", Title: "Not sent", Text: why}))
	}
	if err != nil {
		in.console.Refused(r.Context(), cmd, err)
		return in.problems("Nothing was sent", err)
	}
	out, err := in.console.Send(r.Context(), cmd)
	if err != nil {
		return in.problems("Nothing was sent", err)
	}
	return twk.Respond(in.patch("outcome", in.sent(cmd, out)))
}

func (in *Inspector) problems(title string, err error) twk.Response {
	v := outcomeView{Kind: "problem", Title: title}
	if invalid, ok := errors.AsType[*schema.Error](err); ok {
		v.Problems = invalid.Problems
	} else {
		v.Text = err.Error()
	}
	return twk.Respond(in.patch("outcome", v))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
