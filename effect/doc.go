// Package effect is the vocabulary of the framework: effect data, which says
// what should happen, and the typed handlers that make it happen.
//
// A piece of effect data is a struct value with a name:
//
//	type Notify struct {
//		Channel string `json:"channel"`
//		Text    string `json:"text"`
//	}
//
//	func (Notify) EffectName() string { return "app/notify" }
//
// Its handler is written against a Ctx of the program's choice, a small struct
// of per-dispatch values; long-lived things are closed over:
//
//	func notifications(c *slack.Client) registry.Registry[App] {
//		return registry.New("app",
//			effect.Handle("Post a message to a channel.",
//				func(ctx context.Context, call effect.Call[App], n Notify) (slack.Receipt, error) {
//					return c.Post(ctx, n.Channel, n.Text)
//				}),
//		)
//	}
//
// # Kinds
//
//   - an effect ([Handle], [Do]) touches the world;
//   - an action ([Expand]) is a pure function from state and data to more effect data;
//   - a placeholder ([Provide]) gives the value of a [Late] field when the effect that holds it runs;
//   - an interceptor ([Interceptor]) wraps dispatches, actions and effects.
//
// Authors of effects import this package and registry; package dispatch runs
// what they wrote. All three import the standard library only.
package effect
