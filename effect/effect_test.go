package effect_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
)

func TestPath(t *testing.T) {
	deep := effect.NewPath(2).Child("a", 0).Sibling(3).Child("b", 1)
	for _, row := range []struct {
		path   effect.Path
		text   string
		chain  []string
		reason string
	}{
		{effect.NewPath(0), "0", nil, "the first item"},
		{effect.NewPath(7), "7", nil, "another one"},
		{deep, "2.3.1", []string{"a", "b"}, "below two actions"},
	} {
		if got := row.path.String(); got != row.text {
			t.Errorf("%s: String = %q, want %q", row.reason, got, row.text)
		}
		if diff := cmp.Diff(row.chain, row.path.Chain()); diff != "" {
			t.Errorf("%s: %s", row.reason, diff)
		}
		if row.path.Depth() != len(row.chain) {
			t.Errorf("%s: Depth = %d", row.reason, row.path.Depth())
		}
		text, err := json.Marshal(row.path)
		if err != nil || string(text) != `"`+row.text+`"` {
			t.Errorf("%s: JSON %s, %v", row.reason, text, err)
		}
	}
	if !cmp.Equal(deep, effect.NewPath(2).Child("x", 3).Child("y", 1)) || cmp.Equal(deep, effect.NewPath(2)) {
		t.Error("paths are equal if their indices are")
	}
}

func TestContextKeysAreDistinct(t *testing.T) {
	a, b := effect.NewContextKey[int]("n"), effect.NewContextKey[int]("n")
	ctx := a.With(context.Background(), 1)
	if _, ok := b.From(ctx); ok {
		t.Error("two keys of one name are one key")
	}
	if v, ok := a.From(a.With(ctx, 0)); v != 0 || !ok {
		t.Error("a zero value is a value")
	}
	if v, _ := a.From(ctx); v != 1 {
		t.Error("an inner value changed the outer context")
	}
	e := effect.NewContextKey[error]("err")
	if _, ok := e.From(context.Background()); ok || a.String() != "n" {
		t.Error("an empty context has a value")
	}
}

func TestErrorText(t *testing.T) {
	long := strings.Split(strings.Repeat("a ", 20), " ")[:20]
	for _, row := range []struct {
		err    *effect.Error
		want   string
		reason string
	}{
		{&effect.Error{Phase: dispatch.PhaseEffect, Path: effect.NewPath(1), Name: "a/b", Err: errors.New("x")}, "effect a/b at 1: x", "the plain form"},
		{&effect.Error{Phase: dispatch.PhaseInterceptor, Name: "a/b", By: "guard", Chain: []string{"c/d"}, Err: errors.New("x")}, "interceptor a/b at 0 by guard (via c/d): x", "with everything"},
		{&effect.Error{Phase: dispatch.PhaseLimit, Name: "a", Chain: long, Err: errors.New("x")}, "limit a at 0 (via a > a > a > a > ... > a): x", "a long chain is cut"},
	} {
		if got := row.err.Error(); got != row.want {
			t.Errorf("%s: got %q, want %q", row.reason, got, row.want)
		}
	}
	if len(long) != 20 || long[3] != "a" {
		t.Error("Error changed the chain")
	}
	if !effect.IsSkip(fmt.Errorf("wrapped: %w", effect.Skip("x"))) || effect.IsSkip(errors.New("x")) {
		t.Error("IsSkip is wrong")
	}
}

func TestReach(t *testing.T) {
	got := fmt.Sprint(effect.External, effect.Local, effect.Pure, effect.Reach(0))
	if got != "external local pure external" {
		t.Error(got)
	}
}

func TestValuesMayEndEarly(t *testing.T) {
	res := &effect.Result{Outcomes: []effect.Outcome{{Item: Notify{}, Value: 1}, {Item: Notify{}, Value: 2}}}
	n := 0
	for range effect.Values[Notify, int](res) {
		n++
		break
	}
	for range effect.Values[Notify, int](nil) {
		n++
	}
	if n != 1 {
		t.Errorf("%d steps, want 1", n)
	}
}

func BenchmarkMarshal(b *testing.B) {
	list := effect.List{Notify{"ops", "hello"}, effect.Batch{Effects: effect.List{Notify{"ops", "hello"}}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := list.MarshalJSON(); err != nil {
			b.Fatal(err)
		}
	}
}
