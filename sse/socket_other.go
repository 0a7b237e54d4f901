//go:build !linux

package sse

import (
	"errors"
	"net"
	"time"
)

// On other systems connections stay with net/http.
const canTakeOver = false

type socket struct {
	rest   []byte
	unread bool
}

func newSocket(net.Conn) (*socket, error) { return nil, errors.ErrUnsupported }

func (*socket) room() int                                { return 0 }
func (*socket) head(*Conn, time.Time) error              { return errors.ErrUnsupported }
func (*socket) send(*Conn, *scratch, []byte, bool) error { return errors.ErrUnsupported }
func (*socket) waiting() bool                            { return false }
func (*socket) resume(*Conn, *scratch) error             { return errors.ErrUnsupported }
func (*socket) end(*Conn, bool)                          {}

type poller struct{}

func (poller) add(*Conn, *socket) error { return errors.ErrUnsupported }

type rawWrite struct{}
