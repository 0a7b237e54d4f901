package record

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// once fails a test in which it is rendered.
type once struct{ t *testing.T }

func (o once) Render(context.Context, io.Writer) error {
	o.t.Error("content was rendered to be shown")
	return nil
}

// shown is the JSON form of an item, or why it has none.
func shown(item effect.Data) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(New(0).kept(item).item); err != nil {
		return err.Error()
	}
	return b.String()
}

func TestKeptContent(t *testing.T) {
	patch := twk.PatchElements{Elements: once{t}, Selector: "#a"}
	deep := effect.List{patch}
	for range 2 * maxDeep {
		deep = effect.List{effect.Batch{Effects: deep}}
	}
	for _, tt := range []struct {
		item         effect.Data
		want, reason string
	}{
		{patch, "rendered by a record.once", "a template"},
		{&patch, "#a", "a pointer is read as its value"},
		{twk.PatchElements{Elements: twk.HTML("<p>")}, "<p>", "markup that is there already"},
		{twk.PatchElements{Selector: "#a", Mode: twk.ModeRemove}, "#a", "no markup"},
		{twk.PatchElementsSeq{Elements: []twk.Content{twk.HTML("<i>"), once{t}}}, "<i>", "several"},
		{sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{patch, effect.Batch{Effects: effect.List{&patch}}}}, "effect/batch", "nested lists"},
		{effect.Batch{Effects: effect.List{nil}}, "item is nil", "what has no wire form says why"},
		{deep[0], "effect/batch", "deeply nested lists"},
		{nil, "null", "nothing"},
		{(*twk.PatchElements)(nil), "null", "a nil pointer"},
	} {
		if got := shown(tt.item); !strings.Contains(got, tt.want) {
			t.Errorf("%s: shown as %s, want %q in it", tt.reason, got, tt.want)
		}
	}
	if patch.Elements != (once{t}) || deep[0].(effect.Batch).Effects[0] == nil {
		t.Error("an item was changed")
	}
}

// Ring leads to itself in many ways.
type Ring struct {
	Left, Right *Ring
	Any         any
	Token       *Ring
	hidden      *Ring
}

func (Ring) EffectName() string { return "test/ring" }

type base struct{ Name, Token string }

type Odd struct {
	base
	*Inner
	Time  time.Time
	Func  func() string
	Chan  chan int
	Error error
	Map   map[sfere.Key]any
	Array [2]*string
	Iface interface{ Token() string }
	mu    sync.Mutex
	text  string
}

// Inner is embedded by its pointer.
type Inner struct{ Password string }

func (*Odd) EffectName() string { return "test/odd" }

// Whatever the program passes on, the recorder survives it, and in bounds.
func TestKeeperSurvives(t *testing.T) {
	ring := &Ring{}
	*ring = Ring{ring, ring, ring, ring, ring}
	text := "hunter2!"
	now := time.Now()
	odd := &Odd{
		base: base{"ann", text}, Inner: &Inner{text}, Time: now, Func: func() string { return text }, Chan: make(chan int), Error: errors.New("x"),
		Map: map[sfere.Key]any{sfere.ID("a", "b"): odd2{}}, Array: [2]*string{&text}, text: "t",
	}
	for _, tt := range []struct {
		reason string
		item   effect.Data
		check  func(kept effect.Data) bool
	}{
		{"a ring", *ring, nil},
		{"a pointer to a ring", ring, nil},
		{"a ring among signals", twk.PatchSignals{Signals: map[string]any{"a": ring, "token": ring}}, nil},
		{"oddities", odd, func(kept effect.Data) bool {
			o, ok := kept.(*Odd)
			return ok && o.Name == "ann" && o.base.Token == Hidden && o.Password == Hidden && o.Time.Equal(now) && o.Func == nil && o.Chan == nil &&
				o.Error.Error() == "x" && len(o.Map) == 1 && *o.Array[0] == text && o.Array[0] != &text
		}},
		{"nothing inside", &Odd{}, nil},
		{"a nil pointer", (*Odd)(nil), func(kept effect.Data) bool { return kept == nil }},
		{"something big that is unexported", &Odd{text: strings.Repeat("y", 1<<20)}, nil},
		{"a function", doing(func() {}), nil},
	} {
		r := New(0)
		got := r.kept(tt.item)
		if got.bytes > 8*MaxValue {
			t.Errorf("%s: %d bytes are kept", tt.reason, got.bytes)
		}
		if tt.check != nil && !tt.check(got.item) {
			t.Errorf("%s: kept is %+v", tt.reason, got.item)
		}
	}
}

type odd2 struct{ _, X int }

type doing func()

func (doing) EffectName() string { return "test/doing" }
