//go:build linux

package machines

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	// wait bounds everything that is waited for. It says nothing of how long anything
	// should take.
	wait  = 30 * time.Second
	ready = "ready" // what a server says when it can be used
)

// machine is a running process.
type machine struct {
	config
	t      testing.TB
	cmd    *exec.Cmd
	url    string // of a node
	said   tail
	gone   chan struct{} // closed when it has ended
	err    error         // how, then
	wanted atomic.Bool   // it is to end
	stdin  io.Closer
}

// tail keeps the end of what a process has written.
type tail struct {
	mu  sync.Mutex // guards buf
	buf []byte
}

func (o *tail) Write(p []byte) (int, error) {
	const most = 8 << 10
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf = append(o.buf, p...)
	o.buf = o.buf[max(0, len(o.buf)-most):]
	return len(p), nil
}

func (o *tail) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.buf)
}

// start starts the process of c, which ends with the test. A node listens on ln, which
// is of the network of the test whatever that of the process is.
func start(t testing.TB, c config, ln *net.TCPListener, net *network) *machine {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{config: c, t: t, gone: make(chan struct{})}
	m.cmd = exec.Command(os.Args[0], "-test.run=^$")
	m.cmd.Env = append(os.Environ(), roleEnv+"="+string(text), "GOMAXPROCS=2")
	m.cmd.Stderr = &m.said
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if ln != nil {
		m.url = "http://" + ln.Addr().String()
		f, err := ln.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		defer ln.Close()
		m.cmd.ExtraFiles = []*os.File{f}
	} else {
		m.cmd.ExtraFiles = []*os.File{nil}
	}
	var joined func() error
	if c.IP != "" {
		if joined, err = net.isolate(m.cmd, c.IP); err != nil {
			t.Fatal(err)
		}
	}
	in, err := m.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	m.stdin = in
	if err := m.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", c.Name, err)
	}
	first := make(chan string, 1)
	go func() {
		r := bufio.NewReader(out)
		line, _ := r.ReadString('\n')
		first <- line
		_, _ = io.Copy(&m.said, r)
		m.err = m.cmd.Wait()
		close(m.gone)
	}()
	t.Cleanup(m.end)
	if joined != nil {
		if err := joined(); err != nil {
			t.Fatalf("%s has no network: %v\n%s", c.Name, err, m.said.String())
		}
	}
	select {
	case line := <-first:
		if line != ready+"\n" {
			<-m.gone
			t.Fatalf("%s has ended: %v\n%s", c.Name, m.err, m.said.String())
		}
	case <-time.After(wait):
		t.Fatalf("%s is not ready:\n%s", c.Name, m.said.String())
	}
	return m
}

// end ends the process whatever it does, and tells of one that has ended by itself.
func (m *machine) end() {
	select {
	case <-m.gone:
		if !m.wanted.Load() {
			m.t.Errorf("%s has ended by itself: %v", m.Name, m.err)
		}
	default:
		m.wanted.Store(true)
		_ = m.cmd.Process.Kill()
		<-m.gone
	}
	m.stdin.Close()
	if said := m.said.String(); m.t.Failed() && said != "" {
		m.t.Logf("%s said:\n%s", m.Name, said)
	}
	if bytes.Contains(m.said.buf, []byte("DATA RACE")) {
		m.t.Errorf("%s has a data race:\n%s", m.Name, m.said.String())
	}
}

// kill ends it without giving it a chance to do anything.
func (m *machine) kill() {
	_ = m.cmd.Process.Kill()
	m.wanted.Store(true) // those who talk to it are not told before
	<-m.gone
}

// signal sends a signal.
func (m *machine) signal(s syscall.Signal) {
	m.t.Helper()
	if s == syscall.SIGTERM {
		m.wanted.Store(true)
	}
	if err := m.cmd.Process.Signal(s); err != nil {
		m.t.Fatalf("%s to %s: %v", s, m.Name, err)
	}
}

// left waits until it has ended as it was told to.
func (m *machine) left() {
	m.t.Helper()
	select {
	case <-m.gone:
		if m.err != nil {
			m.t.Errorf("%s has ended with %v:\n%s", m.Name, m.err, m.said.String())
		}
	case <-time.After(wait):
		m.t.Fatalf("%s does not end:\n%s", m.Name, m.said.String())
	}
}

func (m *machine) alive() bool {
	select {
	case <-m.gone:
		return false
	default:
		return true
	}
}

// status asks a node how it is.
func (m *machine) status(client *http.Client) (s status, err error) {
	res, err := client.Get(m.url + "/status")
	if err != nil {
		return s, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return s, fmt.Errorf("%s answers %s", m.Name, res.Status)
	}
	return s, json.NewDecoder(res.Body).Decode(&s)
}

// listen returns a free port.
func listen(t testing.TB) *net.TCPListener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln.(*net.TCPListener)
}

// freeAddr returns an address for a server that has to have the same one again. It is one
// that no outgoing connection gets meanwhile: those of this machine come from 127.0.0.1,
// and from higher ports.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.%d.%d.%d:%d", 1+rand.N(254), rand.N(256), 1+rand.N(254), 20_000+rand.N(10_000))
		if ln, err := net.Listen("tcp", addr); err == nil {
			ln.Close()
			return addr
		}
	}
	t.Fatal("no address is free")
	return ""
}

// until waits for a condition. It is asked again and again, and must have no effects.
func until(t testing.TB, what string, is func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err = is(); err == nil {
			return
		}
	}
	t.Fatalf("in vain: %s: %v", what, err)
}
