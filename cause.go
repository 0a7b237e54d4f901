package sfere

import "github.com/sfere-go/sfere/sse"

// The causes of ends that are due to keys. They end a stream normally, after which
// a client with default settings stays away.
const (
	CauseReplaced sse.Cause = "replaced" // a newer stream took its key
	CauseKicked   sse.Cause = "kicked"   // it was thrown out, and is kept away
)
