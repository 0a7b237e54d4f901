// Package telemetry makes OpenTelemetry metrics and traces of what a program does with
// sfere: streams, outboxes, broadcasts, dispatches, views, and the relay.
//
//	t, err := telemetry.New(&telemetry.Options{Meter: meters, Tracer: tracers})
//	if err != nil {
//		return err
//	}
//	defer t.Close()
//	app := sfere.NewAppWith(newCtx, &sfere.AppOptions{Observer: t}, registries...)
//
// A program without an App sets [sfere.Options].Observer, [dispatch.Options].Observer and
// [sse.HubOptions].OnWritten, and calls [Telemetry.Watch].
//
// # Metrics
//
// The names and units follow the semantic conventions of OpenTelemetry, and are listed in
// the guide to operations. No attribute is a key, an id, a name of a person, or text from
// outside: the names of effects and views are those that the program has registered, and
// causes of the program are "other".
//
// # Traces
//
// Each dispatch from outside is a span, and so is each broadcast in it. A continuation of
// a dispatch that has returned is a span of a trace of its own, with a link. What another
// machine has sent belongs to the trace of its sender.
package telemetry
