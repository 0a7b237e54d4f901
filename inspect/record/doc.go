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
// A [Recorder] keeps a number of dispatches that came from outside, and of each
// tree at most [MaxEntries] effects and continuations. It holds references to the
// data of effects, which nobody changes, and makes no text of them before
// somebody looks. A value that a handler returned is kept if nobody could change
// it meanwhile, and its type otherwise. What is kept includes what users typed.
package record
