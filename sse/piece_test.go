package sse_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/sse/compress"
	"github.com/sfere-go/sfere/twk/twktest"
)

// smallBuffers makes the kernel take little, so that clients fall behind soon.
func smallBuffers(s *httptest.Server) {
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(64 << 10)
		return ctx
	}
}

// slowReader opens a connection whose client takes little at once.
func (r *rig) slowReader(path string) net.Conn {
	c := r.raw("")
	_ = c.(*net.TCPConn).SetReadBuffer(64 << 10)
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", path)
	return c
}

// A client that reads all the time gets an event that takes it several write
// timeouts: the timeout is for one that does not read.
func TestSteadyReader(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, via sse.HubOptions) { steadyReader(t, via, false) })
}

// So it is with a short answer. A client that sees it cut asks again.
func TestSteadyReaderOfAnswer(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, via sse.HubOptions) { steadyReader(t, via, true) })
}

func steadyReader(t *testing.T, via sse.HubOptions, short bool) {
	t.Parallel()
	const size = 2 << 20
	via.WriteTimeout = 500 * time.Millisecond
	r := newRig(t, setup{hub: via, server: smallBuffers})
	r.handle("GET /sse", sse.ServeOptions{Short: short}, func(ctx context.Context, c *sse.Conn) error {
		r.conns <- c
		return c.EmitFirst(ctx, n(strings.Repeat("x", size)))
	})
	steadily(t, via.WriteTimeout, func(stands func()) error {
		nc := r.slowReader("/sse")
		defer nc.Close()
		c := r.conn()
		total := 0
		for buf := make([]byte, 16<<10); total < size; stands() {
			k, err := nc.Read(buf)
			if total += k; err != nil {
				return fmt.Errorf("cut after %d of %d bytes with cause %q: %w", total, size, c.Cause(), err)
			}
			time.Sleep(12 * time.Millisecond) // about four timeouts for all of it
		}
		return nil
	})
}

// steadily reads until that succeeds. read calls stands after each step. An attempt in
// which the process stood still for long, on a busy machine, says nothing: its client
// was no steady reader.
func steadily(t *testing.T, timeout time.Duration, read func(stands func()) error) {
	t.Helper()
	for range 10 {
		last, longest := time.Now(), time.Duration(0)
		look := func() {
			longest = max(longest, time.Since(last))
			last = time.Now()
		}
		err := read(look)
		if look(); err == nil {
			return
		}
		if longest < timeout/4 {
			t.Fatal(err)
		}
		t.Logf("%v; but the reader stood still for %v", err, longest)
	}
	t.Skip("this machine is too busy for a steady reader")
}

// A stream whose client has fallen behind holds little for itself of events that
// it shares with others: they stay in its outbox, or are written piece by piece.
func TestSlowReaderMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("-short is set")
	}
	const streams, most = 64, 64 << 10
	many := make([]*sse.Frame, 220)
	for i := range many {
		many[i] = n(fmt.Sprint(i, strings.Repeat("x", 4000)))
	}
	tests := []struct {
		name   string
		frames []*sse.Frame
	}{
		{"many events", many},
		{"a large event", []*sse.Frame{n(strings.Repeat("x", 8<<20))}},
	}
	for _, tt := range tests {
		eachTransport(t, func(t *testing.T, via sse.HubOptions) {
			// The heap is that of all tests, and something of another one may be in it once.
			for attempt := 1; ; attempt++ {
				waiting, after := slowReaderMemory(t, via, streams, tt.frames)
				t.Logf("%s: %d KiB per stream while all waits, %d KiB after reading a little", tt.name, waiting/1024, after/1024)
				if max(waiting, after) <= most {
					break
				}
				if attempt == 3 {
					t.Fatalf("%s: a stream holds %d bytes of its own, want %d at most", tt.name, max(waiting, after), most)
				}
			}
			runtime.KeepAlive(tt)
		})
	}
}

// slowReaderMemory returns how much a stream holds for itself while frames wait for
// clients that do not read, and when those have read a little.
func slowReaderMemory(t *testing.T, via sse.HubOptions, streams int, frames []*sse.Frame) (waiting, after int64) {
	via.WriteTimeout, via.Heartbeat = -1, -1
	r := newRig(t, setup{hub: via, server: smallBuffers})
	r.stay("GET /sse")
	var clients []net.Conn
	var conns []*sse.Conn
	for range streams {
		nc := r.slowReader("/sse")
		defer nc.Close()
		if _, err := http.ReadResponse(bufio.NewReaderSize(nc, 16), nil); err != nil {
			t.Fatal(err)
		}
		clients, conns = append(clients, nc), append(conns, r.conn())
	}
	settled := func() {
		var last uint64
		for same := 0; same < 20; time.Sleep(10 * time.Millisecond) {
			var sent uint64
			for _, c := range conns {
				sent += c.Info().Sent + uint64(c.Info().Queued)<<32
			}
			if same++; sent != last {
				last, same = sent, 0
			}
		}
	}
	before := heap()
	for _, f := range frames {
		for _, c := range conns {
			if err := c.Emit(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		}
	}
	settled()
	waiting = heap() - before
	for _, nc := range clients { // a little, and no more
		_ = nc.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, _ = io.CopyN(io.Discard, nc, 100<<10)
	}
	settled()
	after = heap() - before
	return waiting / int64(streams), after / int64(streams)
}

// copier is a compressor that makes nothing smaller.
type copier struct{ io.Writer }

func (copier) Close() error { return nil }

// So it is with a compressor of its own: a large event is compressed as the client
// takes it.
func TestSlowReaderMemoryOfOwnCompressor(t *testing.T) {
	if testing.Short() {
		t.Skip("-short is set")
	}
	const streams, most = 16, 128 << 10
	eachTransport(t, func(t *testing.T, via sse.HubOptions) {
		via.WriteTimeout, via.Heartbeat = -1, -1
		via.PerStream = []sse.Compressor{{Encoding: "copy", New: func(w io.Writer) io.WriteCloser { return copier{w} }}}
		r := newRig(t, setup{hub: via, server: smallBuffers})
		r.stay("GET /sse")
		large := n(strings.Repeat("x", 8<<20))
		before := heap()
		var conns []*sse.Conn
		for range streams {
			nc := r.raw("")
			_ = nc.(*net.TCPConn).SetReadBuffer(64 << 10)
			fmt.Fprint(nc, "GET /sse HTTP/1.1\r\nHost: test\r\nAccept-Encoding: copy\r\n\r\n")
			c := r.conn()
			conns = append(conns, c)
			_ = c.Emit(t.Context(), large)
		}
		until(t, "the event is with the writers", func() bool {
			return !slices.ContainsFunc(conns, func(c *sse.Conn) bool { return c.Info().Queued > 0 })
		})
		time.Sleep(100 * time.Millisecond) // what could be held is held by now
		if held := (heap() - before) / streams; held > most {
			t.Errorf("a stream holds %d bytes, want %d at most", held, most)
		}
		runtime.KeepAlive(large)
	})
}

// Events larger than a piece arrive as they are between small ones, however they
// are encoded.
func TestLargeEvents(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	large := make([]byte, 300<<10) // that does not get smaller
	for i := range large {
		large[i] = byte(' ' + 1 + rng.IntN(64))
	}
	var values []string
	for i := range 20 {
		values = append(values, fmt.Sprint(i), fmt.Sprint(i, string(large[rng.IntN(len(large)):])))
	}
	for _, accept := range []string{"identity", "gzip", "own"} {
		eachTransport(t, func(t *testing.T, via sse.HubOptions) {
			own := compress.Gzip(6)
			own.Encoding = "own"
			via.Compress, via.PerStream, via.MaxBytes = true, []sse.Compressor{own}, 1<<30
			r := newRig(t, setup{hub: via, server: smallBuffers})
			r.stay("GET /sse")
			res, err := r.srv.Client().Do(r.request("GET", "/sse", "Accept-Encoding", accept))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			c := r.conn()
			for _, v := range values {
				if err := r.send(c, n(v)); err != nil {
					t.Fatal(err)
				}
			}
			body := io.Reader(res.Body)
			if accept != "identity" {
				if body, err = gzip.NewReader(body); err != nil {
					t.Fatal(err)
				}
			}
			i := 0
			for e, err := range twktest.Parse(body) {
				want, _ := json.Marshal(values[i])
				if err != nil || got1(e) != string(want) {
					t.Fatalf("%s: event %d: %v, %.40q, want %.40q", accept, i, err, got1(e), want)
				}
				if i++; i == len(values) {
					break
				}
			}
		})
	}
}
