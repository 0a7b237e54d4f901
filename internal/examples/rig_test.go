// Package examples_test runs the programs of the examples folder as processes,
// with real browsers. The tests are here and not beside the programs, so that an
// example can be copied out of this module with its tests.
package examples_test

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// build compiles an example and returns the path of the program.
func build(t *testing.T, name string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), name)
	cmd := exec.Command("go", "build", "-o", bin, "./examples/"+name)
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", name, err, out)
	}
	return bin
}

var (
	address = regexp.MustCompile(`http://\S+`)
	bus     = regexp.MustCompile(`nats://\S+`)
)

// runEmbedded is run for a program with a NATS server in it, whose URL is nats.
func runEmbedded(t *testing.T, bin string, args ...string) (url, nats string, stop func()) {
	t.Helper()
	out, stop := begin(t, bin, append(args, "-nats", "embedded")...)
	nats = found(t, out, bus)
	return next(t, out), nats, stop
}

// run starts a program that prints its address, and returns that. stop sends
// SIGTERM and waits for a clean end; the end of the test does so too.
func run(t *testing.T, bin string, args ...string) (url string, stop func()) {
	t.Helper()
	out, stop := begin(t, bin, args...)
	return next(t, out), stop
}

// begin starts a program, which ends with the test, and returns what it prints.
func begin(t *testing.T, bin string, args ...string) (out *bufio.Reader, stop func()) {
	t.Helper()
	cmd := exec.Command(bin, args...)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", filepath.Base(bin), err)
		}
	})
	t.Cleanup(stop)
	return bufio.NewReader(pipe), stop
}

// next returns the address that a program prints in its next line.
func next(t *testing.T, out *bufio.Reader) (url string) { t.Helper(); return found(t, out, address) }

func found(t *testing.T, out *bufio.Reader, what *regexp.Regexp) string {
	t.Helper()
	line, err := out.ReadString('\n')
	text := what.FindString(line)
	if text == "" {
		t.Fatalf("the program printed %q: %v", line, err)
	}
	return text
}

// freeAddr is an address where nobody listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// serve runs a program that prints nothing until something answers at addr.
func serve(t *testing.T, bin, addr string, args ...string) {
	t.Helper()
	cmd := exec.Command(bin, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", filepath.Base(bin), err)
		}
	})
	for range 500 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("nothing answers at %s", addr)
}
