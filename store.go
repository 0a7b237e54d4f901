package sfere

import (
	"sync/atomic"

	"github.com/sfere-go/sfere/sse"
)

// Store decides how long connections stay registered and how many there are.
// It knows nothing of keys, patterns and streams; those are the business of
// the [Conns] that it is given to. [NewTTL] is one, and sferetest.Store checks
// others.
//
// All methods may be called from any goroutine. Add and Release are called under
// the lock of the Conns: they do in-memory work only and call no method of a
// Member. Touch is called under no lock, with every write to a stream. A panic of
// a Store or a Lease is contained: one of Add refuses the stream, and the others
// are logged.
type Store interface {
	// Add takes in m and returns its lease, nil if there is nothing to touch or
	// release. leaving are leases that end in favour of m: they are released if m
	// is taken in, and left alone otherwise.
	//
	// victims have been evicted to make room: their leases are released already
	// and the caller sees to the rest. An error refuses m; it is wrapped and may
	// have a method HTTPStatus() int.
	Add(m Member, leaving []Lease) (l Lease, victims []Member, err error)
	// Close refuses new members and stops evicting. It leaves no timer behind,
	// and no goroutine but one that is about to end. It may be called again.
	Close()
}

// Member is a connection as a [Store] sees it. Members are compared by identity.
type Member interface {
	// Evict removes the connection for the given cause and ends its stream. The
	// store calls it at most once for each lease, after the lease has been
	// released, under no lock, on a goroutine of its own. It does not panic, but a
	// store that calls several does well not to rely on that.
	Evict(cause sse.Cause)
}

// Lease is the place of one [Member] in a [Store].
type Lease interface {
	// Touch says that the connection is active: an event has been written to it,
	// or its client made a request. After Release it does nothing.
	Touch()
	// Release gives the place back. Evict may be on its way already; after
	// Release it will not be called any more. It may be called again.
	Release()
}

// memory is a store without limits: connections stay until they end.
type memory struct{ closed atomic.Bool }

func (s *memory) Add(Member, []Lease) (Lease, []Member, error) {
	if s.closed.Load() {
		return nil, nil, ErrConnsClosed
	}
	return nil, nil, nil
}

func (s *memory) Close() { s.closed.Store(true) }
