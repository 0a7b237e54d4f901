// Command sfere looks into a running program: what effects it has, who is
// connected, what it did last, what an effect would do. It talks to the address at
// which the program serves package inspect/httpapi.
//
//	sfere describe                       all effects, actions and placeholders
//	sfere describe twk/patch-elements    one of them, with its fields
//	sfere grep broadcast                 where a text occurs
//	sfere sample twk/patch-elements      a call that is valid
//	sfere connections '*/lobby/*'        who is there
//	sfere dispatches                     what happened last
//	sfere dispatches 7                   one of them, with everything that it did
//	sfere validate effects.json          is it right?
//	sfere dry-run -to '*/lobby/*' f.json what would it do?
//	sfere send -to '*/lobby/*' f.json    do it, if the program allows it
//
// It exits with 0 if all is well, 1 if the answer is no (nothing found, not
// valid, an effect failed), 2 if it was called wrongly, and 3 if the program does
// not answer or refuses.
package main

import (
	"context"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}
