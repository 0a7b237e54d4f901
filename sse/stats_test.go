package sse_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/sse"
)

// A hub counts what has happened: a random program is compared with what each stream
// says of itself.
func TestStatsMatchWhatHappened(t *testing.T) {
	for _, writers := range []int{0, -1} {
		for seed := range uint64(10) {
			synctest.Test(t, func(t *testing.T) { randomStats(t, seed, writers) })
		}
	}
}

func randomStats(t *testing.T, seed uint64, writers int) {
	rng := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	var told sse.Written
	r := newBench(t, setup{hub: sse.HubOptions{Heartbeat: -1, Writers: writers, WriteTimeout: -1, MaxFrames: 4, Overflow: sse.DropOldest, OnWritten: func(w sse.Written) {
		mu.Lock()
		defer mu.Unlock()
		told.Frames += w.Frames
		told.Bytes += w.Bytes
		if w.Streams < 1 || w.Streams > 256 || w.Frames < w.Streams || w.Took < 0 {
			t.Errorf("seed %d: told of %+v", seed, w)
		}
	}}})
	r.stay("GET /sse", n(1), n(2))
	r.short("GET /short", n(1))
	r.handle("GET /refused", sse.ServeOptions{Open: func(*sse.Conn) error { return fmt.Errorf("no") }}, nil)
	want := sse.Stats{Closed: map[sse.Cause]sse.Kinds{}}
	closed := func(long bool, cause sse.Cause) {
		k := want.Closed[cause]
		if long {
			k.Long++
		} else {
			k.Short++
		}
		want.Closed[cause] = k
	}
	type live struct {
		w *memWriter
		c *sse.Conn
	}
	var open, all []live
	lost := uint64(0)
	for range 200 {
		switch k := rng.IntN(10); {
		case k < 2 || len(open) == 0:
			w, c := r.stream("/sse")
			l := live{w, c}
			open, all = append(open, l), append(all, l)
			want.Opened.Long++
		case k == 2:
			<-r.serve("GET", "/short").done
			want.Opened.Short++
			closed(false, sse.CauseDone)
			want.Frames++
		case k == 3:
			<-r.serve("GET", "/refused").done
			want.Opened.Long++
			closed(true, sse.CauseRefused)
		case k == 4:
			i := rng.IntN(len(open))
			l := open[i]
			open = append(open[:i:i], open[i+1:]...)
			l.w.stall(false)
			synctest.Wait()
			cause := []sse.Cause{sse.CauseClosed, "gone-fishing", sse.CauseClient}[rng.IntN(3)]
			if cause == sse.CauseClient {
				l.w.leave()
			} else {
				l.c.Close(cause)
				<-l.w.done
			}
			closed(true, cause)
		case k == 5:
			open[rng.IntN(len(open))].w.stall(rng.IntN(2) == 0)
		default:
			o := sse.FrameOptions{}
			if rng.IntN(3) == 0 {
				o.Coalesce = "k"
			}
			for range 1 + rng.IntN(40) {
				_ = open[rng.IntN(len(open))].c.Emit(context.Background(), with(rng.IntN(9), o))
			}
		}
	}
	synctest.Wait()
	got := r.hub.Stats()
	queued := 0
	short := want.Frames
	for _, l := range all {
		i := l.c.Info()
		want.Frames += i.Sent
		want.Bytes += i.SentSize
		lost += i.Dropped
		if i.Cause == "" {
			queued += i.Queued
			want.Waiting += i.QueuedSize
			want.Streams.Long++
		}
	}
	want.Bytes += short * uint64(n(1).Len())
	want.Queued, want.Behind = queued, got.Behind
	if got.Dropped+got.Replaced != lost || got.Replaced == 0 {
		t.Errorf("seed %d: %d dropped and %d replaced, %d lost", seed, got.Dropped, got.Replaced, lost)
	}
	want.Dropped, want.Replaced = got.Dropped, got.Replaced
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("seed %d, writers %d (-want +got):\n%s", seed, writers, diff)
	}
	for _, l := range open {
		l.w.stall(false)
		synctest.Wait()
		l.w.leave()
	}
	if got = r.hub.Stats(); got.Streams != (sse.Kinds{}) || got.Queued != 0 {
		t.Errorf("seed %d: %+v is left", seed, got)
	}
	mu.Lock() // a writer that was stuck on a stream tells of its batch when that goes on
	defer mu.Unlock()
	if told.Frames != int(got.Frames) || told.Bytes != int(got.Bytes) {
		t.Errorf("seed %d: told of %d frames and %d bytes, counted %d and %d", seed, told.Frames, told.Bytes, got.Frames, got.Bytes)
	}
}

// A program may invent causes without end.
func TestStatsCausesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{})
		r.stay("GET /sse")
		for i := range 50 {
			w, c := r.stream("/sse")
			c.Close(sse.Cause(fmt.Sprint("cause", i)))
			<-w.done
		}
		s := r.hub.Stats()
		if len(s.Closed) != 33 || s.Closed[sse.CauseOther].Long != 18 {
			t.Errorf("%d causes, of which %d are others", len(s.Closed), s.Closed[sse.CauseOther].Long)
		}
	})
}
