package record

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sfere-go/sfere/internal/plainjson"
)

// Filter chooses recorded dispatches. The zero Filter chooses all.
type Filter struct {
	// Name is a part of the name of an effect or action that was dispatched or ran
	// anywhere in the tree, in any letter case.
	Name string
	// Text is what a name, the request, the stream, a pattern, an error or the data
	// of the tree contains, in any letter case.
	Text string
	// Failed leaves out what did not fail.
	Failed bool
}

// Match reports whether f chooses d, a whole tree as [Recorder.Get] and
// [Recorder.Recent] return it.
func (f Filter) Match(d Dispatch) bool {
	if f.Failed && !d.Failed {
		return false
	}
	name, text := strings.ToLower(f.Name), strings.ToLower(f.Text)
	return (name == "" || anyName(d, name)) && (text == "" || anyText(d, text))
}

func contains(s, lower string) bool { return strings.Contains(strings.ToLower(s), lower) }

func anyName(d Dispatch, lower string) bool {
	return slices.ContainsFunc(d.Names, func(n string) bool { return contains(n, lower) }) ||
		slices.ContainsFunc(d.Nested, func(n Dispatch) bool { return anyName(n, lower) }) ||
		slices.ContainsFunc(d.Steps, func(s Step) bool {
			return contains(s.Name, lower) || slices.ContainsFunc(s.Nested, func(n Dispatch) bool { return anyName(n, lower) })
		})
}

func anyText(d Dispatch, lower string) bool {
	if contains(d.Request, lower) || contains(d.Key, lower) || anyName(d, lower) ||
		slices.ContainsFunc(d.Targets, func(t string) bool { return contains(t, lower) }) ||
		slices.ContainsFunc(d.Nested, func(n Dispatch) bool { return anyText(n, lower) }) {
		return true
	}
	return slices.ContainsFunc(d.Steps, func(s Step) bool {
		return s.Error != nil && contains(fmt.Sprint(s.Error), lower) || dataContains(s, lower) ||
			slices.ContainsFunc(s.Nested, func(n Dispatch) bool { return anyText(n, lower) })
	})
}

// dataContains looks into the JSON form of what a step was given and gave.
func dataContains(s Step, lower string) (found bool) {
	defer func() {
		if recover() != nil { // a method of the data
			found = false
		}
	}()
	for _, v := range []any{s.Item, s.Value} {
		if v == nil {
			continue
		}
		if text, err := plainjson.Marshal(v); err == nil && contains(string(text), lower) {
			return true
		}
	}
	return false
}

// Find returns at most n of the recorded dispatches that f chooses, all of them if
// n is 0, as whole trees, newest first.
func (r *Recorder) Find(f Filter, n int) []Dispatch {
	var out []Dispatch
	for _, d := range r.Recent() {
		if n > 0 && len(out) == n {
			break
		}
		if f.Match(d) {
			out = append(out, d)
		}
	}
	return out
}
