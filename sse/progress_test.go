package sse_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/sse"
)

// What first effects send arrives after 50 ms at the latest, whoever writes.
func TestCorkWithOwnWriter(t *testing.T) {
	for _, short := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newBench(t, setup{hub: sse.HubOptions{Writers: -1, Heartbeat: -1}})
			r.handle("GET /sse", sse.ServeOptions{Short: short}, func(ctx context.Context, c *sse.Conn) error {
				_ = c.EmitFirst(ctx, n("first"))
				time.Sleep(time.Minute)
				return c.EmitFirst(ctx, n("second"))
			})
			w := r.serve("GET", "/sse")
			time.Sleep(51 * time.Millisecond)
			synctest.Wait()
			if body, _, _ := w.snapshot(); !cmp.Equal(got(t, body), []string{`"first"`}) {
				t.Errorf("short %t: after 51 ms the client has %q", short, body)
			}
			time.Sleep(time.Minute)
			w.leave()
		})
	}
}

// Progress of a long action arrives while it runs, also on a stream that shared
// writers have given up on, because one write took long.
func TestProgressAfterSlowWrite(t *testing.T) {
	for _, short := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newBench(t, setup{hub: sse.HubOptions{Heartbeat: -1}})
			r.handle("GET /sse", sse.ServeOptions{Short: short}, func(ctx context.Context, c *sse.Conn) error {
				for i := range 8 {
					_ = c.EmitFirst(ctx, n(i))
					time.Sleep(time.Minute)
				}
				return nil
			})
			w := r.serve("GET", "/sse")
			w.stall(true)
			time.Sleep(100 * time.Millisecond)
			w.stall(false)
			var want []string
			for i := range 8 {
				synctest.Wait()
				want = append(want, fmt.Sprint(i))
				body, _, _ := w.snapshot()
				if diff := cmp.Diff(want, got(t, body)); diff != "" {
					t.Errorf("short %t: after step %d (-want +got):\n%s", short, i, diff)
				}
				time.Sleep(time.Minute)
			}
			w.leave()
		})
	}
}

// The same over sockets: the first event is large, and its client begins to read
// late.
func TestProgressAfterLargeEvent(t *testing.T) {
	eachTransport(t, func(t *testing.T, via sse.HubOptions) {
		for _, short := range []bool{false, true} {
			r := newRig(t, setup{hub: via})
			next := make(chan struct{})
			r.handle("GET /sse", sse.ServeOptions{Short: short}, func(ctx context.Context, c *sse.Conn) error {
				r.conns <- c
				_ = c.EmitFirst(ctx, n(strings.Repeat("x", 6<<20)))
				for i := range 3 {
					<-next // the step before has arrived
					_ = c.EmitFirst(ctx, n(fmt.Sprintf("step%d", i)))
				}
				<-next
				return nil
			})
			nc := r.raw("GET /sse HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
			c := r.conn()
			until(t, "the event is being written", func() bool { return c.Info().Queued == 0 })
			res, err := http.ReadResponse(bufio.NewReader(nc), nil)
			if err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewReaderSize(res.Body, 1<<20)
			for i := range 3 {
				next <- struct{}{}
				for seen := false; !seen; {
					line, err := lines.ReadSlice('\n')
					if err != nil && err != bufio.ErrBufferFull {
						t.Fatalf("short %t: waiting for step %d: %v", short, i, err)
					}
					seen = bytes.Contains(line, fmt.Appendf(nil, "step%d", i))
				}
			}
			next <- struct{}{}
			if !short {
				c.Close(sse.CauseClosed)
			}
			if _, err := io.Copy(io.Discard, lines); err != nil {
				t.Errorf("short %t: %v", short, err)
			}
		}
	})
}

// A stream that is written in several rounds does not wait behind one that keeps
// its writer.
func TestNextPieceDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{hub: sse.HubOptions{Writers: 1, WriteTimeout: -1, Heartbeat: -1}})
		r.stay("GET /sse")
		quick, a := r.stream("/sse")
		stalled, b := r.stream("/sse")
		synctest.Wait()
		stalled.stall(true)
		large := strings.Repeat("x", 100<<10)
		new(sse.Audience).Fanout([]*sse.Conn{a, b}, []*sse.Frame{n(large), n(large), n("last")}, nil)
		time.Sleep(time.Second)
		body, _, _ := quick.snapshot()
		if events := len(got(t, body)); events != 3 {
			t.Errorf("%d of 3 events have been written", events)
		}
		stalled.stall(false)
		quick.leave()
		stalled.leave()
	})
}
