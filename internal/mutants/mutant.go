package main

import (
	"fmt"
	"strings"
)

// mutant is one way to be wrong.
type mutant struct {
	name   string
	file   string // below the root of the module
	stands string // of which promise it is the opposite: the words of promises
	from   string // occurs once in the file
	to     string
}

// What the tests of views have to hold, one by one.
const (
	freshness = "freshness"         // everybody ends with a state that was read after the last refresh
	joining   = "the gap of a join" // who comes at any moment ends with the last state
	monotonic = "order"             // nobody sees an older state after a newer one, or one that was hidden
	bounded   = "bounded work"      // one render of a value at a time, and one in its interval
	isolation = "isolation"         // nothing of another's, and nothing that is no longer allowed
	resync    = "stall and resync"  // who does not read costs nothing, and is given all again
	failing   = "failure"           // pages stay as they are, and heal
	fairness  = "fairness"          // everybody has a turn
	replicas  = "replicas"          // what was asked for has been read
)

// apply returns src with the mutation.
func (m mutant) apply(src string) (string, error) {
	if n := strings.Count(src, m.from); n != 1 {
		return "", fmt.Errorf("%s: %q occurs %d times in %s, want once: change the row, or take it away with what it was about", m.name, m.from, n, m.file)
	}
	return strings.Replace(src, m.from, m.to, 1), nil
}
