package sse_test

import (
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk/twktest"
)

// silentClient is the environment variable that makes the test binary a client
// of the servers it names, which TestSilentPeer runs on another network.
const silentClient = "SFERE_SILENT_CLIENT"

// beSilentClient reads from all addrs until its input ends.
func beSilentClient(addrs string) {
	for addr := range strings.SplitSeq(addrs, ",") {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Fprintf(c, "GET /sse HTTP/1.1\r\nHost: x\r\n\r\n")
		go func() { _, _ = io.Copy(io.Discard, c) }()
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// otherNetwork makes a network with one machine on it, and returns this
// machine's address there, how to start a program there, and how to pull its
// plug. It skips the test where it cannot.
func otherNetwork(t *testing.T) (here string, there func(args ...string) *exec.Cmd, unplug func()) {
	t.Helper()
	skip := func(why string) {
		fmt.Fprintf(os.Stderr, "==== NETWORK TEST SKIPPED: %s: %s ====\n", t.Name(), why)
		t.Skip(why)
	}
	switch {
	case testing.Short():
		skip("-short is set")
	case runtime.GOOS != "linux" || os.Getuid() != 0:
		skip("it needs root on Linux")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		skip("it needs iproute2: apt-get install iproute2")
	}
	id := os.Getpid() % 16000
	ns, dev, peer := fmt.Sprintf("twk-%d", id), fmt.Sprintf("twk%da", id), fmt.Sprintf("twk%db", id)
	here = fmt.Sprintf("10.213.%d.%d", id/64, id%64*4+1)
	other := fmt.Sprintf("10.213.%d.%d", id/64, id%64*4+2)
	ip := func(args string) error {
		out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", args, err, out)
		}
		return nil
	}
	t.Cleanup(func() {
		_ = ip("link del " + dev)
		_ = ip("netns del " + ns)
	})
	for _, args := range []string{
		"netns add " + ns, "link add " + dev + " type veth peer name " + peer + " netns " + ns,
		"addr add " + here + "/30 dev " + dev, "link set " + dev + " up",
		"-n " + ns + " addr add " + other + "/30 dev " + peer, "-n " + ns + " link set " + peer + " up",
	} {
		if err := ip(args); err != nil {
			skip(err.Error())
		}
	}
	there = func(args ...string) *exec.Cmd {
		return exec.Command("ip", append([]string{"netns", "exec", ns}, args...)...)
	}
	unplug = func() {
		// Without its address the machine takes no packet and answers none.
		if err := ip("-n " + ns + " addr del " + other + "/30 dev " + peer); err != nil {
			t.Fatal(err)
		}
	}
	return here, there, unplug
}

// A client whose network has gone is noticed within heartbeat and peer timeout,
// and without ConfigureServer it is not.
func TestSilentPeer(t *testing.T) {
	t.Parallel()
	here, there, unplug := otherNetwork(t)
	const beat, timeout = 500 * time.Millisecond, 2 * time.Second
	start := func(configure bool) *rig {
		r := newRig(t, setup{hub: sse.HubOptions{Heartbeat: beat}, server: func(s *httptest.Server) {
			l, err := net.Listen("tcp", here+":0")
			if err != nil {
				t.Fatal(err)
			}
			s.Listener.Close()
			s.Listener = l
			if configure {
				sse.ConfigureServer(s.Config, &sse.ServerOptions{PeerTimeout: timeout})
			}
		}})
		r.stay("GET /sse", n(1))
		return r
	}
	configured, plain := start(true), start(false)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := there(exe)
	cmd.Env = append(os.Environ(), silentClient+"="+configured.srv.Listener.Addr().String()+","+plain.srv.Listener.Addr().String())
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("client: %v: %s", err, stderr.String())
		}
	}()
	noticed, unnoticed := configured.conn(), plain.conn()
	until(t, "both streams have had a heartbeat", func() bool {
		return noticed.Info().Sent > 1 && unnoticed.Info().Sent > 1
	})
	unplug()
	begin := time.Now()
	select {
	case <-noticed.Done():
	case <-time.After(twktest.Wait):
		t.Fatal("the silent peer was not noticed")
	}
	t.Logf("noticed after %v", time.Since(begin))
	if cause := unnoticed.Cause(); cause != "" {
		t.Errorf("without ConfigureServer the stream ended, too (%s): this test shows nothing", cause)
	}
	if e := configured.end(); e.Cause != sse.CauseClient && e.Cause != sse.CauseWrite {
		t.Errorf("end %+v", e)
	}
}
