package sse

// Cause says why a stream ended. Programs may use causes of their own with
// [Conn.Close]; those end the stream normally.
type Cause string

// The causes this module uses.
const (
	CauseDone     Cause = "done"     // a short response said everything
	CauseClient   Cause = "client"   // the client went away
	CauseClosed   Cause = "closed"   // the program closed it, or ended the context of its request
	CauseSlow     Cause = "slow"     // the outbox overflowed or a write took too long
	CauseWrite    Cause = "write"    // a write failed
	CausePanic    Cause = "panic"    // the handler's own code panicked, or a middleware or compressor while writing
	CauseRefused  Cause = "refused"  // it was not allowed to open
	CauseExpired  Cause = "expired"  // it was idle, or open, for too long
	CauseSize     Cause = "size"     // it made room for another
	CauseShutdown Cause = "shutdown" // the server is going down, or its context has ended
)

// Cut reports whether a stream with this cause is cut instead of ended: a
// client with default settings comes back only after a cut.
func (c Cause) Cut() bool {
	switch c {
	case CauseSlow, CauseWrite, CausePanic, CauseExpired, CauseSize, CauseShutdown:
		return true
	}
	return false
}
