package sse

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// box makes frames of a text: each word is a frame, "~" in front of it means that
// it may be dropped, "!" that it may not, "k=" that its key is k, and "k=^2" that it
// is version 2 of it.
func box(t *testing.T, text string) (frames []*Frame) {
	t.Helper()
	for word := range strings.FieldsSeq(text) {
		var o FrameOptions
		rest := word
		switch rest[0] {
		case '~':
			o.Overflow, rest = DropOldest, rest[1:]
		case '!':
			o.Overflow, rest = Disconnect, rest[1:]
		}
		if key, v, ok := strings.Cut(rest, "="); ok {
			o.Coalesce = key
			if v, ok := strings.CutPrefix(v, "^"); ok {
				if _, err := fmt.Sscan(v, &o.Version); err != nil {
					t.Fatal(err)
				}
			}
		}
		f, err := NewFrame(Event{Data: []string{word}}, &o)
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, f)
	}
	return frames
}

// text is what box was given.
func text(frames []*Frame) string {
	var words []string
	for _, f := range frames {
		words = append(words, f.Event().Data[0])
	}
	return strings.Join(words, " ")
}

// The rules by which an outbox takes a burst in.
func TestAdmit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason  string
		waiting string
		burst   string
		max     int
		policy  Overflow
		want    string
		lost    int
		err     error
	}{
		{"nothing finds room everywhere", "a b", "", 2, Disconnect, "a b", 0, nil},
		{"there is room", "a", "b", 2, Disconnect, "a b", 0, nil},
		{"a burst is no slow client", "a", "b c d e", 2, Disconnect, "a b c d e", 0, nil},
		{"a slow client is", "a b", "c", 2, Disconnect, "a b", 0, ErrOverflow},
		{"what may be dropped makes room, the oldest first", "~a b ~c", "d", 3, Disconnect, "b ~c d", 1, nil},
		{"by the policy of the stream as well", "a b c", "d", 3, DropOldest, "b c d", 1, nil},
		{"for what may be dropped, too", "~a ~b", "~c", 2, Disconnect, "~b ~c", 1, nil},
		{"only as much as brings it below the bound, however long the burst", "~a ~b ~c", "d e f", 3, Disconnect, "~b ~c d e f", 1, nil},
		{"as much as it takes", "~a ~b ~c ~d", "e", 2, Disconnect, "~d e", 3, nil},
		{"what may not be dropped is not pushed out", "a b", "~c", 2, Disconnect, "a b", 1, ErrDropped},
		{"nor by the policy of the stream", "!a !b", "c d", 2, DropOldest, "!a !b", 2, ErrDropped},
		{"what insists makes others go", "a !b", "!c", 2, DropOldest, "!b !c", 1, nil},
		{"one that insists is enough to cut", "a b", "~c d", 2, Disconnect, "a b", 0, ErrOverflow},
		{"nothing is dropped in vain", "a ~b c", "d", 2, Disconnect, "a ~b c", 0, ErrOverflow},
		{"the newer takes the place of the older, at the end", "k=1 a", "k=2", 5, Disconnect, "a k=2", 1, nil},
		{"which needs no room", "k=1 a", "k=2", 2, Disconnect, "a k=2", 1, nil},
		{"nor what comes with it", "k=1 a", "k=2 b", 2, Disconnect, "a k=2 b", 1, nil},
		{"nothing more is dropped than was replaced", "~a k=1", "k=2", 2, Disconnect, "~a k=2", 1, nil},
		{"a refused burst replaces nothing", "k=1 a b", "k=2 c", 2, Disconnect, "k=1 a b", 0, ErrOverflow},
		{"within a burst the last one counts", "a", "k=1 b k=2", 5, Disconnect, "a b k=2", 1, nil},
		{"a newer version takes the place of the older, at the end", "v=^1 a", "v=^2", 5, Disconnect, "a v=^2", 1, nil},
		{"and an older one never that of a newer", "v=^2 a", "v=^1", 5, Disconnect, "v=^2 a", 1, nil},
		{"versions do not count", "v=^1 w=^1 a", "b", 2, Disconnect, "v=^1 w=^1 a b", 0, nil},
		{"and are not refused", "a b c", "v=^1", 2, Disconnect, "a b c v=^1", 0, nil},
		{"nor dropped", "v=^1 ~a ~b", "c", 2, DropOldest, "v=^1 ~b c", 1, nil},
		{"with others in one burst", "v=^3 a", "b v=^2 c v=^4", 9, Disconnect, "a b c v=^4", 2, nil},
		{"what may be dropped may replace what may not: it is the same thing, newer", "!k=1 a", "~k=2", 2, Disconnect, "a ~k=2", 1, nil},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s + %s", tt.waiting, tt.burst), func(t *testing.T) {
			var o outbox
			var s slabs
			for _, f := range box(t, tt.waiting) {
				o.push(f, &s)
			}
			lost, err := o.admit(box(t, tt.burst), bounds{tt.max, 1 << 20, tt.policy}, &s, nil)
			if got := text(o.queue); got != tt.want || lost.total() != tt.lost || !errors.Is(err, tt.err) || tt.err == nil && err != nil {
				t.Errorf("%s: %q, %d lost, error %v; want %q, %d, %v", tt.reason, got, lost.total(), err, tt.want, tt.lost, tt.err)
			}
			size := 0
			for _, f := range o.queue {
				size += f.Len()
			}
			if o.bytes != size {
				t.Errorf("%d bytes are counted, %d wait", o.bytes, size)
			}
		})
	}
}

// Whatever comes, the bytes are counted right, and events that may not be dropped
// are neither lost nor reordered unless a newer one takes their place.
func FuzzAdmit(f *testing.F) {
	f.Add([]byte("a~!k"), uint8(2), true)
	f.Fuzz(func(t *testing.T, script []byte, limit uint8, drop bool) {
		policy := Disconnect
		if drop {
			policy = DropOldest
		}
		b := bounds{int(limit%8) + 1, 200, policy}
		var o outbox
		var s slabs
		var want []string // what may not be dropped, in order
		for i, c := range script[:min(len(script), 200)] {
			word := fmt.Sprintf("%s%d", []string{"", "~", "!"}[c%3], i)
			frames := box(t, word)
			_, err := o.admit(frames, b, &s, nil)
			if err == nil && !b.droppable(frames[0]) {
				want = append(want, word)
			}
			if err == ErrOverflow && b.droppable(frames[0]) || err == ErrDropped && !b.droppable(frames[0]) {
				t.Fatalf("%s: error %v", word, err)
			}
			size, kept := 0, []string(nil)
			for _, f := range o.queue {
				size += f.Len()
				if !b.droppable(f) {
					kept = append(kept, f.Event().Data[0])
				}
			}
			if diff := cmp.Diff(want, kept); diff != "" || size != o.bytes || len(o.queue) > b.frames {
				t.Fatalf("after %s: %d of %d bytes, %d frames, at most %d; (-want +got):\n%s", word, o.bytes, size, len(o.queue), b.frames, diff)
			}
			if c%7 == 0 {
				var one [1]*Frame
				s.give(o.take(&one))
				want = nil
			}
		}
	})
}

// An outbox that is taken piece by piece loses nothing and keeps the order,
// while its slabs go round among many.
func TestTakePiece(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var s slabs
	none := bounds{frames: noBound, bytes: noBound}
	type client struct {
		outbox
		in, out int
		taken   []*Frame // is being written
		one     [1]*Frame
	}
	var boxes [8]client
	for range 20_000 {
		b := &boxes[rng.IntN(len(boxes))]
		if rng.IntN(3) > 0 {
			f := &Frame{bytes: make([]byte, rng.IntN(piece/4)), key: fmt.Sprint(b.in)}
			if rng.IntN(50) == 0 {
				f.bytes = make([]byte, 2*piece)
			}
			if _, err := b.admit([]*Frame{f}, none, &s, nil); err != nil {
				t.Fatal(err)
			}
			b.in++
			continue
		}
		for i, f := range b.taken { // nobody else has touched them
			if f.key != fmt.Sprint(b.out+i) {
				t.Fatalf("frame %s instead of %d", f.key, b.out+i)
			}
		}
		b.out += len(b.taken)
		s.give(b.taken)
		waiting := len(b.queue)
		b.taken = b.take(&b.one)
		size := 0
		for _, f := range b.taken {
			size += len(f.bytes)
		}
		if waiting > 0 && len(b.taken) == 0 || size > piece && len(b.taken) > 1 {
			t.Fatalf("took %d of %d frames with %d bytes", len(b.taken), waiting, size)
		}
		left := 0
		for _, f := range b.queue {
			left += len(f.bytes)
		}
		if left != b.bytes || len(b.queue)+len(b.taken) != waiting {
			t.Fatalf("%d frames with %d bytes wait, counted as %d bytes", len(b.queue), left, b.bytes)
		}
	}
}
