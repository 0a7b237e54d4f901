//go:build linux

package machines

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// network carries the packets between processes which have a network namespace each.
// It is a switch in the process of the test: it can lose, delay and slow down those of
// one direction, and counts them.
type network struct {
	t       testing.TB
	running sync.WaitGroup

	mu    sync.Mutex // guards the rest
	ports map[[4]byte]*os.File
	links map[[2]string]*link // from, to
}

// link is one direction between two processes.
type link struct {
	mu     sync.Mutex // guards the rest
	cut    bool
	drop   float64 // of the packets
	delay  time.Duration
	rate   int // bytes a second, 0 is no bound
	passed int // packets
	lost   int
	queue  chan late
	free   time.Time // when the last packet has left
}

// late is a packet that is on its way.
type late struct {
	packet []byte
	at     time.Time
	to     *os.File
}

// newNetwork returns a network, or skips the test.
func newNetwork(t testing.TB) *network {
	t.Helper()
	skip := func(why string) {
		line := fmt.Sprintf("==== NETWORK TEST SKIPPED: %s: %s ====", t.Name(), why)
		fmt.Fprintln(os.Stderr, line)
		t.Skip(line)
	}
	tun, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		skip("it needs /dev/net/tun: " + err.Error())
	}
	unix.Close(tun)
	probe := exec.Command("/bin/true")
	namespace(probe)
	if out, err := probe.CombinedOutput(); err != nil {
		skip(fmt.Sprintf("it needs network namespaces: %v %s", err, out))
	}
	n := &network{t: t, ports: map[[4]byte]*os.File{}, links: map[[2]string]*link{}}
	t.Cleanup(n.close)
	return n
}

// namespace gives a process a network namespace, which ends with it.
func namespace(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	a := cmd.SysProcAttr
	a.Cloneflags |= syscall.CLONE_NEWNET
	if os.Geteuid() != 0 {
		a.Cloneflags |= syscall.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
}

// tunFD is where a process finds the socket by which it hands over its tunnel.
const tunFD = 4

// isolate gives the process of cmd a namespace. joined is called when it has started.
func (n *network) isolate(cmd *exec.Cmd, ip string) (joined func() error, err error) {
	namespace(cmd)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	mine, theirs := os.NewFile(uintptr(pair[0]), "mine"), os.NewFile(uintptr(pair[1]), "theirs")
	cmd.ExtraFiles = append(cmd.ExtraFiles, theirs)
	return func() error {
		theirs.Close()
		defer mine.Close()
		c, err := net.FileConn(mine)
		if err != nil {
			return err
		}
		defer c.Close()
		_ = c.SetReadDeadline(time.Now().Add(wait))
		oob := make([]byte, 64)
		_, got, _, _, err := c.(*net.UnixConn).ReadMsgUnix(make([]byte, 1), oob)
		if err != nil {
			return err
		}
		messages, err := unix.ParseSocketControlMessage(oob[:got])
		if err != nil || len(messages) != 1 {
			return fmt.Errorf("it has sent no tunnel: %v", err)
		}
		fds, err := unix.ParseUnixRights(&messages[0])
		if err != nil || len(fds) != 1 {
			return fmt.Errorf("it has sent no tunnel: %v", err)
		}
		if err := unix.SetNonblock(fds[0], true); err != nil {
			return err
		}
		n.attach(ip, os.NewFile(uintptr(fds[0]), "tun "+ip))
		return nil
	}, nil
}

// enterNetwork makes the tunnel of this process, which is in a namespace of its own, and
// hands it over to the test.
func enterNetwork(ip string) error {
	tun, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(tun)
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	set := func(name string, request uint, f func(*unix.Ifreq) error) {
		r, e := unix.NewIfreq(name)
		if e == nil {
			e = f(r)
		}
		fd := s
		if request == unix.TUNSETIFF {
			fd = tun
		}
		if e == nil {
			e = unix.IoctlIfreq(fd, request, r)
		}
		err = errors.Join(err, e)
	}
	flags := func(v uint16) func(*unix.Ifreq) error {
		return func(r *unix.Ifreq) error { r.SetUint16(v); return nil }
	}
	address := func(v net.IP) func(*unix.Ifreq) error {
		return func(r *unix.Ifreq) error { return r.SetInet4Addr(v.To4()) }
	}
	set("wire", unix.TUNSETIFF, flags(unix.IFF_TUN|unix.IFF_NO_PI))
	set("wire", unix.SIOCSIFADDR, address(net.ParseIP(ip)))
	set("wire", unix.SIOCSIFNETMASK, address(net.IP{255, 255, 255, 0}))
	set("wire", unix.SIOCSIFFLAGS, flags(unix.IFF_UP|unix.IFF_RUNNING))
	set("lo", unix.SIOCSIFFLAGS, flags(unix.IFF_UP|unix.IFF_RUNNING))
	if err != nil {
		return err
	}
	defer unix.Close(tunFD)
	return unix.Sendmsg(tunFD, []byte{0}, unix.UnixRights(tun), nil, 0)
}

// attach carries the packets of a process.
func (n *network) attach(ip string, tun *os.File) {
	n.mu.Lock()
	at := [4]byte(net.ParseIP(ip).To4())
	if old := n.ports[at]; old != nil {
		old.Close()
	}
	n.ports[at] = tun
	n.mu.Unlock()
	n.running.Go(func() {
		buf := make([]byte, 1<<16)
		for {
			size, err := tun.Read(buf)
			if err != nil {
				return // closed, or its process has ended
			}
			if p := buf[:size]; size >= 20 && p[0]>>4 == 4 {
				n.carry(p)
			}
		}
	})
}

// carry takes a packet to where it is for.
func (n *network) carry(p []byte) {
	from, to := net.IP(p[12:16]).String(), net.IP(p[16:20]).String()
	n.mu.Lock()
	out := n.ports[[4]byte(p[16:20])]
	l := n.link(from, to)
	n.mu.Unlock()
	if out == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut || l.drop > 0 && rand.Float64() < l.drop {
		l.lost++
		return
	}
	l.passed++
	if l.delay == 0 && l.rate == 0 && len(l.queue) == 0 {
		_, _ = out.Write(p)
		return
	}
	now := time.Now()
	if l.free.Before(now) {
		l.free = now
	}
	if l.rate > 0 {
		l.free = l.free.Add(time.Duration(len(p)) * time.Second / time.Duration(l.rate))
	}
	select {
	case l.queue <- late{append([]byte{}, p...), l.free.Add(l.delay), out}:
	default:
		l.lost++
	}
}

// link returns one direction. n.mu is held.
func (n *network) link(from, to string) *link {
	l := n.links[[2]string{from, to}]
	if l == nil {
		l = &link{queue: make(chan late, 500)}
		n.links[[2]string{from, to}] = l
		n.running.Go(func() {
			for p := range l.queue {
				time.Sleep(time.Until(p.at))
				_, _ = p.to.Write(p.packet)
			}
		})
	}
	return l
}

// set changes one direction.
func (n *network) set(from, to string, f func(l *link)) {
	n.mu.Lock()
	l := n.link(from, to)
	n.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l)
}

// cut loses what goes from one process to another, or no longer.
func (n *network) cut(yes bool, from, to string) { n.set(from, to, func(l *link) { l.cut = yes }) }

// lost returns how many packets have been lost in one direction.
func (n *network) lost(from, to string) (count int) {
	n.set(from, to, func(l *link) { count = l.lost })
	return count
}

func (n *network) close() {
	n.mu.Lock()
	for _, p := range n.ports {
		p.Close()
	}
	n.ports = map[[4]byte]*os.File{}
	for _, l := range n.links {
		l.mu.Lock()
		l.cut = true // nothing is put into the queue any more
		l.mu.Unlock()
		close(l.queue)
	}
	n.mu.Unlock()
	n.running.Wait()
}
