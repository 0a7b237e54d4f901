package sse_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/sse"
)

// A word that is no policy changes nothing, and the program is told.
func TestSetOverflowRefusesUnknownWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{hub: sse.HubOptions{MaxFrames: 1, Overflow: sse.DropOldest, Heartbeat: -1}})
		r.stay("GET /sse")
		w, c := r.stream("/sse")
		synctest.Wait()
		var unknown *sse.Error
		if err := c.SetOverflow("drop"); !errors.As(err, &unknown) {
			t.Errorf("an unknown word: error %v, want an *sse.Error", err)
		}
		for _, o := range []sse.Overflow{sse.Disconnect, ""} { // back to that of the hub
			if err := c.SetOverflow(o); err != nil {
				t.Error(err)
			}
		}
		w.stall(true)
		_ = r.send(c, n("first"))
		time.Sleep(time.Second)
		_ = r.send(c, n(1), n(2), n(3))
		if i := c.Info(); i.Cause != "" || i.Dropped != 2 {
			t.Errorf("the policy is not that of the hub: %+v", i)
		}
		w.stall(false)
		w.leave()
	})
}

// A client that has stopped reading gets its outbox filled: the first event is
// with the writer, the rest waits.
func TestOverflow(t *testing.T) {
	drop := sse.FrameOptions{Overflow: sse.DropOldest}
	key := sse.FrameOptions{Coalesce: "k"}
	big := strings.Repeat("x", 1000)
	keep := sse.FrameOptions{Overflow: sse.Disconnect}
	size := n(big).Len()
	tests := []struct {
		name, reason string
		hub          sse.HubOptions
		own          sse.Overflow // of the connection
		send         []*sse.Frame
		want         []string // what arrives after the first
		cause        sse.Cause
		dropped      uint64
		err          error // of the last
	}{
		{"fits", "up to the bound nothing is lost", sse.HubOptions{MaxFrames: 3}, "",
			[]*sse.Frame{n(1), n(2), n(3)}, []string{"1", "2", "3"}, "", 0, nil},
		{"disconnect", "the default: the client comes back", sse.HubOptions{MaxFrames: 3}, "",
			[]*sse.Frame{n(1), n(2), n(3), n(4)}, nil, sse.CauseSlow, 0, sse.ErrOverflow},
		{"bytes", "the bound is in bytes as well", sse.HubOptions{MaxBytes: 2*size + 1}, "",
			[]*sse.Frame{n(big), n(big), n(big), n(1)}, nil, sse.CauseSlow, 0, sse.ErrOverflow},
		{"last bytes", "the bound is asked of what waits already, not of what comes", sse.HubOptions{MaxBytes: 2*size + 1}, "",
			[]*sse.Frame{n(big), n(big), n(big)}, []string{`"` + big + `"`, `"` + big + `"`, `"` + big + `"`}, "", 0, nil},
		{"one large", "an empty outbox takes an event of any size", sse.HubOptions{MaxBytes: 10}, "",
			[]*sse.Frame{n(1)}, []string{"1"}, "", 0, nil},
		{"drop, hub", "the hub's policy", sse.HubOptions{MaxFrames: 3, Overflow: sse.DropOldest}, "",
			[]*sse.Frame{n(1), n(2), n(3), n(4), n(5)}, []string{"3", "4", "5"}, "", 2, nil},
		{"drop, connection", "the connection's policy comes before the hub's", sse.HubOptions{MaxFrames: 3}, sse.DropOldest,
			[]*sse.Frame{n(1), n(2), n(3), n(4)}, []string{"2", "3", "4"}, "", 1, nil},
		{"drop, frame", "a frame that may be dropped makes room for any other, whatever the connection's policy", sse.HubOptions{MaxFrames: 3}, sse.Disconnect,
			[]*sse.Frame{n(1), with(2, drop), n(3), n(4)}, []string{"1", "3", "4"}, "", 1, nil},
		{"drop, itself", "and never pushes out one that may not", sse.HubOptions{MaxFrames: 3}, sse.Disconnect,
			[]*sse.Frame{n(1), n(2), n(3), with(4, drop)}, []string{"1", "2", "3"}, "", 1, sse.ErrDropped},
		{"keep, frame", "a frame may insist: others make room for it", sse.HubOptions{MaxFrames: 2}, sse.DropOldest,
			[]*sse.Frame{n(1), n(2), with(3, keep)}, []string{"2", "3"}, "", 1, nil},
		{"keep, frames", "what insists is not dropped for what does not", sse.HubOptions{MaxFrames: 2}, sse.DropOldest,
			[]*sse.Frame{with(1, keep), with(2, keep), n(3)}, []string{"1", "2"}, "", 1, sse.ErrDropped},
		{"keep, too many", "of what insists nothing may be lost but the stream", sse.HubOptions{MaxFrames: 2}, sse.DropOldest,
			[]*sse.Frame{with(1, keep), with(2, keep), with(3, keep)}, nil, sse.CauseSlow, 0, sse.ErrOverflow},
		{"drop for bytes", "as many go as it takes", sse.HubOptions{MaxBytes: 2*size + 1, Overflow: sse.DropOldest}, "",
			[]*sse.Frame{n(1), n(2), n(big), n(big), n(big)}, []string{`"` + big + `"`, `"` + big + `"`, `"` + big + `"`}, "", 2, nil},
		{"coalesce", "the newer event takes the place of the older, at the end", sse.HubOptions{MaxFrames: 3}, "",
			[]*sse.Frame{with(1, key), n(2), with(3, key), with(4, key), n(5)}, []string{"2", "4", "5"}, "", 2, nil},
		{"coalesce when full", "it needs no room of its own", sse.HubOptions{MaxFrames: 2}, "",
			[]*sse.Frame{with(1, key), n(2), with(3, key)}, []string{"2", "3"}, "", 1, nil},
		{"other key", "keys are apart", sse.HubOptions{MaxFrames: 3}, "",
			[]*sse.Frame{with(1, key), with(2, sse.FrameOptions{Coalesce: "l"})}, []string{"1", "2"}, "", 0, nil},
	}
	for _, writers := range []int{0, -1} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s, writers %d", tt.name, writers), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					tt.hub.Writers, tt.hub.Heartbeat = writers, -1
					r := newBench(t, setup{hub: tt.hub})
					r.stay("GET /sse")
					w, c := r.stream("/sse")
					synctest.Wait()
					if tt.own != "" {
						if err := c.SetOverflow(tt.own); err != nil {
							t.Fatal(err)
						}
					}
					w.stall(true)
					_ = r.send(c, n("first"))
					time.Sleep(time.Second) // it is with the writer, and the client is behind
					var last error
					for _, e := range tt.send {
						last = r.send(c, e)
					}
					info := c.Info()
					if !errors.Is(last, tt.err) || tt.err == nil && last != nil {
						t.Errorf("%s: error %v, want %v", tt.reason, last, tt.err)
					}
					if info.Dropped != tt.dropped || info.Cause != tt.cause || tt.cause == "" && info.Queued != len(tt.want) {
						t.Errorf("%s: %+v", tt.reason, info)
					}
					w.stall(false)
					synctest.Wait()
					body, _, _ := w.snapshot()
					if tt.cause != "" {
						tt.want = nil
					} else {
						tt.want = append([]string{`"first"`}, tt.want...)
					}
					if diff := cmp.Diff(tt.want, got(t, body)); diff != "" {
						t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
					}
					w.leave()
				})
			})
		}
	}
}

// A burst of one Emit is taken whole, or not at all.
func TestEmitIsAllOrNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{hub: sse.HubOptions{MaxFrames: 3, Heartbeat: -1}})
		r.stay("GET /sse")
		w, c := r.stream("/sse")
		synctest.Wait()
		w.stall(true)
		_ = r.send(c, n(0))
		time.Sleep(time.Second) // it is with the writer, and the client is behind
		if err := c.Emit(t.Context(), n(1), n(2)); err != nil {
			t.Fatal(err)
		}
		if err := c.Emit(t.Context(), n(3), n(4), n(5), n(6)); err != nil {
			t.Errorf("a burst met an outbox with room: %v", err)
		}
		drop := sse.FrameOptions{Overflow: sse.DropOldest}
		if err := c.Emit(t.Context(), with(7, drop), with(8, drop)); !errors.Is(err, sse.ErrDropped) {
			t.Errorf("a burst that may be dropped: %v", err)
		}
		if i := c.Info(); i.Queued != 6 || i.Dropped != 2 {
			t.Errorf("%+v, want all of the first two bursts and none of the third", i)
		}
		if err := c.Emit(t.Context(), with(9, drop), n(10)); !errors.Is(err, sse.ErrOverflow) {
			t.Errorf("a burst of which one may not be dropped: %v", err)
		}
		if err := c.Emit(t.Context(), n(11)); !errors.Is(err, sse.ErrClosed) {
			t.Errorf("error after the cut: %v", err)
		}
		<-w.done
		if w.panics != http.ErrAbortHandler {
			t.Errorf("the handler of a cut stream ended with %v", w.panics)
		}
	})
}
