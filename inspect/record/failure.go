package record

import (
	"cmp"
	"fmt"
)

// Failure is a step that failed, and how often it did in the same way.
type Failure struct {
	Seq     uint64 // of the newest recorded dispatch that it failed in
	Request string // see Dispatch.Request
	Key     string // see Dispatch.Key
	Step    Step   // of that dispatch, without its continuations
	Times   int    // how often, as far as it is kept
}

// Failures returns what failed in the recorded dispatches, newest first: at most n
// of them, all if n is 0. What failed in steps of one name with the same text is
// one entry.
func (r *Recorder) Failures(n int) []Failure {
	type same struct{ name, phase, text string }
	var out []Failure
	at := map[same]int{}
	var walk func(root, d Dispatch, times int)
	walk = func(root, d Dispatch, times int) {
		times *= max(1, d.Times)
		for _, s := range d.Steps {
			for _, inner := range s.Nested {
				walk(root, inner, times)
			}
			if s.State != Failed {
				continue
			}
			kind := same{s.Name, string(s.Phase), fmt.Sprint(s.Error)}
			if i, ok := at[kind]; ok {
				out[i].Times += times
				continue
			}
			at[kind] = len(out)
			s.Nested = nil
			out = append(out, Failure{root.Seq, cmp.Or(d.Request, root.Request), cmp.Or(d.Key, root.Key), s, times})
		}
		for _, inner := range d.Nested {
			walk(root, inner, times)
		}
	}
	for _, d := range r.Recent() {
		walk(d, d, 1)
	}
	if n > 0 && len(out) > n {
		out = out[:n]
	}
	return out
}
