package console

import (
	"context"
	"fmt"
	"strings"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/inspect/record"
)

// Replay is what a recorded dispatch would do today, compared with what it did. Nothing
// in it has happened.
type Replay struct {
	Same        bool         `json:"same"`        // Differences is empty
	Differences []Difference `json:"differences"` // in the order of the items; empty rather than nil
	// Untold are places, as in [Line].At, of which a dry run cannot tell what would
	// come: it leaves the effect out, or has not the stream that there was. Those lines
	// are not compared.
	Untold    []string  `json:"untold"`
	Left      []LeftOut `json:"leftOut,omitempty"` // of the recording: what is not as it was
	Rehearsal Rehearsal `json:"rehearsal"`         // what the program would do
}

// Difference is one item that would become something else than it did.
type Difference struct {
	At   string `json:"at"`
	Name string `json:"name"`
	What Change `json:"what"`
	// Recorded and Now are what it became and what it would become; nil if it did not
	// run, or would not.
	Recorded *Line `json:"recorded,omitempty"`
	Now      *Line `json:"now,omitempty"`
}

// String returns the difference in one line, with texts from the recording as they are.
func (d Difference) String() string {
	return fmt.Sprintf("%s %s: %s: was %s, would be %s", d.At, d.Name, d.What, d.Recorded, d.Now)
}

// String returns what it became in one line; of a nil Line, that it did not run.
func (l *Line) String() string {
	if l == nil {
		return "not run"
	}
	out := string(l.State)
	for _, part := range []string{l.Error, l.Value, l.Item} {
		if part != "" {
			out += " " + part
		}
	}
	return out
}

// Change says in what way something differs. Of several, it is the first of these.
type Change string

// The ways in which something differs.
const (
	ChangeGone      Change = "gone"      // it would not run
	ChangeAdded     Change = "added"     // it did not run
	ChangeUnknown   Change = "unknown"   // its name is not known any more
	ChangeArguments Change = "arguments" // its arguments do not fit any more
	ChangeOther     Change = "other"     // another item would run in its place
	ChangeState     Change = "state"     // it would fail, be skipped or be done, and was not
	ChangeError     Change = "error"     // it would fail, or be skipped, for another reason
	ChangeData      Change = "data"      // it would have other data
	ChangeValue     Change = "value"     // it would give something else
)

// Replay rehearses what r says was dispatched and compares what would come of it with
// what came. It sends nothing. See [Line] for what is compared. The Ctx is that of
// [Options].NewCtx. The cause of an error is [ErrNotOffered] if the program has no
// recorder.
func (c *Console) Replay(ctx context.Context, r Recording, by Sender) (Replay, error) {
	const op = "replay"
	if c.recorder == nil {
		return Replay{}, failed(op, ErrNotOffered)
	}
	ctx, aside := record.Apart(sentBy(ctx, by))
	dry := c.rehearse(ctx, again(c.Decode, r.Effects))
	last, ok := aside.Last()
	if !ok {
		return Replay{}, failed(op, ErrNotRecorded)
	}
	return compared(r, dry, dispatchOf(last)), nil
}

// compared compares a recording with a dry run, and with what was recorded of that.
func compared(r Recording, dry *dispatch.Rehearsal, now Dispatch) Replay {
	recorded := linesOf(r.Dispatch)
	s := settling{recorded: recorded, now: linesOf(now), left: leftOut(dry), aground: aground(dry.Result), partial: r.Dispatch.Omitted > 0}.settle()
	out := Replay{Differences: differences(recorded, s.lines), Untold: append([]string{}, s.untold...), Left: r.Left, Rehearsal: rehearsalOf(dry)}
	out.Same = len(out.Differences) == 0
	return out
}

// differences returns how two runs differ.
func differences(recorded, now []Line) []Difference {
	out := []Difference{}
	is, was := byPlace(now), byPlace(recorded)
	for i := range recorded {
		w := &recorded[i]
		l := is[w.At]
		if what := change(w, l); what != "" {
			out = append(out, Difference{w.At, w.Name, what, w, l})
		}
	}
	for i := range now {
		if l := &now[i]; was[l.At] == nil {
			out = append(out, Difference{l.At, l.Name, ChangeAdded, nil, l})
		}
	}
	return out
}

func byPlace(lines []Line) map[string]*Line {
	out := map[string]*Line{}
	for i := range lines {
		if out[lines[i].At] == nil {
			out[lines[i].At] = &lines[i]
		}
	}
	return out
}

func change(w, now *Line) Change {
	switch {
	case now == nil:
		return ChangeGone
	case *w == *now:
		return ""
	case now.State == record.Failed && w.Error != now.Error && strings.HasPrefix(now.Error, string(dispatch.PhaseLookup)):
		return ChangeUnknown
	case now.State == record.Failed && w.Error != now.Error && strings.HasPrefix(now.Error, string(dispatch.PhaseDecode)):
		return ChangeArguments
	case w.Name != now.Name:
		return ChangeOther
	case w.State != now.State:
		return ChangeState
	case w.Error != now.Error:
		return ChangeError
	case w.Item != now.Item:
		return ChangeData
	}
	return ChangeValue
}
