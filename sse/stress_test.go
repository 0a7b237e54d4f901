package sse_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"
)

// What a stream has accepted reaches its client once and in order, if it ends
// normally: while writers get stuck and are replaced, streams move between the
// shared writers and their own goroutines, and somebody closes them.
func TestAcceptedIsDelivered(t *testing.T) {
	rounds := 3
	if testing.Short() {
		rounds = 1
	}
	for _, writers := range []int{0, 1, 8, -1} {
		t.Run(fmt.Sprint("writers ", writers), func(t *testing.T) {
			for range rounds {
				acceptedIsDelivered(t, sse.HubOptions{Writers: writers, MaxFrames: 1 << 20, MaxBytes: 1 << 30, Heartbeat: 16 * time.Millisecond})
			}
		})
	}
}

func acceptedIsDelivered(t *testing.T, hub sse.HubOptions) {
	const streams, senders, each = 60, 4, 100
	r := newBench(t, setup{hub: hub})
	r.stay("GET /sse")
	var ws [streams]*memWriter
	var conns [streams]*sse.Conn
	for i := range streams {
		ws[i] = r.serve("GET", "/sse")
		conns[i] = r.conn()
	}
	var frames [senders][each][]*sse.Frame
	for s := range senders {
		for k := range each {
			frames[s][k] = []*sse.Frame{n(s*each + k)}
		}
	}
	var accepted [senders][streams]int // by its sender only
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for k := range each {
				if s%2 == 0 {
					refused := map[int]bool{}
					new(sse.Audience).Fanout(conns[:], frames[s][k], func(i int, _ error) { refused[i] = true })
					for i := range conns {
						if !refused[i] {
							accepted[s][i]++
						}
					}
					continue
				}
				for i, c := range conns {
					if c.Emit(context.Background(), frames[s][k]...) == nil {
						accepted[s][i]++
					}
				}
			}
		})
	}
	wg.Go(func() { // clients that pause
		for range 30 {
			w := ws[rand.IntN(streams)]
			w.stall(true)
			time.Sleep(rand.N(6 * time.Millisecond))
			w.stall(false)
		}
	})
	wg.Go(func() { // a third is closed meanwhile
		for i := range streams / 3 {
			time.Sleep(rand.N(4 * time.Millisecond))
			conns[i*3].Close("over")
		}
	})
	wg.Wait()
	for i, c := range conns {
		// Nobody pushes any more: whatever waits has a writer on its way.
		until(t, "the outbox is empty", func() bool { return c.Info().Queued == 0 })
		c.Close("over")
		<-ws[i].done
		body, _, _ := ws[i].snapshot()
		var next [senders]int
		for _, text := range got(t, body) {
			v, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			if s := v / each; v%each != next[s] {
				t.Fatalf("stream %d, sender %d: event %d, want %d", i, s, v%each, next[s])
			}
			next[v/each]++
		}
		for s := range senders {
			if next[s] != accepted[s][i] {
				t.Fatalf("stream %d, sender %d: %d events arrived, %d were accepted", i, s, next[s], accepted[s][i])
			}
		}
	}
	until(t, "all streams are gone", func() bool { return r.hub.Len() == 0 })
}
