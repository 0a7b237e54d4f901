package effect_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/effect"
)

type dull struct{ N int }

func (dull) EffectName() string { return "test/dull" }

func TestTextOfAnError(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	deep := effect.NewPath(0)
	for range 1000 {
		deep = deep.Child("a/b", 1)
	}
	for _, row := range []struct {
		err    *effect.Error
		want   string
		reason string
	}{
		{nil, "no error", "nil"},
		{&effect.Error{}, `  at 0: no error`, "the zero error"},
		{&effect.Error{Phase: "effect", Name: "a/b-c", By: "timeout", Chain: []string{"a/b"}, Err: fs.ErrExist}, "effect a/b-c at 0 by timeout (via a/b): file already exists", "all of it"},
		{&effect.Error{Phase: "lookup", Name: "a\nb", By: "c d", Chain: []string{"e\x1b"}, Err: fs.ErrExist},
			`lookup "a\nb" at 0 by "c d" (via "e\x1b"): file already exists`, "names that are none"},
		{&effect.Error{Phase: "lookup", Name: long, Err: errors.New(long)}, "", "long ones"},
		{&effect.Error{Phase: "lookup", Name: "a/b", Path: deep, Chain: deep.Chain(), Err: fs.ErrExist}, "", "a long path"},
	} {
		text := row.err.Error()
		if row.want != "" && text != strings.Replace(row.want, "  at", ` "" at`, 1) || len(text) > 4<<10 {
			t.Errorf("%s: got %.200q with %d bytes, want %q", row.reason, text, len(text), row.want)
		}
	}
}

// Err joins a few texts and says how many more there are; errors.Is and AsType find
// all of them.
func TestTextOfAResult(t *testing.T) {
	res := &effect.Result{}
	if res.Err() != nil || (*effect.Result)(nil).Err() != nil {
		t.Error("an error of nothing")
	}
	for i := range 1000 {
		res.Errors = append(res.Errors, &effect.Error{Phase: "effect", Name: "a/b", Path: effect.NewPath(i), Err: fmt.Errorf("number %d", i)})
	}
	res.Errors[999].Err = fs.ErrExist
	lines := strings.Split(res.Err().Error(), "\n")
	if diff := cmp.Diff([]string{"effect a/b at 0: number 0", "... and 992 more"}, []string{lines[0], lines[8]}); diff != "" || len(lines) != 9 {
		t.Errorf("%d lines (-want +got):\n%s", len(lines), diff)
	}
	if e, ok := errors.AsType[*effect.Error](res.Err()); !ok || e != res.Errors[0] || !errors.Is(res.Err(), fs.ErrExist) {
		t.Error("the entries are not found")
	}
	for i := range res.Errors {
		res.Errors[i].Err = errors.New(strings.Repeat("ü", 1<<10))
	}
	if text := res.Err().Error(); len(text) > 4<<10 || strings.Count(text, "\n") != 8 || strings.ToValidUTF8(text, "?") != text {
		t.Errorf("got %d bytes: %.200q", len(text), text)
	}
}

// Data whose methods panic has no JSON form, which is an error.
func TestMarshalNilPointer(t *testing.T) {
	var none *dull
	for _, row := range []struct {
		of     json.Marshaler
		reason string
	}{
		{effect.List{none}, "a nil pointer in a list"},
		{effect.List{nil}, "a nil item"},
		{effect.List{effect.Batch{Effects: effect.List{none}}}, "further in"},
		{effect.List{(*effect.Raw)(nil)}, "a nil pointer to wire form"},
		{effect.Later[string](none), "a nil pointer as a placeholder"},
		{effect.Now(loud{}), "a literal that panics"},
		{effect.List{loud{}}, "an item that panics"},
		{effect.List{effect.Batch{Effects: effect.List{loud{}}}}, "an item that panics further in"},
	} {
		if text, err := row.of.MarshalJSON(); err == nil {
			t.Errorf("%s: written as %s", row.reason, text)
		}
	}
	text, err := effect.List{&dull{1}, &effect.Raw{Effect: "test/dull", Args: json.RawMessage(`{"N":2}`)}}.MarshalJSON()
	if want := `[{"effect":"test/dull","args":{"N":1}},{"effect":"test/dull","args":{"N":2}}]`; err != nil || string(text) != want {
		t.Errorf("pointers are written as their values: %s, %v", text, err)
	}
}

type loud struct{}

func (loud) EffectName() string           { return "test/loud" }
func (loud) MarshalJSON() ([]byte, error) { panic("no JSON") }
