package effect_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

// trace prints on the way in and on the way out.
func trace(name string) effect.Interceptor[App] {
	return effect.Interceptor[App]{
		Name: name,
		Dispatch: func(next effect.DispatchFunc[App]) effect.DispatchFunc[App] {
			return func(ctx context.Context, call effect.Call[App], items effect.List) *effect.Result {
				fmt.Println(name, "in: dispatch of", len(items))
				res := next(ctx, call, items)
				fmt.Println(name, "out: dispatch")
				return res
			}
		},
		Effect: func(next effect.EffectFunc[App]) effect.EffectFunc[App] {
			return func(ctx context.Context, call effect.Call[App], item effect.Data) (any, error) {
				fmt.Println(name, "in:", item.EffectName())
				v, err := next(ctx, call, item)
				fmt.Println(name, "out:", item.EffectName())
				return v, err
			}
		},
	}
}

// The interceptor that is registered first is outermost.
func ExampleInterceptor() {
	d := dispatch.Must(dispatch.New(
		notifications(&printer{}),
		registry.New("traces", trace("a"), trace("b")),
	))
	d.Dispatch(context.Background(), App{User: "ann"}, Notify{"ops", "hello"})
	// Output:
	// a in: dispatch of 1
	// b in: dispatch of 1
	// a in: app/notify
	// b in: app/notify
	// #ops ann: hello
	// b out: app/notify
	// a out: app/notify
	// b out: dispatch
	// a out: dispatch
}

var errForbidden = errors.New("guests may not post")

// guard lets only users with a name post, and leaves out what nobody reads.
func guard() effect.Interceptor[App] {
	return effect.Interceptor[App]{
		Name: "app/guard",
		Effect: func(next effect.EffectFunc[App]) effect.EffectFunc[App] {
			return func(ctx context.Context, call effect.Call[App], item effect.Data) (any, error) {
				n, ok := item.(Notify)
				if ok && call.Ctx().User == "" {
					return nil, errForbidden // blocks this item and is reported
				}
				if ok && n.Channel == "void" {
					return nil, effect.Skip("nobody reads it") // listed in Result.Skipped
				}
				return next(ctx, call, item)
			}
		},
	}
}

// A guard blocks by not calling next.
func ExampleInterceptor_guard() {
	d := dispatch.Must(dispatch.New(notifications(&printer{}), registry.New("guards", guard())))
	res := d.Dispatch(context.Background(), App{}, Notify{"ops", "hello"})
	fmt.Println(res.Err(), "-", errors.Is(res.Err(), errForbidden))

	res = d.Dispatch(context.Background(), App{User: "ann"}, Notify{"void", "hello"})
	fmt.Println(res.Err(), "-", res.Skipped[0].By, "skipped it:", res.Skipped[0].Reason)
	// Output:
	// interceptor app/notify at 0 by app/guard: guests may not post - true
	// <nil> - app/guard skipped it: nobody reads it
}

// Remind is an effect that goes on after it has returned.
type Remind struct {
	Effects effect.List `json:"effects"`
}

func (Remind) EffectName() string { return "app/remind" }

func reminders(background *sync.WaitGroup) registry.Registry[App] {
	return registry.New("reminders",
		effect.Handle("Run effects in the background.",
			func(ctx context.Context, call effect.Call[App], r Remind) (struct{}, error) {
				ctx = context.WithoutCancel(ctx) // outlive the request
				background.Go(func() {
					res := call.DispatchWith(ctx, func(a *App) { a.User = "reminder for " + a.User }, r.Effects...)
					if err := res.Err(); err != nil {
						fmt.Println("background:", err)
					}
				})
				return struct{}{}, nil
			}))
}

// A handler may keep its call and dispatch from any goroutine, also after the
// dispatch it belongs to has returned; anybody may dispatch from outside.
func ExampleCall_DispatchWith() {
	var background sync.WaitGroup
	d := dispatch.Must(dispatch.New(notifications(&printer{}), reminders(&background)))

	ctx, cancel := context.WithCancel(context.Background())
	d.Dispatch(ctx, App{User: "ann"}, Remind{effect.List{Notify{"ops", "check the logs"}}})
	cancel() // the request is over
	background.Wait()

	background.Go(func() { // out of band: no request at all
		d.Dispatch(context.Background(), App{User: "cron"}, Notify{"ops", "good night"})
	})
	background.Wait()
	// Output:
	// #ops reminder for ann: check the logs
	// #ops cron: good night
}
