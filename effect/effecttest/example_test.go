package effecttest_test

import (
	"context"
	"fmt"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/effect/effecttest"
	"github.com/sfere-go/sfere/registry"
)

// A recorder shows what would happen, without a world.
func ExampleRecorder() {
	rec := effecttest.Recorder[Env]{
		Answer: func(effect.Data) (any, bool) { return nil, true }, // run nothing
	}
	d := dispatch.Must(dispatch.New(
		registry.New("app", handle[Plain]("Do nothing."), handle[Empty]("Take tags.")),
		registry.New("test", rec.Interceptor()),
	))
	d.Dispatch(context.Background(), Env{}, Empty{Tags: []string{"a"}}, Plain{})
	for _, e := range rec.Effects() {
		fmt.Printf("%s %v\n", e.EffectName(), e)
	}
	// Output:
	// kit/empty {[a]}
	// kit/plain {}
}
