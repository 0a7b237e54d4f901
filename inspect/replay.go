package inspect

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/twk"
)

// replayView is what a recorded dispatch would do now.
type replayView struct {
	Element     string // id of the row of the dispatch
	Title       string
	Problem     bool
	Differences []differenceView
	Notes       []string
}

// differenceView is a difference with its texts cut.
type differenceView struct {
	console.Difference
	Was, Would string
}

// replay rehearses a recorded dispatch and says below its tree what differs.
func (in *Inspector) replay(r *twk.Request) twk.Response {
	v := replayView{Element: elementOf(rowOf(r))}
	seq, _ := strconv.ParseUint(r.PathValue("seq"), 10, 64) // there is no dispatch 0
	rec, err := in.console.Export(seq)
	if err == nil {
		var out console.Replay
		out, err = in.console.Replay(r.Context(), rec, httpapi.SenderOf(r.Request, via, httpapi.CallerOf(r.Context())))
		v.tell(out)
	}
	if err != nil {
		v.Title, v.Problem = err.Error(), true
	}
	return twk.Respond(in.patch("dispatch-replay", v))
}

func (v *replayView) tell(r console.Replay) {
	v.Title = "Dry run: it would do the same now."
	if !r.Same {
		v.Title, v.Problem = fmt.Sprintf("Dry run: %s.", plural(len(r.Differences), "difference")), true
	}
	for _, d := range r.Differences {
		v.Differences = append(v.Differences, differenceView{d, cut(d.Recorded.String(), maxText), cut(d.Now.String(), maxText)})
	}
	if n := len(r.Untold); n > 0 {
		v.Notes = append(v.Notes, fmt.Sprintf("Of %s a dry run cannot tell what would come.", plural(n, "item")))
	}
	for _, l := range r.Left {
		v.Notes = append(v.Notes, fmt.Sprintf("Effect %d is not as it was: %s.", l.Effect, l.Why))
	}
}

// rowOf returns the number of the dispatch in whose row a request is shown.
func rowOf(r *twk.Request) uint64 {
	at, _ := strconv.ParseUint(r.URL.Query().Get("at"), 10, 64)
	seq, _ := strconv.ParseUint(r.PathValue("seq"), 10, 64)
	return cmp.Or(at, seq)
}
