package console

import "github.com/sfere-go/sfere/effect"

// Audit is one use of [Console.Send], or one that was refused.
type Audit struct {
	Command Command
	Result  *effect.Result // nil if it was refused; shared, do not change it
	Err     error          // why it was refused
}
