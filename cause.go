package sfere

import "github.com/sfere-go/sfere/sse"

// The causes of ends that are due to keys. All end a stream normally. A client that
// opened it with attr.Stream comes back all the same, as after every end; a [Kick]
// keeps it away.
const (
	CauseReplaced sse.Cause = "replaced" // a newer stream took its key
	CauseKicked   sse.Cause = "kicked"   // it was thrown out, and is kept away
	// CauseForfeited is that somebody else had got its key on another machine, earlier,
	// while the two did not hear each other.
	CauseForfeited sse.Cause = "forfeited"
)
