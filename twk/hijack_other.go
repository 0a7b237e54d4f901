//go:build !linux

package twk

import (
	"errors"
	"net"
)

// On other systems connections stay with net/http.
const canTakeOver = false

type socket struct {
	rest []byte
	dead bool
}

func newSocket(net.Conn) (*socket, error) { return nil, errors.ErrUnsupported }

func (*socket) waiting() bool                      { return false }
func (*socket) send(*Conn, *scratch, []byte) error { return errors.ErrUnsupported }
func (*socket) close(*Conn)                        {}

type poller struct{}

func (poller) add(*Conn, *socket) error { return errors.ErrUnsupported }

type rawWrite struct{}
