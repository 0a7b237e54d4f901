package sse_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk/twktest"
)

func TestNewFrame(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		event        sse.Event
		want         string // empty for an error
		says         string // part of the error
	}{
		{"all", "every field has its line, in the order of the type", sse.Event{Type: "tick", ID: "7", RetryMillis: 300, Data: []string{"a", "b"}},
			"event: tick\nid: 7\nretry: 300\ndata: a\ndata: b\n\n", ""},
		{"data", "a type is not needed: EventSource has one for such events", sse.Event{Data: []string{"a"}}, "data: a\n\n", ""},
		{"empty line", "data may have empty lines", sse.Event{Data: []string{"", ""}}, "data: \ndata: \n\n", ""},
		{"type", "data are not needed: the Datastar client takes such events", sse.Event{Type: "tick"}, "event: tick\n\n", ""},
		{"spaces", "they belong to the value", sse.Event{Data: []string{" a: b "}}, "data:  a: b \n\n", ""},
		{"other line ends", "they are text", sse.Event{Data: []string{"\u2028\u0085\v"}}, "data: \u2028\u0085\v\n\n", ""},
		{"nothing", "there is nothing to send", sse.Event{}, "", "not exactly one event"},
		{"LF in data", "it would begin a line", sse.Event{Data: []string{"a\nevent: b"}}, "", "Data must be UTF-8 without"},
		{"CR in data", "it would begin a line, for clients", sse.Event{Data: []string{"a", "b\rid: c"}}, "", "Data must be UTF-8 without"},
		{"LF in type", "it would begin a line", sse.Event{Type: "a\ndata: b"}, "", "Type must be UTF-8 without"},
		{"NUL in id", "clients ignore such an id", sse.Event{ID: "a\x00", Data: []string{"a"}}, "", "ID must be UTF-8 without"},
		{"no UTF-8", "decoders would change it", sse.Event{Data: []string{"\xff"}}, "", "Data must be UTF-8 without"},
		{"retry", "time goes forward", sse.Event{RetryMillis: -1, Data: []string{"a"}}, "", "RetryMillis is negative"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := sse.NewFrame(tt.event, nil)
			if tt.want == "" {
				if e, ok := errors.AsType[*sse.Error](err); !ok || !strings.Contains(e.Error(), tt.says) {
					t.Errorf("%s: error %v, want %q", tt.reason, err, tt.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := string(f.Bytes()); got != tt.want || f.Len() != len(tt.want) {
				t.Errorf("%s: frame %q of %d bytes, want %q", tt.reason, got, f.Len(), tt.want)
			}
			if diff := cmp.Diff(tt.event, f.Event()); diff != "" {
				t.Errorf("the event of the frame (-want +got):\n%s", diff)
			}
		})
	}
}

// rawFrames are bytes, and whether a client reads them as exactly one event.
var rawFrames = []struct {
	name, reason string
	text         string
	ok           bool
}{
	{"one", "an event", "event: a\ndata: b\n\n", true},
	{"two blank lines", "the second one ends nothing; the SDK of Datastar writes it", "event: a\n\n\n", true},
	{"comment inside", "clients skip it", ": c\nevent: a\n\n", true},
	{"no space", "it is not needed", "data:a\n\n", true},
	{"empty", "nothing to send", "", false},
	{"blank", "no event", "\n\n", false},
	{"comment", "no event", ": c\n\n", false},
	{"unfinished", "the next event would become part of it", "event: a\n", false},
	{"no line end", "the next event would become part of it", "event: a", false},
	{"two", "each event has a policy and a place in the order", "event: a\n\nevent: b\n\n", false},
	{"blank line first", "it would end what was sent before, which is whole already", "\nevent: a\n\n", false},
	{"CR", "it ends a line for clients", "event: a\rdata: b\n\n", false},
	{"CR LF", "the same", "event: a\r\n\r\n", false},
	{"NUL", "clients ignore such an id", "id: \x00\n\n", false},
}

func TestRawFrame(t *testing.T) {
	t.Parallel()
	for _, tt := range rawFrames {
		t.Run(tt.name, func(t *testing.T) {
			f, err := sse.RawFrame([]byte(tt.text), nil)
			if (err == nil) != tt.ok {
				t.Errorf("%s: error %v", tt.reason, err)
			}
			if tt.ok && string(f.Bytes()) != tt.text {
				t.Errorf("the bytes are now %q", f.Bytes())
			}
			if _, ok := errors.AsType[*sse.Error](err); err != nil && !ok {
				t.Errorf("error %v is no *Error", err)
			}
		})
	}
	if _, err := sse.RawFrame([]byte("data: a\n\n"), &sse.FrameOptions{Overflow: "wait"}); err == nil || !strings.Contains(err.Error(), `"wait"`) {
		t.Errorf("an unknown policy: error %v", err)
	}
}

func TestFrameJSON(t *testing.T) {
	t.Parallel()
	f, err := sse.NewFrame(sse.Event{Type: "a", Data: []string{"<b>"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(f)
	if want := `{"event":{"type":"a","data":["\u003cb\u003e"]},"text":"event: a\ndata: \u003cb\u003e\n\n"}`; err != nil || string(text) != want {
		t.Errorf("JSON %s, %v, want %s", text, err, want)
	}
}

// What becomes a frame is one event for a client, wherever it is in a stream.
func FuzzRawFrame(f *testing.F) {
	for _, tt := range rawFrames {
		f.Add([]byte(tt.text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := sse.RawFrame(bytes.Clone(b), nil)
		if err != nil {
			return
		}
		const before, after = "event: before\n\n", "event: after\n\n"
		events, err := twktest.All(strings.NewReader(before + string(frame.Bytes()) + after))
		if err != nil || len(events) != 3 {
			t.Fatalf("%d events and %v with %q in the middle", len(events), err, b)
		}
		ends := []twktest.Event{events[0], events[2]}
		if diff := cmp.Diff([]twktest.Event{{Type: "before"}, {Type: "after"}}, ends); diff != "" {
			t.Errorf("%q changed its neighbours (-want +got):\n%s", b, diff)
		}
	})
}

// What becomes an event is that event for a client, and nothing else.
func FuzzNewFrame(f *testing.F) {
	f.Add("tick", "7", "a", "b")
	f.Add("", "", "a\rb", "\nevent: x")
	f.Fuzz(func(t *testing.T, typ, id, line1, line2 string) {
		e := sse.Event{Type: typ, ID: id, Data: []string{line1, line2}}
		frame, err := sse.NewFrame(e, nil)
		if err != nil {
			return
		}
		events, err := twktest.All(bytes.NewReader(frame.Bytes()))
		if err != nil || len(events) != 1 {
			t.Fatalf("%d events and %v from %q", len(events), err, frame.Bytes())
		}
		bom := func(s string) string { return strings.TrimPrefix(s, "\ufeff") } // as the client does
		want := twktest.Event{Type: bom(typ), ID: bom(id), Data: []string{bom(line1), bom(line2)}}
		if diff := cmp.Diff(want, events[0], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
