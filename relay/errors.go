package relay

import (
	"errors"
	"fmt"
)

// Sentinels for errors.Is.
var (
	// ErrTooLarge is the cause when a message is larger than the relay carries.
	ErrTooLarge = errors.New("it is too large for the relay")
	// ErrDisconnected is the cause when there is no connection to the relay.
	ErrDisconnected = errors.New("there is no connection to the relay")
	// ErrFull is the cause when too much waits to be sent.
	ErrFull = errors.New("too much waits to be sent")
	// ErrClosed is the cause when a link or node has been closed.
	ErrClosed = errors.New("it has been closed")
	// ErrUnsigned is the cause when a node without a key is to join a relay that
	// others can reach.
	ErrUnsigned = errors.New("others can reach this relay, and whoever publishes there writes into every browser: set Options.Keys")
)

// Error is the error type of this package.
type Error struct {
	Op  string // what was being done, such as "sending"
	Err error
}

// Error returns "relay: doing: cause".
func (e *Error) Error() string { return fmt.Sprintf("relay: %s: %v", e.Op, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
