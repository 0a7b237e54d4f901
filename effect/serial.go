package effect

// Serial runs its effects, one after the other, while no other Serial with the
// same key runs in the same dispatcher. "Change the state and say so" is then
// one step: nobody changes the state between the two, and what is said comes in
// the order of the changes. Every dispatcher knows Serial; it needs no
// registration.
//
// Who comes first gets the key first. A Serial that waits ends with its context.
// The key is free again when the list has ended, in whatever way. A handler that
// an interceptor gave up on is not waited for.
//
// The list, and all that is dispatched from it, is inside the Serial: what
// actions expand to, continuations of its handlers on any goroutine and with any
// context, dispatches with a context that its handlers got, and so on. While the
// key is held, inside
//
//   - a Serial with the same key is an error, because it would wait for itself;
//   - a Serial whose key sorts before a held one, byte by byte, is an error.
//     Dispatches that take several keys all take them in that one order, so that
//     they never wait for each other in a circle. It is an error every time, not
//     only when two dispatches meet, so that the first test finds it.
//
// The error is that of the Serial; its effects do not run. A Serial inside a
// [Batch] is an error too: the actions of a Batch are expanded first, which would
// be before the key is held. A Batch inside a Serial is fine.
//
// What a dispatcher cannot see can still wait without end: a handler that calls
// the dispatcher itself with a context of its own, or waits for a goroutine that
// somebody else started.
type Serial struct {
	// Key says what is changed, as in "board/7". It must be valid UTF-8 of 1 to
	// 1024 bytes. Dispatchers have their own keys.
	Key string `json:"key" jsonschema:"minLength=1,maxLength=1024,description=what must not be changed by others meanwhile; 1 to 1024 bytes"`
	// Effects are what to run.
	Effects List `json:"effects" jsonschema:"description=what to run while the key is held"`
}

// EffectName returns "effect/serial".
func (Serial) EffectName() string { return "effect/serial" }
