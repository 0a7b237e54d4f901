// Command sfere looks into a running program: what effects it has, who is
// connected, what it did last, what an effect would do. It talks to the address at
// which the program serves package inspect/httpapi.
//
//	sfere describe                       all effects, actions and placeholders
//	sfere describe twk/patch-elements    one of them, with its fields
//	sfere grep broadcast                 where a text occurs
//	sfere sample twk/patch-elements      a call that is valid
//	sfere connections '*/lobby/*'        who is there
//	sfere views board                    which views they are shown, and how these fare
//	sfere dispatches -failed             what went wrong last
//	sfere dispatches 7                   one of them, with everything that it did
//	sfere export 7 > d.json              the same as a document
//	sfere replay d.json                  what would it do today, and is that what it did?
//	sfere test -o d_test.go d.json       make a Go test of it
//	sfere tail -match app/               what happens now, until ctrl-C
//	sfere tail default/lobby/ann         what her streams are sent now, and what became of it
//	sfere tail -text default/lobby/ann   and what it says, if the program allows it
//	sfere validate effects.json          is it right?
//	sfere dry-run -to '*/lobby/*' f.json what would it do?
//	sfere send -to '*/lobby/*' f.json    do it, if the program allows it
//	sfere close -n default/lobby/ann     whose streams would end?
//	sfere mcp                            serve a language model on standard input and output
//
// What the guard of the program asks for goes into -token, $SFERE_TOKEN or
// -header. Nothing that comes from the program can control the terminal: control
// characters are printed as escapes.
//
// It exits with 0 if all is well, 1 if the answer is no (nobody or nothing found,
// not valid, an effect failed, a replay differs), 2 if it was called wrongly (a pattern that is none,
// say), and 3 if the program does not answer or refuses.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}
