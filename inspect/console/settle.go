package console

import (
	"slices"
	"strings"

	"github.com/sfere-go/sfere/inspect/record"
)

// settled is what another run became, as far as it can be compared with a recording.
type settled struct {
	lines []Line
	// untold are the places where the other run cannot tell what it would become: the
	// lines there are those of the recording.
	untold []string
}

// settling compares another run with a recording.
type settling struct {
	recorded []Line
	now      []Line
	left     map[string]bool // names of effects that a dry run left out
	aground  map[string]bool // places that failed because there is no stream in this run
	partial  bool            // the recording has not all lines
}

// settle takes over from the recording what the other run cannot know: what an effect
// becomes that a dry run leaves out, or that needs the stream which there was, and what
// is done for recipients, where in one of the two there were none.
func (s settling) settle() settled {
	was := map[string]Line{}
	for _, l := range s.recorded {
		was[l.At] = l
	}
	out := settled{lines: []Line{}}
	follows, stuck := false, false // from a failure that cannot be told, or that is none of the program
	for _, l := range s.now {
		w, known := was[l.At]
		known = known && w.Name == l.Name
		switch {
		case !known && s.partial:
			continue
		case !known:
			if reached, _, ok := strings.Cut(l.At, recipients); ok && !s.hasUnder(s.recorded, reached+recipients) {
				if _, there := was[reached]; there { // nobody was there then
					continue
				}
			}
		default:
			alike := excused(l, w)
			switch {
			case s.left[l.Name] && l.State == record.Done && alike.Item == w.Item && s.mayBecome(w):
				follows = follows || w.State == record.Failed
				l = w
				out.untold = append(out.untold, l.At)
			case follows && w.State == record.Skipped, stuck && l.State == record.Skipped, s.aground[l.At] && alike.Item == w.Item:
				stuck = stuck || s.aground[l.At]
				l = w
				out.untold = append(out.untold, l.At)
			default:
				l = alike
			}
		}
		out.lines = append(out.lines, l)
		if known {
			out.lines = append(out.lines, s.missing(l)...)
		}
	}
	return out
}

// mayBecome reports whether a dry run of an effect that is left out says nothing about
// whether it becomes w.
func (s settling) mayBecome(w Line) bool {
	return w.State == record.Done || w.State == record.Failed && strings.HasPrefix(w.Error, "effect")
}

// missing returns the lines of the recording under l that the other run cannot have.
func (s settling) missing(l Line) (out []Line) {
	for _, under := range []struct {
		prefix string
		is     bool
	}{{l.At + recipients, true}, {l.At + inner, s.left[l.Name] || s.aground[l.At]}} {
		if under.is && !s.hasUnder(s.now, under.prefix) {
			for _, w := range s.recorded {
				if strings.HasPrefix(w.At, under.prefix) {
					out = append(out, w)
				}
			}
			if len(out) > 0 {
				return out
			}
		}
	}
	return nil
}

func (s settling) hasUnder(lines []Line, prefix string) bool {
	return slices.ContainsFunc(lines, func(l Line) bool { return strings.HasPrefix(l.At, prefix) })
}

// excused returns l with what w does not tell, or does not want to be compared.
func excused(l, w Line) Line {
	for _, f := range []struct {
		now *string
		was string
	}{{&l.Item, w.Item}, {&l.Value, w.Value}, {&l.Error, w.Error}} {
		if f.was == Any || fits(f.was, *f.now) || begins(f.was, *f.now) {
			*f.now = f.was
		}
	}
	return l
}

// fits reports whether text is what the recorded text was before its secrets were
// hidden.
func fits(recorded, text string) bool {
	parts := strings.Split(recorded, record.Hidden)
	if len(parts) == 1 {
		return false
	}
	rest, ok := strings.CutPrefix(text, parts[0])
	for _, part := range parts[1 : len(parts)-1] {
		if _, after, found := strings.Cut(rest, part); found {
			rest = after
		} else {
			ok = false
		}
	}
	return ok && strings.HasSuffix(rest, parts[len(parts)-1])
}

// cutMark is what ends a text that a recorder has cut.
const cutMark = " bytes left out"

// begins reports whether the recorded text was cut and text begins as it does. What was
// cut is cut once more when it runs again.
func begins(recorded, text string) bool {
	head, is := uncut(recorded)
	now, _ := uncut(text)
	n := min(len(head), len(now))
	return is && n > 0 && head[:n] == now[:n]
}

// uncut returns text up to where it was cut.
func uncut(text string) (head string, is bool) {
	before, _, found := strings.Cut(text, cutMark)
	i := strings.LastIndex(before, "… ")
	if !found || i < 0 {
		return text, false
	}
	return before[:i], true
}
