package console

import "github.com/sfere-go/sfere/effect"

// Audit is one use of [Console.Send], the beginning or the end of a look at what somebody
// sees, or one request that was refused: a send, a look, or anything that a tool did not
// let in. Who it was, and what was asked for, is in
// Command.Sender.
type Audit struct {
	Command Command        // without effects if it was refused before they were read
	Result  *effect.Result // of a send, nil if it was refused; shared, do not change it
	Err     error          // why it was refused
	Watched *Watched       // whom somebody looks at; then Command has no effects, and the key in To
}
