package mcp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/internal/excerpt"
	"github.com/sfere-go/sfere/schema"
)

// Bounds of a summary and of one entry of it, in bytes.
const (
	maxSummary = 4000
	maxEntry   = 800
)

// summary is the text of an answer, an entry to a line. What does not fit is
// counted.
type summary struct {
	text string
	more int
}

func (s *summary) add(entry string) {
	entry = short(entry, maxEntry)
	if s.more > 0 || len(s.text)+len(entry) > maxSummary {
		s.more++
		return
	}
	if s.text != "" {
		s.text += "\n"
	}
	s.text += entry
}

func (s *summary) content() []sdk.Content {
	text := s.text
	if s.more > 0 {
		text += fmt.Sprintf("\nand %d more lines; the structured content has them", s.more)
	}
	return []sdk.Content{&sdk.TextContent{Text: text}}
}

// cut shortens text to at most n bytes.
func cut(text string, n int) string { return excerpt.Of(text, n, "…") }

func compact(text json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return string(text)
	}
	return b.String()
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

func times(n int) string {
	if n > 1 {
		return fmt.Sprintf(" ×%d", n)
	}
	return ""
}

func problems(title string, list []schema.Problem) summary {
	s := summary{text: title}
	for _, p := range list {
		s.add(p.String())
	}
	return s
}

// listOf tells what items there are.
func listOf(one, many string, items []brief) summary {
	var s summary
	s.add(plural(len(items), one, many))
	for _, i := range items {
		s.add(fmt.Sprintf("%s (%s): %s", i.Name, i.Kind, i.Doc))
	}
	return s
}

func aboutItem(i schema.Item) summary {
	var s summary
	kind := string(i.Kind)
	if i.Reach != "" {
		kind += ", " + i.Reach
	}
	s.add(fmt.Sprintf("%s (%s): %s", i.Name, kind, i.Doc))
	if i.SchemaError != "" {
		s.add("no schema: " + i.SchemaError)
	}
	if i.Args != nil && i.Args.Properties != nil {
		for p := i.Args.Properties.Oldest(); p != nil; p = p.Next() {
			line := "field " + p.Key
			if slices.Contains(i.Args.Required, p.Key) {
				line += ", required"
			}
			if p.Value.Description != "" {
				line += ": " + p.Value.Description
			}
			s.add(line)
		}
	}
	for _, x := range i.Examples {
		s.add("example " + compact(x))
	}
	return s
}

func aboutPage(p sfere.Page) summary {
	var s summary
	s.add(fmt.Sprintf("%d match, %d in all", p.Matched, p.All))
	for _, n := range p.Unheard() {
		s.add("not counted: what is at " + aboutNode(n))
	}
	for _, c := range p.Conns {
		line := fmt.Sprintf("#%d %s%s, open for %s, queued %d, sent %d", c.Conn.ID, keys(c.Keys), at(c.Node), time.Since(c.Conn.Opened).Round(time.Second), c.Conn.Queued, c.Conn.Sent)
		if n := len(c.Views) + c.MoreViews; n > 0 {
			line += ", shows " + strings.Join(c.Views[:min(3, len(c.Views))], ", ")
			if n > 3 {
				line += fmt.Sprintf(" and %d more", n-3)
			}
		}
		s.add(line)
	}
	if p.Next != "" {
		s.add("more after " + p.Next)
	}
	return s
}

// at says which machine something is at, if it is said.
func at(node string) string {
	if node == "" {
		return ""
	}
	return " at " + node
}

func aboutNodes(list []sfere.NodeInfo) summary {
	var s summary
	s.add(plural(len(list), "node", "nodes"))
	for _, n := range list {
		s.add(aboutNode(n))
	}
	return s
}

func aboutNode(n sfere.NodeInfo) string {
	line := n.Label() + ": " + n.Condition()
	if n.Self {
		line += ", the one that answers here"
	}
	if n.Reason != "" {
		line += ", " + n.Reason
	}
	if n.Count != nil {
		line += ", " + plural(n.Count.All, "connection", "connections")
	}
	if s := n.Stats; s != nil {
		line += fmt.Sprintf(", %d gaps, %d bytes wait, %d sent, %d received, %d useless, %d refused", s.Gaps, s.QueueBytes, s.Sent, s.Received, s.Useless, s.Refused)
	}
	return line
}

func aboutViews(v console.Views) summary {
	var s summary
	s.add(plural(v.Matched, "value is shown", "values are shown"))
	for _, name := range slices.Sorted(maps.Keys(v.Counts)) {
		s.add(fmt.Sprintf("%s %d", name, v.Counts[name]))
	}
	for _, i := range v.Views {
		s.add(aboutView(i))
	}
	if v.Next != 0 {
		s.add(fmt.Sprintf("more after %d", v.Next))
	}
	return s
}

func aboutView(v sfere.ViewInfo) string {
	line := strings.TrimSpace(fmt.Sprintf("%d %s %s %s", v.ID, v.Name, compact(v.Value), in(v.Scope)))
	if v.Stream != 0 {
		line += fmt.Sprintf(" for stream #%d", v.Stream)
	}
	line += fmt.Sprintf(": %s, %s, %d of them unchanged, the last took %s", plural(v.Viewers, "viewer", "viewers"), plural(int(v.Renders), "render", "renders"), v.Unchanged, v.LastTook)
	if !v.DirtySince.IsZero() {
		line += ", waits since " + v.DirtySince.Format(time.TimeOnly)
	}
	if v.Stuck {
		line += ", stuck"
	}
	if v.Error != "" {
		line += ", failed: " + v.Error
	}
	return line
}

// in says which scope something is in, if it is in one.
func in(scope string) string {
	if scope == "" {
		return ""
	}
	return "in " + scope
}

// keys are the first of a list of keys.
func keys(list []sfere.Key) string {
	var out []string
	for i, k := range list {
		if i == 3 {
			out = append(out, fmt.Sprintf("and %d more keys", len(list)-i))
			break
		}
		out = append(out, k.String())
	}
	return strings.Join(out, " ")
}

func aboutRemovals(list []sfere.Removal) summary {
	var s summary
	s.add(plural(len(list), "connection has left", "connections have left"))
	for _, r := range list {
		s.add(fmt.Sprintf("#%d %s at %s, %s, after %s", r.Info.ID, keys(r.Keys), r.At.Format(time.TimeOnly), r.Cause, r.At.Sub(r.Info.Opened).Round(time.Second)))
	}
	return s
}

func aboutDispatch(d console.Dispatch) string {
	state := string(d.State)
	if d.Dry {
		state += ", dry run"
	}
	var items []string
	for i, name := range d.Names {
		if i < len(d.Targets) && d.Targets[i] != "" {
			name += " to " + d.Targets[i]
		}
		items = append(items, name)
	}
	line := fmt.Sprintf("#%d %s %s in %s%s: %s", d.Seq, d.Began.Format(time.TimeOnly), state, d.Took, times(d.Times), strings.Join(items, ", "))
	if from := strings.TrimSpace(d.Request + " " + d.Key); from != "" {
		line += " (" + from + ")"
	}
	return line
}

func aboutTree(d console.Dispatch) summary {
	var s summary
	s.add(aboutDispatch(d))
	s.tree(d, "")
	return s
}

func (s *summary) tree(d console.Dispatch, indent string) {
	for _, step := range d.Steps {
		line := fmt.Sprintf("%s%s %s %s", indent, step.Path, step.Name, step.State)
		switch {
		case step.Error != "":
			line += fmt.Sprintf(" %s: %s", step.Phase, step.Error)
		case len(step.Value) > 0:
			line += " " + compact(step.Value)
		}
		s.add(line)
		for _, n := range step.Nested {
			s.tree(n, indent+"  ")
		}
	}
	for _, n := range d.Nested {
		s.tree(n, indent+"  ")
	}
}

func aboutOutcome(o console.Outcome) summary {
	var s summary
	for _, r := range o.Ran {
		s.add(strings.TrimSpace(fmt.Sprintf("%s %s ran %s", r.Path, r.Name, compact(r.Value))))
	}
	s.others(o.Errors, o.Skipped)
	return s
}

func (s *summary) others(errs []console.Failed, skipped []console.Skipped) {
	for _, e := range errs {
		s.add(fmt.Sprintf("%s %s failed, %s: %s", e.Path, e.Name, e.Phase, e.Error))
	}
	for _, k := range skipped {
		s.add(fmt.Sprintf("%s %s was skipped: %s", k.Path, k.Name, k.Reason))
	}
}

func aboutRehearsal(r console.Rehearsal) summary {
	var s summary
	s.add("This is a dry run: nothing has happened.")
	for _, w := range r.WouldRun {
		s.add(strings.TrimSpace(fmt.Sprintf("%s %s would run %s", w.Path, w.Name, compact(w.Value))))
	}
	s.others(r.Errors, r.Skipped)
	for _, p := range r.Plan {
		if !p.Rehearsed {
			s.add(fmt.Sprintf("%s %s is %s and would run%s; what it does is not known", p.Path, p.Name, p.Reach, times(p.Times)))
		}
		for _, d := range p.Sends {
			s.add(aboutDelivery(p, d))
		}
		if r := p.Renders; r != nil {
			s.add(fmt.Sprintf("%s %s: %s would be rendered again, for %s", p.Path, p.Name, plural(r.Values, "value", "values"), plural(r.Streams, "viewer", "viewers")))
			for _, v := range r.Sample {
				s.add(strings.TrimSpace(fmt.Sprintf("%s %s %s", v.Name, compact(v.Value), in(v.Scope))) + ": " + plural(v.Viewers, "viewer", "viewers"))
			}
		}
		for _, w := range p.Would {
			s.add(fmt.Sprintf("%s %s would %s", p.Path, p.Name, compact(w)))
		}
		if p.More > 0 {
			s.add(fmt.Sprintf("%s %s: %d more are left out", p.Path, p.Name, p.More))
		}
	}
	return s
}

func aboutDelivery(p console.Planned, d console.Delivery) string {
	var to []string
	for _, t := range d.To {
		to = append(to, strings.TrimSpace(fmt.Sprintf("%s #%d", t.Key, t.Conn)))
	}
	line := fmt.Sprintf("%s %s to %s (%s)", p.Path, p.Name, plural(d.Streams, "stream", "streams"), strings.Join(to, ", "))
	if d.Cause != "" {
		return line + " would close: " + string(d.Cause)
	}
	return fmt.Sprintf("%s: %d bytes in all\n%s", line, d.Bytes, strings.TrimSpace(d.Text))
}
