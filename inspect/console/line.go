package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/internal/plainjson"
)

// Line is what one item of a dispatch became, in a form that two runs can be compared
// by: what changes from run to run is not in it. How long it took, numbers of dispatches
// and streams, and whom a broadcast reached, are left out. Inside of Item, Value and
// Error, a time as in RFC 3339 is "<time>", an address in memory "<address>", and "<id>"
// stands for a UUID, for 32 hexadecimal digits, and for 26 letters and digits, such as a
// ULID or rand.Text.
type Line struct {
	// At is the path. ">" stands between the path of an item and that of one of a
	// continuation that it started, ">2>" if it is the second continuation, and ">*>"
	// if it is one for recipients.
	At    string       `json:"at"`
	Name  string       `json:"name"`
	State record.State `json:"state"`           // done, failed or skipped
	Item  string       `json:"item,omitempty"`  // its data, as JSON
	Value string       `json:"value,omitempty"` // what it gave, as JSON
	Error string       `json:"error,omitempty"` // phase, who is at fault, and the text
}

// Any is an Item, Value or Error of a [Line] that is not compared.
const Any = "<any>"

const (
	inner      = ">"
	recipients = ">*>"
)

// linesOf returns what became of the items of d, in the order of the tree.
func linesOf(d Dispatch) []Line {
	var out []Line
	for _, s := range d.Steps {
		l := Line{At: s.Path, Name: s.Name, State: s.State, Item: steady(s.Item), Error: wentWrong(s)}
		if !s.Audience {
			l.Value = steady(s.Value)
		}
		out = append(out, l)
		out = append(out, continued(s.Path, s.Audience, s.Nested)...)
	}
	return append(out, continued("", false, d.Nested)...)
}

// continued returns the lines of the continuations of the item at a path. Those for
// recipients that are the same come once.
func continued(path string, audience bool, nested []Dispatch) (out []Line) {
	var groups [][]Line
	for _, n := range nested {
		if lines := linesOf(n); len(lines) > 0 {
			groups = append(groups, lines)
		}
	}
	// They may have run at the same time.
	slices.SortFunc(groups, func(a, b []Line) int { return slices.CompareFunc(a, b, compareLines) })
	if audience {
		groups = slices.CompactFunc(groups, func(a, b []Line) bool { return slices.Equal(a, b) })
	}
	for i, lines := range groups {
		between := inner
		if audience {
			between = recipients
		}
		if i > 0 {
			between += fmt.Sprint(i+1, inner)
		}
		for _, l := range lines {
			l.At = path + between + l.At
			out = append(out, l)
		}
	}
	return out
}

func compareLines(a, b Line) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Item, b.Item), cmp.Compare(a.State, b.State),
		cmp.Compare(a.Value, b.Value), cmp.Compare(a.Error, b.Error))
}

// wentWrong is why a step failed or was skipped.
func wentWrong(s Step) string {
	if s.Error == "" && s.Phase == "" {
		return ""
	}
	by := ""
	if s.By != "" {
		by = " by " + s.By
	}
	return steadyText(strings.TrimSpace(string(s.Phase)+by) + ": " + s.Error)
}

// steady is JSON in one form, without what changes from run to run.
func steady(text json.RawMessage) string {
	if len(text) == 0 {
		return ""
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return steadyText(string(text))
	}
	out, err := plainjson.Marshal(steadyValue(v))
	if err != nil {
		return steadyText(string(text))
	}
	return string(out)
}

func steadyValue(v any) any {
	switch v := v.(type) {
	case string:
		return steadyText(v)
	case []any:
		for i := range v {
			v[i] = steadyValue(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = steadyValue(v[name])
		}
	}
	return v
}

// changing finds what changes from run to run in a text; the names of its groups say what
// stands in its place.
const changing = `(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d))` +
	`|(?P<id>\b([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|[0-9a-f]{32}|[0-9A-Z]{26})\b)` +
	`|(?P<address>\b0xc[0-9a-f]{8,15}\b)`

var changes = regexp.MustCompile(changing)

func steadyText(s string) string {
	s = strings.ReplaceAll(s, `\ufffd`, "\ufffd") // JSON inside of a text, where bytes were not UTF-8
	return changes.ReplaceAllStringFunc(s, func(found string) string {
		if strings.Trim(found, "0123456789") == "" {
			return found // a large number
		}
		m := changes.FindStringSubmatch(found)
		for i, name := range changes.SubexpNames() {
			if name != "" && i < len(m) && m[i] != "" {
				return "<" + name + ">"
			}
		}
		return found
	})
}

// Lines returns what every item of r became, in the order of the tree.
func (r Recording) Lines() []Line { return linesOf(r.Dispatch) }
