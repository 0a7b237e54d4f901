package relay

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/sse"
)

// A text that is known is not read again, and all else is: the frames, what follows
// them, and whatever differs in a byte.
func TestReaderKnowsTexts(t *testing.T) {
	c := newCodec()
	r := newReader(c)
	h := head{version: version}
	packet := func(room, text string) []byte {
		p, err := c.encode(Envelope{To: Address{Scope: "acme", Category: room}, Body: Broadcast{Steps: []Step{{Frames: []*sse.Frame{frame(t, "data: "+text+"\n\n", nil)}}}}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	read := func(p []byte) (string, error) {
		e, err := r.decode(h, p)
		if err != nil {
			return "", err
		}
		return e.To.Category + " " + string(e.Body.(Broadcast).Steps[0].Frames[0].Bytes()), nil
	}
	for i := range 3 * maxKnown {
		room, text := fmt.Sprint("room", i%(2*maxKnown)), strings.Repeat("x", i%7)
		if got, err := read(packet(room, text)); err != nil || got != room+" data: "+text+"\n\n" {
			t.Fatalf("%q, %v", got, err)
		}
		if len(r.known) > maxKnown {
			t.Fatalf("%d texts are remembered", len(r.known))
		}
	}
	good := packet("lobby", "hello")
	if _, err := read(good); err != nil {
		t.Fatal(err)
	}
	known := len(r.known)
	for reason, c := range map[string]struct {
		packet []byte
		want   string
	}{
		"bytes behind the frames": {append(append([]byte{}, good...), 'x'), "1 bytes are left over"},
		"a frame that is cut":     {good[:len(good)-1], "longer than it is"},
		"a frame with two events": {append(append([]byte{}, good[:len(good)-17]...), "\x00\x00\x00\x12data: a\n\ndata: b\n\n"...), "not exactly one event"},
		"a field that nobody has": {[]byte(strings.Replace(string(good), `"kind"`, `"kine"`, 1)), "kind"},
	} {
		for range 2 {
			if _, err := read(c.packet); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: error %v, want one with %q", reason, err, c.want)
			}
		}
	}
	if _, err := r.decode(head{version: version + 1}, good); err == nil {
		t.Error("a packet of another version was read because its text is known")
	}
	long := strings.Repeat("y", maxKnownText)
	if _, err := read(packet(long, "x")); err != nil {
		t.Error(err)
	}
	if len(r.known) != known {
		t.Errorf("%d texts are remembered, want %d: those that were read, and are short", len(r.known), known)
	}
	for _, e := range samples(t) {
		p, err := c.encode(e)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			got, err := r.decode(h, p)
			if diff := cmp.Diff(e, got, sameFrames); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", e.Body.kind(), err, diff)
			}
		}
	}
}
