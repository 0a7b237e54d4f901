package sse

import (
	"os"
	"sync"
	"syscall"
)

// poller watches the connections that have been taken over: it notices clients
// that leave, and clients that read again. It has one goroutine as long as there
// is a connection to watch, and that one blocks no thread, because the epoll
// instance is itself watched by the runtime.
//
// The zero poller is ready to use.
type poller struct {
	// mu guards the fields below; no other lock is taken under it.
	mu    sync.Mutex
	conns map[uint64]*Conn // by id: a number of a connection is used again, that of a stream is not
	file  *os.File         // the epoll instance; nil while conns is empty
	fd    int              // of file
}

const (
	pollLeave = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR
	// pollEdge asks to be told of changes, not of states, as a client that has
	// sent more than its request would otherwise keep the poller busy.
	pollEdge = 1 << 31 // EPOLLET, which package syscall has as a negative number
)

// add begins to watch the connection of c.
func (p *poller) add(c *Conn, k *socket) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		if err := p.start(); err != nil {
			return err
		}
	}
	err := p.control(syscall.EPOLL_CTL_ADD, c, k, pollLeave)
	if err == nil {
		p.conns[c.id] = c
	} else if len(p.conns) == 0 {
		p.stop()
	}
	return err
}

// writable asks to be told when the connection takes more; the stream is then
// scheduled. If it does already, that is at once.
func (p *poller) writable(c *Conn, k *socket) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns[c.id] != c {
		return ErrClosed
	}
	return p.control(syscall.EPOLL_CTL_MOD, c, k, pollLeave|syscall.EPOLLOUT)
}

// remove ends the watch; closing the connection takes it out of the epoll
// instance.
func (p *poller) remove(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns[c.id] != c {
		return
	}
	if delete(p.conns, c.id); len(p.conns) == 0 {
		p.stop()
	}
}

func (p *poller) control(op int, c *Conn, k *socket, events uint32) error {
	ev := syscall.EpollEvent{Events: events | pollEdge, Fd: int32(uint32(c.id)), Pad: int32(uint32(c.id >> 32))}
	var err error
	if e := k.raw.Control(func(fd uintptr) { err = syscall.EpollCtl(p.fd, op, int(fd), &ev) }); e != nil {
		return e
	}
	return err
}

// start makes the epoll instance and its goroutine; p.mu is held.
func (p *poller) start() error {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil { // for os.NewFile
		_ = syscall.Close(fd)
		return err
	}
	file := os.NewFile(uintptr(fd), "epoll")
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return err
	}
	p.file, p.fd, p.conns = file, fd, map[uint64]*Conn{}
	go p.run(raw)
	return nil
}

// stop ends the goroutine; p.mu is held.
func (p *poller) stop() {
	_ = p.file.Close()
	p.file, p.fd, p.conns = nil, 0, nil
}

func (p *poller) run(raw syscall.RawConn) {
	var events [128]syscall.EpollEvent
	n := 0
	some := func(fd uintptr) bool {
		var err error
		n, err = syscall.EpollWait(int(fd), events[:], 0)
		return n > 0 || err != nil && err != syscall.EINTR
	}
	for raw.Read(some) == nil && n > 0 {
		for _, ev := range events[:n] {
			p.handle(uint64(uint32(ev.Fd))|uint64(uint32(ev.Pad))<<32, ev.Events)
		}
	}
}

func (p *poller) handle(id uint64, events uint32) {
	p.mu.Lock()
	c := p.conns[id]
	p.mu.Unlock()
	switch {
	case c == nil: // closed meanwhile
	case events&pollLeave != 0:
		c.Close(CauseClient)
	default:
		c.hub.schedule(c)
	}
}
