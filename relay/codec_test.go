package relay

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sfere-go/sfere/sse"
)

func frame(t testing.TB, text string, o *sse.FrameOptions) *sse.Frame {
	t.Helper()
	f, err := sse.RawFrame([]byte(text), o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// sameFrames compares frames by what they say and how they are to be sent.
var sameFrames = cmp.Options{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b *sse.Frame) bool {
	return bytes.Equal(a.Bytes(), b.Bytes()) && a.Options() == b.Options()
})}

// samples are one envelope of each kind.
func samples(t testing.TB) []Envelope {
	now := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	room, ann := Address{Scope: "acme", Category: "room"}, Address{"acme", "room", "Ann <3 ☕"}
	patch := frame(t, "event: datastar-patch-elements\ndata: elements <p>hi</p>\n\n", nil)
	view := frame(t, "event: x\ndata: 1\n\n", &sse.FrameOptions{Coalesce: "view", Overflow: sse.DropOldest, Version: 9})
	effect := json.RawMessage(`{"effect":"app/notify","args":{"text":"<b>"}}`)
	return []Envelope{
		{To: room, Exclude: Exclude{Matching: []Address{ann}, Streams: []Stream{{ID{1, 2}, 7}}}, Deadline: now, Report: true,
			Body: Broadcast{Steps: []Step{{Frames: []*sse.Frame{patch, view}}, {Effect: effect}, {Frames: []*sse.Frame{patch}}}, Each: true}},
		{Body: Broadcast{}},
		{To: room, Body: Refresh{Topic: "board/7", Views: []json.RawMessage{effect}, After: 1<<63 + 1}},
		{To: ann, Body: Close{Streams: []Stream{{ID{3}, 1}}, Cause: "closed"}},
		{To: ann, Body: Kick{Why: []Step{{Frames: []*sse.Frame{patch}}}, Until: now}},
		{To: room, Body: Admit{}},
		{To: ann, Body: Claim{Rule: Newest, At: 1 << 60}},
		{Body: Claims{Start: 3, Part: 1, Parts: 2, All: []Claimed{{ann, "session", 1, 1 << 60, time.Minute, time.Second, true, true, true}}}},
		{To: room, Body: Presence{Seq: 4, After: 3, Hash: 1<<64 - 1, Full: true, Part: 1, More: true, Here: []Visitor{{ann, now}}, Gone: []Departure{{ann, true}, {Key: room}}}},
		{Body: Interest{Of: []Known{{room, 1<<64 - 1, 7}, {}}}},
		{Body: beat{Name: "web-1", Started: now, Every: time.Second, Draining: true, Presence: PresenceMark{4, 1<<64 - 1}}},
		{Body: hello{}},
		{Body: leave{}},
		{Body: tails{appendTail(nil, "sfere.1.x", 7, time.Second)}},
		{Body: question{ID: 3, To: ann, Seq: 9, Age: time.Second, Data: json.RawMessage(`{"a":1}`)}},
		{Body: reply{ID: 3, Fate: Taken, Reason: "no", Data: json.RawMessage(`[1]`)}},
	}
}

func TestEnvelopesComeBack(t *testing.T) {
	c := newCodec()
	for _, want := range samples(t) {
		p, err := c.encode(want)
		if err != nil {
			t.Fatalf("%s: %v", want.Body.kind(), err)
		}
		got, err := c.decode(head{version: version}, p)
		if err != nil {
			t.Fatalf("%s: %v", want.Body.kind(), err)
		}
		if diff := cmp.Diff(want, got, sameFrames); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Body.kind(), diff)
		}
	}
}

// body returns a packet without a head, as another version of the program might write it.
func body(text, frames string) []byte {
	p := make([]byte, headSize, headSize+4+len(text)+len(frames))
	p = append(p, byte(len(text)>>24), byte(len(text)>>16), byte(len(text)>>8), byte(len(text)))
	return append(append(p, text...), frames...)
}

func TestWhatIsNotUnderstoodIsRefusedByName(t *testing.T) {
	for _, c := range []struct {
		reason  string
		version byte
		packet  []byte
		want    string
	}{
		{"a node of the next version", 2, body(`{"kind":"admit"}`, ""), "it is of version 2, and this node speaks 1"},
		{"a kind that came later", 1, body(`{"kind":"teleport"}`, ""), `this node does not know the kind "teleport"`},
		{"a field of a body that came later, without which the message means something else", 1, body(`{"kind":"refresh","body":{"topic":"a","only":"b"}}`, ""), `"only"`},
		{"a field of the envelope that came later", 1, body(`{"kind":"refresh","priority":1}`, ""), `"priority"`},
		{"a field of a frame", 1, body(`{"kind":"broadcast","body":{"steps":[{"frames":[{"zip":true}]}]}}`, "\x00\x00\x00\x02\n\n"), `"zip"`},
		{"a name in another case is another name", 1, body(`{"kind":"refresh","Body":{}}`, ""), `"Body"`},
		{"a name given twice would be read in two ways", 1, body(`{"kind":"close","kind":"refresh"}`, ""), `"kind"`},
		{"no kind", 1, body(`{"to":{}}`, ""), "it has no kind"},
		{"no object", 1, body(`[]`, ""), "it has no kind"},
		{"no body at all", 1, make([]byte, headSize), "longer than it is"},
		{"a length beyond the end", 1, append(make([]byte, headSize), 0xff, 0xff, 0xff, 0xff, '{'), "longer than it is"},
		{"a frame beyond the end", 1, body(`{"kind":"broadcast","body":{"steps":[{"frames":[{}]}]}}`, "\x00\x00\x00\x63data: 1\n\n"), "longer than it is"},
		{"a frame that is not there", 1, body(`{"kind":"broadcast","body":{"steps":[{"frames":[{}]}]}}`, "\x00\x00\x00"), "longer than it is"},
		{"a frame that is longer than anything", 1, body(`{"kind":"broadcast","body":{"steps":[{"frames":[{}]}]}}`, "\xff\xff\xff\xffdata: 1\n\n"), "longer than it is"},
		{"bytes that no frame has", 1, body(`{"kind":"broadcast","body":{"steps":[]}}`, "data: 1\n\n"), "9 bytes are left over"},
		{"two events in one frame", 1, body(`{"kind":"broadcast","body":{"steps":[{"frames":[{}]}]}}`, "\x00\x00\x00\x12data: 1\n\ndata: 2\n\n"), "not exactly one event"},
		{"a CR, which ends a line for browsers", 1, body(`{"kind":"broadcast","body":{"steps":[{"frames":[{}]}]}}`, "\x00\x00\x00\x0adata: 1\r\n\n"), "not exactly one event"},
		{"a NUL", 1, body(`{"kind":"broadcast","body":{"steps":[{"frames":[{}]}]}}`, "\x00\x00\x00\x09data: \x00\n\n"), "not exactly one event"},
		{"an unknown policy", 1, body(`{"kind":"broadcast","body":{"steps":[{"frames":[{"overflow":"block"}]}]}}`, "\x00\x00\x00\x09data: 1\n\n"), `"block"`},
		{"a wildcard as a value", 1, body(`{"kind":"admit","to":{"scope":"*"}}`, ""), "an open place is empty"},
		{"a place that is too long for a key", 1, body(`{"kind":"admit","to":{"scope":"`+strings.Repeat("a", 1025)+`"}}`, ""), "1025 bytes, at most 1024"},
	} {
		_, err := newCodec().decode(head{version: c.version}, c.packet)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.reason, err, c.want)
		}
	}
}

// sealed returns a signed packet.
func sealed(t testing.TB, subject string, key []byte) []byte {
	t.Helper()
	p, err := newCodec().encode(Envelope{To: Address{Scope: "acme"}, Body: Refresh{Topic: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	h := head{version: version, from: ID{1}, seq: 2, prev: 1, age: time.Second, sent: time.Now()}
	if key == nil {
		h.put(p, subject, nil)
	} else {
		h.put(p, subject, newSeals([][]byte{key}))
	}
	return p
}

func TestSignatures(t *testing.T) {
	now, next := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	for _, c := range []struct {
		reason  string
		sign    []byte
		accept  [][]byte
		subject string
		change  int // a byte of the packet; 0: none
		want    error
	}{
		{"the key", now, [][]byte{now}, "s", 0, nil},
		{"while the key changes, the old and the new", now, [][]byte{next, now}, "s", 0, nil},
		{"no keys on either side", nil, nil, "s", 0, nil},
		{"another key", now, [][]byte{next}, "s", 0, errForged},
		{"a node with keys takes nothing unsigned", nil, [][]byte{now}, "s", 0, errUnsigned},
		{"a node without keys cannot check, and says so", now, nil, "s", 0, errSigned},
		{"moved to the subject of another tenant", now, [][]byte{now}, "t", 0, errForged},
		{"a changed version", now, [][]byte{now}, "s", atVersion, errForged},
		{"a changed sender", now, [][]byte{now}, "s", atFrom + 3, errForged},
		{"a changed number", now, [][]byte{now}, "s", atSeq, errForged},
		{"a changed time", now, [][]byte{now}, "s", atSent, errForged},
		{"a changed signature", now, [][]byte{now}, "s", atMAC, errForged},
		{"a changed body", now, [][]byte{now}, "s", headSize + 10, errForged},
	} {
		p := sealed(t, "s", c.sign)
		if c.change > 0 {
			p[c.change] ^= 1
		}
		if _, err := readHead(Packet{c.subject, p}, newSeals(c.accept)); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: error %v, want %v", c.reason, err, c.want)
		}
	}
}

func TestSubjects(t *testing.T) {
	long := strings.Repeat("é", 100)
	for _, c := range []struct {
		reason string
		to     Address
		want   string
	}{
		{"one key", Address{"acme", "room", "ann"}, "p.1.key.acme.room.ann"},
		{"a category of a scope", Address{Scope: "acme", Category: "room"}, "p.1.room.acme.room._"},
		{"a scope", Address{Scope: "acme"}, "p.1.scope.acme._._"},
		{"a category of all scopes", Address{Category: "room"}, "p.1.category._.room._"},
		{"everybody", Address{}, "p.1.every._._._"},
		{"an id in all categories travels with its scope", Address{Scope: "acme", ID: "ann"}, "p.1.scope.acme._._"},
		{"an id in all scopes travels with its category", Address{Category: "room", ID: "ann"}, "p.1.category._.room._"},
		{"an id alone travels with everybody", Address{ID: "ann"}, "p.1.every._._._"},
		{"what NATS reads as more than a letter", Address{"a.b", "*", "> c"}, "p.1.key.a=2Eb.=2A.=3E=20c"},
		{"an underscore is not an open place", Address{"_", "r", "="}, "p.1.key.=5F.r.=3D"},
		{"a long place is its hash", Address{Scope: "acme", Category: long}, "p.1.room.acme.=~*._"},
	} {
		got := c.to.subject("p.1")
		if strings.Contains(c.want, "=~") {
			if parts := strings.Split(got, "."); len(parts) != 6 || len(parts[4]) != 34 || !strings.HasPrefix(parts[4], "=~") {
				t.Errorf("%s: %s", c.reason, got)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.reason, got, c.want)
		}
	}
	worst := Address{long, long, long}.subject(strings.Repeat("p", 64) + ".1")
	if err := CheckPacket(Packet{worst, nil}, 0); err != nil {
		t.Error(err)
	}
}

// Different keys whose tokens are not hashed have different subjects, and every
// subject is one.
func FuzzSubject(f *testing.F) {
	f.Add("acme", "room", "ann", "acme", "room", "Ann")
	f.Add("a.b", "_", "", "a", "b._", "")
	f.Add("=~", "é", "\x00", "=", "~", "*")
	f.Fuzz(func(t *testing.T, a1, a2, a3, b1, b2, b3 string) {
		a, b := Address{a1, a2, a3}, Address{b1, b2, b3}
		sa, sb := a.subject("p.1"), b.subject("p.1")
		if err := CheckPacket(Packet{sa, nil}, 0); err != nil {
			t.Fatalf("%q: %v", sa, err)
		}
		if strings.Count(sa, ".") != 5 {
			t.Fatalf("%q does not have six tokens", sa)
		}
		if a.Carrier() != b.Carrier() && sa == sb {
			t.Fatalf("%+v and %+v have the subject %q", a, b, sa)
		}
	})
}

// Whatever comes, reading it ends without a panic; what is accepted can be written
// again and says the same.
func FuzzEnvelope(f *testing.F) {
	c := newCodec()
	r := newReader(c)
	for _, e := range samples(f) {
		p, err := c.encode(e)
		if err != nil {
			f.Fatal(err)
		}
		h := head{version: version, from: ID{1}, seq: 1, sent: time.Now()}
		h.put(p, "s", nil)
		f.Add(p)
	}
	f.Add(sealed(f, "s", bytes.Repeat([]byte{1}, 32)))
	f.Fuzz(func(t *testing.T, p []byte) {
		h, err := readHead(Packet{"s", p}, nil)
		if err != nil {
			return
		}
		e, err := c.decode(h, p)
		for range 2 { // also when the text is known
			if _, known := r.decode(h, p); (known == nil) != (err == nil) {
				t.Fatalf("a reader says %v, and the codec %v", known, err)
			}
		}
		if err != nil {
			return
		}
		again, err := c.encode(e)
		if err != nil {
			t.Fatalf("%+v was read and cannot be written: %v", e, err)
		}
		back, err := c.decode(h, again)
		if err != nil {
			t.Fatalf("%+v was written and cannot be read: %v", e, err)
		}
		third, err := c.encode(back)
		if err != nil || !bytes.Equal(again, third) {
			t.Fatalf("%q became %q (%v)", again, third, err)
		}
	})
}
