// Package record is the flight recorder of a program: it keeps the last
// dispatches, each as a tree of what ran, with which data, how long it took, what
// it gave and what went wrong.
//
//	rec := record.New(200)
//	d, err := dispatch.New(
//		registry.New("record", record.Interceptor[App](rec)), // first: it sees what those after it do
//		...
//	)
//	d.Dispatch(ctx, app, Mail{To: "ann@example.com"})
//	for _, s := range rec.Recent()[0].Steps {
//		fmt.Println(s.Path, s.Name, s.State)
//	}
//
// A program gives its recorder to package inspect/console, which shows it to
// people and tools. Tests can read it directly.
//
// # What is kept
//
// A [Recorder] keeps a number of dispatches that came from outside, of each tree at
// most [MaxEntries] effects and continuations, of each step at most [MaxValue]
// bytes, and of everything [Options].Bytes. It keeps copies. A value that a handler
// returned is copied if nobody can change it meanwhile; otherwise only its type is
// kept. Of an error the text is kept, and of content that was rendered a note.
//
// When there is no more room, dispatches without a request go first of which there
// are others that ran the same in the same way, such as those of a ticker. They are
// kept as a count: [Dispatch].Times. Then go those that did not fail. What runs the
// same for many recipients of a broadcast is kept once with a count from the
// beginning.
//
// The items of a dispatch from outside are kept as they were dispatched as well, with
// late values as references: once, where an item ran as it was given. Of the Ctx nothing
// is kept without [Options].Ctx.
//
// What is kept includes what users typed.
//
// [Apart] records what one context dispatches, in no log.
//
// # Secrets
//
// Secrets are hidden in everything that is kept:
//
//	type LogIn struct {
//		Name string `json:"name"`
//		Code string `json:"code" sfere:"secret"` // by its tag
//		Password string `json:"password"`        // by its name
//	}
//
// The tag works in effects, in structs inside them, in signals and in values that
// handlers return. Names are those of fields, signals, JSON members, map keys and
// wildcards of paths; see [Options].Secrets. A secret of four bytes or more that was
// found in the data is hidden in the errors of the dispatch as well.
//
// Not found is what has no name: a secret inside of markup, a script, a URL or
// another text, and what is beyond MaxValue. In wire form that is nested and not decoded yet, names count and
// tags are not known.
package record
