package sse_test

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/sse"
)

// What many goroutines send to one Audience reaches all its streams in one order:
// what is the same for all, and what is made for each and takes its time.
func TestAudienceHasOneOrder(t *testing.T) {
	t.Parallel()
	const streams, senders, each = 64, 4, 100
	r := newBench(t, setup{})
	r.stay("GET /sse")
	var ws []*memWriter
	var conns []*sse.Conn
	for range streams {
		ws = append(ws, r.serve("GET", "/sse"))
		conns = append(conns, r.conn())
	}
	var room sse.Audience
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for k := range each {
				frame := n(s*each + k)
				if k%3 != 0 {
					room.Fanout(conns, []*sse.Frame{frame}, nil)
					continue
				}
				turns := room.Reserve(conns)
				runtime.Gosched()
				for i := range turns { // in another order for each sender
					turn := turns[(i*(2*s+1))%streams]
					if err := turn.Emit(context.Background(), frame); err != nil {
						t.Error(err)
					}
					turn.End()
				}
			}
		})
	}
	wg.Wait()
	var first []string
	for i, c := range conns {
		c.Close("over")
		<-ws[i].done
		body, _, _ := ws[i].snapshot()
		all := got(t, body)
		if first == nil {
			if first = all; len(first) != senders*each {
				t.Fatalf("%d events have come, want %d", len(first), senders*each)
			}
		}
		if diff := cmp.Diff(strings.Join(first, "\n"), strings.Join(all, "\n")); diff != "" {
			t.Fatalf("streams 0 and %d (-0 +%d):\n%s", i, i, diff)
		}
	}
}
