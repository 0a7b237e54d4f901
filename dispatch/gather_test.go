package dispatch_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// gathering is what the effects of a test gather.
type gathering struct{ texts []string }

func gather(c call, key any, log *[]string, text string) (ok bool) {
	v, ok := c.Gather(key, func() (any, func()) {
		g := &gathering{}
		return g, func() { *log = append(*log, fmt.Sprint("end ", g.texts)) }
	})
	if ok {
		v.(*gathering).texts = append(v.(*gathering).texts, text)
	}
	return ok
}

// What the effects of one dispatch gather is done once, at its end; a continuation is
// a dispatch of its own, and after the end nothing is gathered any more.
func TestGather(t *testing.T) {
	var log []string
	var kept call
	d := tester(t, does(
		func(ctx context.Context, c call) (any, error) { return gather(c, "k", &log, "first"), nil },
		func(ctx context.Context, c call) (any, error) {
			gather(c, "k", &log, "second")
			res := c.Dispatch(ctx, Do{0}, Do{0})
			log = append(log, "the continuation has returned")
			kept = c
			return nil, res.Err()
		},
		func(ctx context.Context, c call) (any, error) { gather(c, "other", &log, "third"); return nil, nil },
	))
	res := d.Dispatch(t.Context(), newEnv(), Do{0}, Do{1}, Do{2}, Do{0})
	if err := res.Err(); err != nil {
		t.Fatal(err)
	}
	want := []string{"end [first first]", "the continuation has returned", "end [first second first]", "end [third]"}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if gather(kept, "k", &log, "late") {
		t.Error("something was gathered for a dispatch that has returned")
	}
	var none call
	if gather(none, "k", &log, "nowhere") {
		t.Error("something was gathered without a dispatch")
	}
}

// What panics at the end is an error of the dispatch, and the rest is done.
func TestGatherPanics(t *testing.T) {
	var log []string
	d := tester(t, does(
		func(ctx context.Context, c call) (any, error) {
			c.Gather("bad", func() (any, func()) { return nil, func() { panic("at the end") } })
			return gather(c, "good", &log, "x"), nil
		},
	))
	res := d.Dispatch(t.Context(), newEnv(), Do{0})
	wantSummary(t, res, summary{Outcomes: []string{"0 test/do = true"}, Errors: []string{"effect nil item at 0: panic: at the end"}})
	if diff := cmp.Diff([]string{"end [x]"}, log); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
