package sfere

import (
	"encoding/binary"

	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
)

// The ids of streams are numbers of one machine. With a relay, what a page is told as
// the id of its stream has a mark of the machine in front, because what the page sends
// next may arrive at another one. It is below 2^53, as JavaScript needs.

const (
	markBits = 20
	idBits   = 32
)

// markOf returns the mark of a node, which is not 0. Two nodes of a hundred have one
// mark with a chance of 1 in 200; then an id may leave out a stream too many.
func markOf(n relay.ID) uint64 {
	mark := uint64(binary.BigEndian.Uint32(n[:])) & (1<<markBits - 1)
	return max(mark, 1)
}

// streamID returns the id of conn as pages are told.
func (c *Conns) streamID(conn *sse.Conn) uint64 {
	cl := c.cluster.Load()
	if cl == nil {
		return conn.ID()
	}
	return markOf(cl.node.ID())<<idBits | conn.ID()&(1<<idBits-1)
}

// streamsOf tells the streams of this machine from those of others. Ids without a mark
// are of this one.
func (c *Conns) streamsOf(ids []uint64) (here []uint64, far []relay.Stream) {
	cl := c.cluster.Load()
	if cl == nil {
		return ids, nil
	}
	self := markOf(cl.node.ID())
	var members []relay.Member
	for _, id := range ids {
		mark, id := id>>idBits, id&(1<<idBits-1)
		if mark == 0 || mark == self {
			here = append(here, id)
			continue
		}
		if members == nil {
			members = cl.node.Members()
		}
		for _, m := range members {
			if markOf(m.ID) == mark && !m.Self {
				far = append(far, relay.Stream{Node: m.ID, ID: id})
			}
		}
	}
	return here, far
}
