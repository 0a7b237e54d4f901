package twktest_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sfere-go/sfere/twk/twktest"
)

// wireTests are streams and what the client makes of them. The real client gets
// the same rows in client_test.go.
var wireTests = []struct {
	name   string
	reason string
	in     string
	want   []twktest.Event
	err    error
}{
	{name: "one event",
		reason: "the usual case, with every field",
		in:     "event: datastar-x\nid: 7\nretry: 300\ndata: a 1\ndata: b 2\n\n",
		want:   []twktest.Event{{Type: "datastar-x", ID: "7", Retry: "300", Data: []string{"a 1", "b 2"}}}},
	{name: "CR ends a line",
		reason: "the hole of writers that split on LF only",
		in:     "event: datastar-x\ndata: a hello\r\revent: datastar-y\rdata: a evil\r\r",
		want: []twktest.Event{
			{Type: "datastar-x", Data: []string{"a hello"}},
			{Type: "datastar-y", Data: []string{"a evil"}},
		}},
	{name: "CR LF is one end",
		reason: "else every line would be followed by a blank one",
		in:     "event: datastar-x\r\ndata: a 1\r\n\r\nevent: datastar-y\r\n\r\n",
		want:   []twktest.Event{{Type: "datastar-x", Data: []string{"a 1"}}, {Type: "datastar-y"}}},
	{name: "LF CR is two ends",
		reason: "only CR LF is a pair; this one injects a blank line",
		in:     "event: datastar-x\ndata: a 1\n\rdata: a 2\n\n",
		want:   []twktest.Event{{Type: "datastar-x", Data: []string{"a 1"}}, {Data: []string{"a 2"}}}},
	{name: "CR CR LF is two ends",
		reason: "the LF belongs to the second CR",
		in:     "event: datastar-x\r\r\ndata: a 2\n\n",
		want:   []twktest.Event{{Type: "datastar-x"}, {Data: []string{"a 2"}}}},
	{name: "other line ends are text",
		reason: "U+2028, U+2029, U+0085, VT and FF must not be taken for an attack",
		in:     "event: datastar-x\ndata: a 1\u2028\u2029\u0085\v\f2\n\n",
		want:   []twktest.Event{{Type: "datastar-x", Data: []string{"a 1\u2028\u2029\u0085\v\f2"}}}},
	{name: "one space is dropped",
		reason: "a second one belongs to the value, and none is needed",
		in:     "event:datastar-x\ndata:a 1\ndata:  b 2\n\n",
		want:   []twktest.Event{{Type: "datastar-x", Data: []string{"a 1", " b 2"}}}},
	{name: "colons in a value",
		reason: "only the first one counts",
		in:     "event: datastar-x\ndata: a {x:1}\n\n",
		want:   []twktest.Event{{Type: "datastar-x", Data: []string{"a {x:1}"}}}},
	{name: "last type wins",
		reason: "an injected second event line changes the type",
		in:     "event: datastar-x\nevent: datastar-y\ndata: a 1\n\n",
		want:   []twktest.Event{{Type: "datastar-y", Data: []string{"a 1"}}}},
	{name: "BOM",
		reason: "the client drops it in front of any field name and value",
		in:     "\ufeffevent: \ufeffdatastar-x\n\ufeffdata: \ufeffa \ufeff1\n\n",
		want:   []twktest.Event{{Type: "datastar-x", Data: []string{"a \ufeff1"}}}},
	{name: "comments",
		reason: "an item each, at once, also inside an event and without text",
		in:     ": ka\n\n:\nevent: datastar-x\n:  b: c\ndata: a 1\n\n",
		want: []twktest.Event{
			{Comment: new("ka")}, {Comment: new("")}, {Comment: new(" b: c")},
			{Type: "datastar-x", Data: []string{"a 1"}},
		}},
	{name: "unknown lines",
		reason: "the client drops them; a test must see them",
		in:     "event: datastar-x\ndata\nfoo: bar\n data: a 1\nEVENT: datastar-y\n\n",
		want: []twktest.Event{{Type: "datastar-x",
			Unknown: []string{"data", "foo: bar", " data: a 1", "EVENT: datastar-y"}}}},
	{name: "no data",
		reason: "unlike the specification, the client dispatches it",
		in:     "event: datastar-x\n\n\n\n",
		want:   []twktest.Event{{Type: "datastar-x"}}},
	{name: "state does not leak",
		reason: "type, id and retry belong to one event",
		in:     "event: datastar-x\nid: 1\nretry: 5\n\ndata: a 1\n\n",
		want:   []twktest.Event{{Type: "datastar-x", ID: "1", Retry: "5"}, {Data: []string{"a 1"}}}},
	{name: "not UTF-8",
		reason: "bytes are kept, so that Check can report them",
		in:     "event: datastar-x\ndata: a \xff\n\n",
		want:   []twktest.Event{{Type: "datastar-x", Data: []string{"a \xff"}}}},
	{name: "lost event",
		reason: "the last event needs its blank line",
		in:     "event: datastar-x\n\nevent: datastar-y\ndata: a 1\n",
		want:   []twktest.Event{{Type: "datastar-x"}}, err: twktest.ErrTruncated},
	{name: "lost line",
		reason: "a line without its end is a lost event as well",
		in:     "event: datastar-x",
		err:    twktest.ErrTruncated},
	{name: "unfinished comment",
		reason: "nothing is lost with it",
		in:     "event: datastar-x\n\n: k",
		want:   []twktest.Event{{Type: "datastar-x"}}},
	{name: "empty", reason: "an empty response is a clean end", in: ""},
}

func TestParse(t *testing.T) {
	for _, tt := range wireTests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.reason == "" {
				t.Fatal("row without a reason")
			}
			got, err := collect(strings.NewReader(tt.in))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%q (-want +got):\n%s", tt.in, diff)
			}
			if diff := cmp.Diff(tt.err, err, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func collect(r io.Reader) (events []twktest.Event, err error) {
	for ev, err := range twktest.Parse(r) {
		if err != nil {
			return events, err
		}
		events = append(events, ev)
	}
	return events, nil
}

// TestParseIncremental shows that an item is there with its last byte: nothing
// of a pipe can be read ahead.
func TestParseIncremental(t *testing.T) {
	pr, pw := io.Pipe()
	steps := []struct {
		write string
		want  twktest.Event
	}{
		{": ka\n", twktest.Event{Comment: new("ka")}},
		{"event: a\n\n", twktest.Event{Type: "a"}},
		{"event: b\r\r", twktest.Event{Type: "b"}}, // must not wait for an LF
	}
	ack := make(chan struct{})
	go func() {
		defer pw.Close()
		for _, step := range steps {
			io.WriteString(pw, step.write)
			<-ack
		}
	}()
	i := 0
	for got, err := range twktest.Parse(pr) {
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(steps[i].want, got); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
		i++
		ack <- struct{}{}
	}
	if i != len(steps) {
		t.Errorf("%d items, want %d", i, len(steps))
	}
}

func TestParseErrors(t *testing.T) {
	broken := errors.New("broken")
	_, err := twktest.All(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("event: a\n\n"))))
	if !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("error = %v, want that of the reader", err)
	}
	got, err := twktest.All(io.MultiReader(strings.NewReader("event: a\n\n:c\nevent: b\n"), iotest.ErrReader(broken)))
	if diff := cmp.Diff([]twktest.Event{{Type: "a"}}, got); diff != "" || !errors.Is(err, broken) {
		t.Errorf("error %v, events (-want +got):\n%s", err, diff)
	}
	if _, err = twktest.All(endless{}); !errors.Is(err, twktest.ErrTooLong) {
		t.Errorf("error = %v, want ErrTooLong", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestFields(t *testing.T) {
	tests := []struct {
		name   string
		reason string
		data   []string
		want   map[string]string
		check  bool // whether Check must complain
	}{
		{"joined", "equal keys are one value of several lines",
			[]string{"elements <p>", "mode inner", "elements </p>"},
			map[string]string{"elements": "<p>\n</p>", "mode": "inner"}, false},
		{"spaces", "the value begins after the first space",
			[]string{"elements  a b ", "elements "},
			map[string]string{"elements": " a b \n"}, false},
		{"no space", "the client cuts the last character off for the key",
			[]string{"mode", "é"}, map[string]string{"mod": "mode", "": "é"}, true},
		{"empty lines in front", "the client tests the text so far for truth",
			[]string{"", "", "a 1", ""}, map[string]string{"a": "1", "": ""}, true},
		{"inherited", "these keys make the client throw",
			[]string{"constructor y"}, map[string]string{"constructor": "y"}, true},
		{"none", "an event need not have data", nil, map[string]string{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ev := twktest.Event{Type: "datastar-x", Data: tt.data}
			if diff := cmp.Diff(tt.want, ev.Fields()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if err := ev.Check(); (err != nil) != tt.check {
				t.Errorf("Check() = %v", err)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		reason string
		event  twktest.Event
		want   string // part of the error, empty for none
	}{
		{"a complete event is fine", twktest.Event{Type: "datastar-x", ID: "a-1", Retry: "300", Data: []string{"a 1"}}, ""},
		{"a heartbeat is fine", twktest.Event{Comment: new("ka")}, ""},
		{"the client ignores other types", twktest.Event{Type: "message"}, "ignored"},
		{"dropped lines point to an injection", twktest.Event{Type: "datastar-x", Unknown: []string{"oops"}}, "oops"},
		{"such an id stops reconnects", twktest.Event{Type: "datastar-x", ID: "é"}, "ASCII"},
		{"retry is a number", twktest.Event{Type: "datastar-x", Retry: "1s"}, "number"},
		{"text is UTF-8", twktest.Event{Type: "datastar-x", Data: []string{"a \xff"}}, "UTF-8"},
	}
	for _, tt := range tests {
		err := tt.event.Check()
		if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Check() = %v, want %q", tt.reason, err, tt.want)
		}
	}
}

// FuzzParse cuts streams in every possible place, and compares with a second
// way to say what a line is.
func FuzzParse(f *testing.F) {
	for _, tt := range wireTests {
		f.Add([]byte(tt.in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		whole, err := collect(strings.NewReader(string(in)))
		for name, r := range map[string]io.Reader{
			"byte by byte":  iotest.OneByteReader(strings.NewReader(string(in))),
			"halves":        iotest.HalfReader(strings.NewReader(string(in))),
			"data with EOF": iotest.DataErrReader(strings.NewReader(string(in))),
		} {
			got, gotErr := collect(r)
			if diff := cmp.Diff(whole, got); diff != "" || !errors.Is(gotErr, err) {
				t.Errorf("%s: error %v, want %v, events (-whole +got):\n%s", name, gotErr, err, diff)
			}
		}
		lf := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(in))
		if got, _ := collect(strings.NewReader(lf)); !cmp.Equal(whole, got) {
			t.Errorf("other events with LF only (-whole +got):\n%s", cmp.Diff(whole, got))
		}
		for _, ev := range whole {
			for _, text := range append(append(ev.Data, ev.Unknown...), ev.Type, ev.ID, ev.Retry) {
				if strings.ContainsAny(text, "\r\n") {
					t.Errorf("line end inside %q", text)
				}
			}
		}
	})
}
