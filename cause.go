package sfere

import "github.com/sfere-go/sfere/sse"

// The causes of ends that are due to keys. Both end a stream normally. A client that
// opened it with attr.Stream comes back all the same, as after every end.
const (
	CauseReplaced sse.Cause = "replaced" // a newer stream took its key
	CausePurged   sse.Cause = "purged"   // its keys were removed by hand
)
