package console_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
)

// silent is an error without a text.
type silent struct{}

func (silent) Error() string { panic("no text") }

// The outcome of a dispatch can be shown whatever its errors are.
func TestOutcomeOfAnyError(t *testing.T) {
	var none *fs.PathError
	for _, row := range []struct {
		err    error
		want   string
		reason string
	}{
		{errors.New("x"), "x", "a plain one"},
		{none, "a nil *fs.PathError, returned as an error", "a typed nil"},
		{silent{}, "console_test.silent, whose Error method panics: no text", "a method that panics"},
		{nil, "no error", "none, which a dispatcher does not make"},
	} {
		out := console.OutcomeOf(&effect.Result{
			Errors:  []*effect.Error{{Err: row.err}},
			Skipped: []effect.Skipped{{Reason: row.err}},
		})
		if out.Errors[0].Error != row.want || out.Skipped[0].Reason != row.want {
			t.Errorf("%s: got %q and %q, want %q", row.reason, out.Errors[0].Error, out.Skipped[0].Reason, row.want)
		}
	}
	long := console.OutcomeOf(&effect.Result{Errors: []*effect.Error{{Err: errors.New(strings.Repeat("x", 1<<20))}}})
	if n := len(long.Errors[0].Error); n > 4<<10 {
		t.Errorf("a text of %d bytes", n)
	}
	outer := console.OutcomeOf(&effect.Result{Errors: []*effect.Error{{Err: fs.ErrExist, Outer: []*effect.Error{
		{Name: "a/b", Path: effect.NewPath(2), Dispatch: 7, Err: fs.ErrExist},
	}}}})
	if diff := cmp.Diff([]string{"a/b at 2 of dispatch 7"}, outer.Errors[0].Outer); diff != "" {
		t.Errorf("who failed as well (-want +got):\n%s", diff)
	}
}
