package sse_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	measure "github.com/sfere-go/sfere/internal/growth"
	"github.com/sfere-go/sfere/sse"
)

// fates returns the values of the entries with a fate, in order.
func fates(t *testing.T, entries []sse.Entry, want sse.Fate) (ns []string) {
	t.Helper()
	for _, e := range entries {
		if e.Fate == want {
			ns = append(ns, got(t, e.Text)...)
		}
	}
	return ns
}

// What is recorded of a stream is what its client was sent, whatever is dropped,
// replaced, taken back or cut, whoever sends and however slow the client is. Whoever
// watches it sees the same.
func TestTraceIsWhatTheClientGot(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { traced(t, seed) })
		})
	}
}

func traced(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	r := newBench(t, setup{hub: sse.HubOptions{Record: 1000, MaxFrames: 4, WriteTimeout: -1, Heartbeat: time.Second, Overflow: sse.DropOldest}})
	r.stay("GET /sse", n("first"))
	w, c := r.stream("/sse")
	synctest.Wait() // an entry has the place at which its event was sent, and "first" gets the first one on the wire
	wake := make(chan struct{}, 1)
	tap, err := c.Tap(wake)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]sse.Entry{}
	var watching sync.WaitGroup
	watching.Go(func() {
		for range wake {
			entries, missed, over := tap.Take()
			for _, e := range entries {
				seen[e.Seq] = e
			}
			if missed > 0 {
				t.Errorf("%d missed", missed)
			}
			if over {
				return
			}
		}
	})

	turns := seed%3 == 0
	var room sse.Audience
	var mu sync.Mutex // guards rnd and sent
	sent := 0
	var sending sync.WaitGroup
	for s := range 3 {
		sending.Go(func() {
			for i := range 40 {
				mu.Lock()
				pick, value := rnd.IntN(12), fmt.Sprintf("%d.%d", s, i)
				o := sse.FrameOptions{}
				if pick%2 == 0 {
					o.Coalesce = fmt.Sprint("k", rnd.IntN(3))
				}
				if pick == 4 {
					o.Coalesce, o.Version = "v", rnd.Uint64N(9)+1
				}
				pause := time.Duration(rnd.IntN(400)) * time.Millisecond
				mu.Unlock()
				f := with(value, o)
				var err error
				switch {
				case pick == 9:
					w.stall(true)
				case pick == 10:
					w.stall(false)
				case pick == 11:
					c.Withdraw("k1")
				}
				if turn := (*sse.Turn)(nil); turns && pick == 3 {
					turn = room.Reserve([]*sse.Conn{c})[0]
					time.Sleep(pause)
					err = turn.Emit(t.Context(), f)
					turn.End()
				} else {
					err = c.Emit(t.Context(), f)
				}
				if err != nil && !errors.Is(err, sse.ErrDropped) {
					t.Errorf("sending: %v", err)
				}
				mu.Lock()
				sent++
				mu.Unlock()
				time.Sleep(pause)
			}
		})
	}
	sending.Wait()
	cause := sse.CauseClosed
	if seed%2 == 0 {
		cause = sse.CauseSize
	}
	if seed%4 < 2 {
		w.stall(true)
		_ = c.Emit(t.Context(), n("late"), n("later"))
		sent += 2
	}
	c.Close(cause)
	w.stall(false)
	<-w.done
	watching.Wait()
	tap.Close()

	e := c.Events()
	body, _, _ := w.snapshot()
	want, wrote := got(t, body), fates(t, e.Entries, sse.FateWritten)
	if turns { // their place is taken before it is known what comes there
		slices.Sort(want)
		slices.Sort(wrote)
	}
	if diff := cmp.Diff(want, wrote); diff != "" {
		t.Errorf("written, by the client and by the record (-client +record):\n%s", diff)
	}
	if len(e.Entries) != sent+3 || e.Earlier != 0 { // opened, closed and "first"
		t.Errorf("%d entries and %d earlier ones of %d events", len(e.Entries), e.Earlier, sent)
	}
	lost := len(fates(t, e.Entries, sse.FateDropped)) + len(fates(t, e.Entries, sse.FateReplaced))
	if uint64(lost) != e.Stream.Dropped {
		t.Errorf("%d were lost, and the stream says %d", lost, e.Stream.Dropped)
	}
	if left := fates(t, e.Entries, sse.FateQueued); len(left) > 0 {
		t.Errorf("%v still wait for a client that is gone", left)
	}
	if e.Stream.Cause != cause {
		t.Errorf("it ended with %q", e.Stream.Cause)
	}
	var watched []sse.Entry
	for seq := range uint64(len(seen)) {
		watched = append(watched, seen[seq+1])
	}
	if diff := cmp.Diff(e.Entries, watched); diff != "" {
		t.Errorf("what was watched is not what is recorded (-record +watched):\n%s", diff)
	}
	again, ok := r.hub.Events(c.ID())
	if diff := cmp.Diff(e, again); !ok || diff != "" {
		t.Errorf("of the stream that has ended the hub says (-stream +hub):\n%s", diff)
	}
}

// The last entries are kept, with their times and sizes. A client that does not read is
// seen to be behind, and the stream that was cut for it tells so afterwards.
func TestTraceOfSlowStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{hub: sse.HubOptions{Record: 6, MaxFrames: 2, WriteTimeout: -1, Heartbeat: -1}})
		r.stay("GET /sse")
		w, c := r.stream("/sse")
		synctest.Wait()
		if e := c.Events(); len(e.Entries) != 1 || e.Entries[0].Fate != sse.FateOpened || !e.Since.Equal(e.Stream.Opened) {
			t.Errorf("of a stream that was sent nothing: %+v", e)
		}
		for i := range 3 {
			_ = c.Emit(t.Context(), n(i))
			time.Sleep(time.Second)
		}
		w.stall(true)
		long := n(strings.Repeat("x", 5000))
		for _, f := range []*sse.Frame{n(3), long, n(4), n(5)} {
			_ = c.Emit(t.Context(), f)
			time.Sleep(time.Second)
		}
		w.stall(false)
		<-w.done
		e, ok := r.hub.Events(c.ID())
		var rows []string
		for _, e := range e.Entries {
			rows = append(rows, strings.TrimSpace(fmt.Sprintln(e.Seq, e.Fate, e.Type, e.Size, e.Took, e.Cause)))
		}
		want := []string{
			"4 written datastar-patch-signals 41 0s", "5 cut datastar-patch-signals 41 3s", // the one that was being written
			"6 cut datastar-patch-signals 5042 2s", "7 cut datastar-patch-signals 41 1s", "8 cut datastar-patch-signals 41 0s", "9 closed  0 0s slow",
		}
		if diff := cmp.Diff(want, rows); !ok || e.Earlier != 3 || diff != "" {
			t.Errorf("with %d earlier entries (-want +got):\n%s", e.Earlier, diff)
		}
		for _, e := range e.Entries {
			if e.Size > 5000 && (len(e.Text) != 1024 || e.Omitted != e.Size-1024) {
				t.Errorf("%d bytes of text and %d omitted of %d", len(e.Text), e.Omitted, e.Size)
			}
		}
	})
}

// Whoever watches a stream that is not recorded sees what it is sent from then on, is
// told what was missed, and leaves nothing behind.
func TestTap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{hub: sse.HubOptions{Heartbeat: -1}})
		r.stay("GET /sse")
		w, c := r.stream("/sse")
		_ = c.Emit(t.Context(), n("before"))
		synctest.Wait()
		if e := c.Events(); len(e.Entries) != 0 || !e.Since.IsZero() {
			t.Errorf("nobody records, and there is %+v", e)
		}
		wake := make(chan struct{}, 1)
		a, err := c.Tap(wake)
		b, err2 := c.Tap(make(chan struct{})) // nobody listens
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		for i := range 300 {
			_ = c.Emit(t.Context(), n(i))
		}
		<-wake
		synctest.Wait()
		entries, missed, over := a.Take()
		if len(entries) != 256 || missed != 44 || over || len(fates(t, entries, sse.FateWritten)) != 256 {
			t.Errorf("%d entries, %d missed, over %t", len(entries), missed, over)
		}
		if entries, missed, _ := a.Take(); len(entries) != 0 || missed != 0 {
			t.Errorf("then %d entries, %d missed", len(entries), missed)
		}
		a.Close()
		a.Close()
		if e := c.Events(); len(e.Entries) != 256 || e.Earlier != 44 {
			t.Errorf("%d entries while somebody watches", len(e.Entries))
		}
		b.Close()
		if e := c.Events(); len(e.Entries) != 0 {
			t.Errorf("%d entries when nobody watches any more", len(e.Entries))
		}
		last, err := c.Tap(wake)
		if err != nil {
			t.Fatal(err)
		}
		c.Close(sse.CauseSize)
		<-w.done
		if entries, _, over := last.Take(); len(entries) != 1 || entries[0].Cause != sse.CauseSize || !over {
			t.Errorf("at its end: %+v, over %t", entries, over)
		}
		last.Close()
		if _, ok := r.hub.Events(c.ID()); !ok {
			t.Error("a stream that was watched is not kept")
		}
		if _, err := c.Tap(wake); !errors.Is(err, sse.ErrClosed) {
			t.Errorf("watching it when it is over: %v", err)
		}
		if _, ok := r.hub.Events(999); ok {
			t.Error("there is something of a stream that never was")
		}
	})
}

// The hub keeps a bounded number of streams that have ended, and of bytes.
func TestEndedStreamsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{hub: sse.HubOptions{Record: 1000, Heartbeat: -1, MaxFrames: 1 << 20, MaxBytes: 1 << 30}})
		r.stay("GET /sse")
		end := func(events int) uint64 {
			w, c := r.stream("/sse")
			synctest.Wait()
			for i := range events {
				_ = c.Emit(t.Context(), n(strings.Repeat("x", 2000)+fmt.Sprint(i)))
			}
			c.Close(sse.CauseClosed)
			<-w.done
			return c.ID()
		}
		kept := func(ids []uint64) (n int) {
			for _, id := range ids {
				if _, ok := r.hub.Events(id); ok {
					n++
				}
			}
			return n
		}
		var few, many []uint64
		for range 200 {
			few = append(few, end(1))
		}
		if n := kept(few); n != 128 || kept(few[72:]) != 128 {
			t.Errorf("%d are kept", n)
		}
		for range 10 {
			many = append(many, end(1000))
		}
		if n := kept(many); n != 3 || kept(few) != 0 { // 1.2 MiB each
			t.Errorf("%d large ones are kept, and %d small ones", n, kept(few))
		}
	})
}

// What is kept of a frame for many streams is made once for all.
func TestTraceCost(t *testing.T) {
	if measure.Race {
		t.Skip("the race detector allocates")
	}
	cost := func(record, streams, size int) (allocs float64, bytes int64) {
		r := newBench(t, setup{hub: sse.HubOptions{Record: record, Heartbeat: -1, MaxFrames: 1 << 20, MaxBytes: 1 << 30}})
		r.stay("GET /sse")
		var ws []*memWriter
		var conns []*sse.Conn
		for range streams {
			w := r.serve("GET", "/sse")
			w.forget = true
			ws, conns = append(ws, w), append(conns, <-r.conns)
		}
		defer func() {
			for _, w := range ws {
				w.leave()
			}
		}()
		var room sse.Audience
		text := strings.Repeat("x", size)
		send := func() {
			room.Fanout(conns, []*sse.Frame{n(text)}, nil)
			until(t, "all is written", func() bool { return r.hub.Stats().Queued == 0 })
		}
		for range 2 * max(record, 20) { // the rings are full
			send()
		}
		return measure.Allocs(send), measure.Bytes(send)
	}
	off, _ := cost(0, 200, 100)
	on, _ := cost(50, 200, 100)
	t.Logf("an event to 200 streams: %.0f allocations, recorded %.0f", off, on)
	if on > off+20 {
		t.Errorf("an event to 200 streams takes %.0f allocations, and %.0f if it is recorded", off, on)
	}
}

// What is recorded of a frame does not keep it alive.
func TestTraceKeepsNoFrame(t *testing.T) {
	r := newBench(t, setup{hub: sse.HubOptions{Record: 50, Heartbeat: -1}})
	r.stay("GET /sse")
	w := r.serve("GET", "/sse")
	w.forget = true
	c := <-r.conns
	before := heap()
	const size = 1 << 20
	for range 50 {
		if err := c.Emit(context.Background(), n(strings.Repeat("x", size))); err != nil {
			t.Fatal(err)
		}
		until(t, "it is written", func() bool { return c.Info().Queued == 0 })
	}
	until(t, "all are written", func() bool { return c.Info().Sent == 50 })
	if held := heap() - before; held > size {
		t.Errorf("50 events of a MiB are recorded in %d bytes", held)
	}
	w.leave()
}
