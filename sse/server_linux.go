package sse

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// setUserTimeout bounds how long sent data may stay unacknowledged. A failure
// leaves the kernel's own bound; it is none of the connection's business.
func setUserTimeout(c *net.TCPConn, d time.Duration) {
	setTCP(c, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
}

// unsent is how much the kernel may hold of a stream that it has not yet been able
// to send. It is twice what a client must read for the kernel to take more.
const unsent = 2 * piece

// keepLittle keeps the kernel from holding megabytes for a client that has read fast
// and now reads slowly: it would take nothing more until a third of them has gone.
func keepLittle(c *net.TCPConn) { setTCP(c, unix.TCP_NOTSENT_LOWAT, unsent) }

// setTCP sets an option. The caller can do without it, so failures are not told.
func setTCP(c *net.TCPConn, option, value int) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, option, value) })
}
