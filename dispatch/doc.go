// Package dispatch runs effect data against the handlers of a registry.
//
//	d, err := dispatch.New(
//		registry.Lift(twk.Registry(nil), session),
//		notifications(slackClient),
//	)
//	...
//	res := d.Dispatch(ctx, App{User: "ann"}, Notify{Channel: "ops", Text: "hello"})
//	if err := res.Err(); err != nil { ... }
//	receipt, ok := effect.Value[slack.Receipt](res)
//
// # Order
//
// Items run one after the other on the calling goroutine. An action is expanded
// when its turn comes and sees the state left by the effects before it;
// [effect.Batch] asks for the other order.
//
// # Failure
//
// A failure of any kind, panics included, becomes an entry of Result.Errors
// with its phase and the path of its item, and the other items run. Only the
// end of the context and the item budget stop the rest; what did not run is in
// Result.Skipped.
package dispatch
