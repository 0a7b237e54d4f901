package sfere

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/flight"
	"github.com/sfere-go/sfere/twk"
)

// checks are what Options.Development looks for.
type checks struct {
	hook func(view effect.Data, warning string)

	mu     sync.Mutex // guards warned; nothing is called under it
	warned map[warning]bool
}

// warning is a kind of mistake of one view.
type warning struct {
	view *view
	kind mistake
}

// mistake is what may be wrong with a view.
type mistake uint8

const (
	noTopics mistake = iota
	noID
	setsSignals
	openDialog
	fieldChanged
	overlap
)

// Bounds of what is looked at.
const (
	maxMarkup  = 1 << 20 // bytes of one frame
	maxIDs     = 2000    // of one frame
	maxFields  = 200     // of one frame
	maxScreens = 100     // that show a value, for each render
)

// warn tells of a mistake of d, once. No lock of views may be held.
func (c *checks) warn(d *view, v effect.Data, kind mistake, format string, args ...any) {
	c.mu.Lock()
	known := c.warned[warning{d, kind}]
	c.warned[warning{d, kind}] = true
	c.mu.Unlock()
	if known {
		return
	}
	text := fmt.Sprintf(format, args...)
	if c.hook == nil {
		slog.Warn("sfere: "+text, "view", d.name, "value", v)
		return
	}
	defer contain("view warning hook")
	c.hook(v, text)
}

// looked is what a check knows of the last frame of a value. It is constant.
type looked struct {
	roots  []string          // ids of what the frame replaces
	ids    map[string]bool   // in the frame, roots included
	fields map[string]string // values of inputs, by what tells them apart
}

// check looks at the frame that the effects of a view make. It returns them with
// their markup rendered, so that it is rendered once.
func (w *views) check(ctx context.Context, d *view, v *flight.Value, list effect.List) effect.List {
	now := &looked{ids: map[string]bool{}, fields: map[string]string{}}
	value := v.ID().(valueID).value
	for i, e := range list {
		p, ok := e.(twk.PatchElements)
		if !ok {
			continue
		}
		var b bytes.Buffer
		if p.Elements.Render(ctx, &b) != nil || b.Len() > maxMarkup {
			continue // what is wrong is told by whoever renders it in earnest
		}
		p.Elements = twk.HTML(b.String())
		list[i] = p
		roots, err := html.ParseFragment(&b, &html.Node{Type: html.ElementNode, Data: "template", DataAtom: atom.Template})
		if err != nil {
			continue
		}
		if id, ok := strings.CutPrefix(p.Selector, "#"); ok {
			now.roots = append(now.roots, id)
			now.ids[id] = true
		}
		for _, n := range roots {
			w.root(d, value, n, p.Selector != "", now)
		}
	}
	w.compare(d, v, value, now)
	return list
}

// root looks at a top node of a frame.
func (w *views) root(d *view, v effect.Data, n *html.Node, selected bool, now *looked) {
	if !selected {
		id := attribute(n, "id")
		switch {
		case n.Type == html.ElementNode && id != "":
			now.roots = append(now.roots, id)
		case n.Type == html.ElementNode:
			w.checks.warn(d, v, noID, "a view renders <%s> without an id, so that the client does not find what to replace: give every outermost element an id, or set ViewFrame.Selector", n.Data)
		case n.Type == html.TextNode && strings.TrimSpace(n.Data) != "":
			w.checks.warn(d, v, noID, "a view renders text outside of any element, which the client cannot place: put it into an element with an id, or set ViewFrame.Selector")
		}
	}
	w.node(d, v, n, now, 0)
}

// maxDepth bounds how deep markup is looked into.
const maxDepth = 500

// node looks at n and everything in it.
func (w *views) node(d *view, v effect.Data, n *html.Node, now *looked, depth int) {
	if depth > maxDepth {
		return
	}
	if n.Type == html.ElementNode {
		if id := attribute(n, "id"); id != "" && len(now.ids) < maxIDs {
			now.ids[id] = true
		}
		for _, a := range n.Attr {
			if a.Key == "data-ignore-morph" {
				return // what is in there stays as it is on the page
			}
		}
		w.element(d, v, n, now)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		w.node(d, v, c, now, depth+1)
	}
}

func (w *views) element(d *view, v effect.Data, n *html.Node, now *looked) {
	for _, a := range n.Attr {
		name, modifiers, _ := strings.Cut(a.Key, "__")
		if (name == "data-signals" || strings.HasPrefix(name, "data-signals:")) && !strings.Contains("__"+modifiers, "__ifmissing") {
			w.checks.warn(d, v, setsSignals, "a view renders %s without __ifmissing: every render sets the signals again, over what the user has typed", a.Key)
		}
	}
	switch n.Data {
	case "dialog":
		if hasAttribute(n, "open") {
			w.checks.warn(d, v, openDialog, "a view renders <dialog open>: every render opens it again, or closes it with what the user has typed; put it outside of the view or under data-ignore-morph")
		}
	case "input", "textarea", "select":
		if value, ok := fieldValue(n); ok && len(now.fields) < maxFields {
			name := attribute(n, "id")
			switch {
			case name != "":
			case attribute(n, "type") == "radio": // several have one name
				name = n.Data + " " + attribute(n, "name") + " " + attribute(n, "value")
			default:
				name = n.Data + " " + attribute(n, "name")
			}
			if _, again := now.fields[name]; !again {
				now.fields[name] = value
			}
		}
	}
}

// compare looks at what a frame says beside the one before, and beside the other
// views of the streams that show it.
func (w *views) compare(d *view, v *flight.Value, value effect.Data, now *looked) {
	w.mu.Lock()
	var before *looked
	if k := w.known[v]; k != nil {
		before, k.looked = k.looked, now
	}
	var screens []*screen
	for _, s := range w.screens {
		if s.shown[v.ID().(valueID)] != nil {
			if screens = append(screens, s); len(screens) == maxScreens {
				break
			}
		}
	}
	w.mu.Unlock()
	if before != nil {
		for name, old := range before.fields {
			if text, ok := now.fields[name]; ok && text != old {
				w.checks.warn(d, value, fieldChanged, "a view renders the field %q with another value than before, over what the user has typed: put it outside of the view or under data-ignore-morph", name)
				break
			}
		}
	}
	for _, s := range screens {
		w.overlaps(s)
	}
}

// shows looks at a value that a stream begins to show.
func (w *views) shows(s *screen, d *view, v effect.Data, topics []any) {
	if len(topics) == 0 && d.maxAge == 0 {
		w.checks.warn(d, v, noTopics, "a view has no topics: no sfere.Refresh with a Topic renders it again; add a method Topics() []sfere.Topic, or set ViewOptions.MaxAge")
	}
	w.overlaps(s)
}

// overlaps warns of views of one stream that are about the same elements.
func (w *views) overlaps(s *screen) {
	type clash struct {
		d        *view
		v        effect.Data
		other    string
		id       string
		contains bool
	}
	var found []clash
	w.mu.RLock()
	owner := map[string]*shown{}
	for _, sh := range s.shown {
		k := w.known[sh.seat.Value()]
		if k == nil || k.looked == nil {
			continue
		}
		for _, root := range k.looked.roots {
			if other := owner[root]; other != nil && other != sh {
				found = append(found, clash{sh.def, sh.id.value, other.def.name, root, false})
			}
			owner[root] = sh
		}
	}
	for _, sh := range s.shown {
		k := w.known[sh.seat.Value()]
		if k == nil || k.looked == nil {
			continue
		}
		for id := range k.looked.ids {
			if other := owner[id]; other != nil && other != sh {
				found = append(found, clash{sh.def, sh.id.value, other.def.name, id, true})
			}
		}
		if len(found) > maxCauses {
			break
		}
	}
	w.mu.RUnlock()
	for _, c := range found {
		if c.contains {
			w.checks.warn(c.d, c.v, overlap, "a view contains the element %q, which %s on the same stream replaces: each of them overwrites the other, and the older state may win; let one view show both, or put the element outside", c.id, c.other)
		} else {
			w.checks.warn(c.d, c.v, overlap, "a view replaces the element %q, and so does %s on the same stream: the one that is rendered last wins", c.id, c.other)
		}
	}
}

// fieldValue returns what a field of a form is rendered with; ok is false for those
// that nobody types into.
func fieldValue(n *html.Node) (value string, ok bool) {
	switch n.Data {
	case "textarea":
		return ownText(n), true
	case "select":
		return chosen(n), true
	}
	switch strings.ToLower(attribute(n, "type")) {
	case "hidden", "submit", "button", "reset", "image", "file":
		return "", false
	case "checkbox", "radio":
		return fmt.Sprint(hasAttribute(n, "checked")), true
	}
	return attribute(n, "value"), true
}

// chosen returns the values of the chosen options of a select.
func chosen(n *html.Node) string {
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Data == "optgroup" {
			b.WriteString(chosen(c))
		}
		if c.Data == "option" && hasAttribute(c, "selected") {
			b.WriteString(attribute(c, "value") + ownText(c) + "\n")
		}
	}
	return b.String()
}

// ownText returns the text in n that is in no other element.
func ownText(n *html.Node) string {
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// hasAttribute reports whether n has an attribute.
func hasAttribute(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// attribute returns the value of an attribute, empty if there is none.
func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
