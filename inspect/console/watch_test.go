package console_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// watching is a program that offers to watch, and a watch of ann.
func watching(t *testing.T, q console.StreamQuery) (*consoletest.Program, *console.Watch) {
	t.Helper()
	p := consoletest.New(t, &console.Options[consoletest.App]{Watch: true, Audit: func(context.Context, console.Audit) {}})
	p.Join(t, "ann")
	q.Key = "default/lobby/ann"
	w, err := p.Console.Watch(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return p, w
}

// see waits until the watch has seen what ok accepts, and returns all that it saw.
func see(t *testing.T, w *console.Watch, ok func(console.Seen) bool) (all []console.Seen) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), twktest.Wait)
	defer cancel()
	for {
		b, err := w.Next(ctx)
		if err != nil {
			t.Fatalf("%v after %+v", err, all)
		}
		all = append(all, b.Entries...)
		if slices.ContainsFunc(b.Entries, ok) {
			return all
		}
	}
}

func says(text string, fate sse.Fate) func(console.Seen) bool {
	return func(e console.Seen) bool { return strings.Contains(e.Text, text) && e.Fate == fate }
}

func tell(t *testing.T, p *consoletest.Program, id string, what effect.Data) {
	t.Helper()
	if err := p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, sfere.Send(sfere.ID("lobby", id), what)).Err(); err != nil {
		t.Fatal(err)
	}
}

// A watch of a key sees its streams come and go, and says why they went.
func TestWatchSeesStreamsComeAndGo(t *testing.T) {
	p, w := watching(t, console.StreamQuery{Text: true})
	see(t, w, says("Connected", sse.FateWritten))
	tell(t, p, "ann", twk.PatchElements{Elements: twk.HTML(`<p id="s">Hello</p>`)})
	see(t, w, says("Hello", sse.FateWritten))
	tell(t, p, "ann", sfere.Close{To: sfere.Exactly(sfere.ID("lobby", "ann").In("default"))})
	ended := see(t, w, func(e console.Seen) bool { return e.Cause == sse.CauseClosed })
	p.Join(t, "ann") // the page comes back
	again := see(t, w, says("Connected", sse.FateWritten))
	if again[0].Stream == ended[0].Stream {
		t.Errorf("the stream that came has the number %d of the one that went", again[0].Stream)
	}
	list, err := p.Console.Events(t.Context(), console.StreamQuery{Key: "default/lobby/ann"})
	if err != nil || len(list.Streams) != 2 || !list.Streams[0].Live || list.Streams[1].Live || list.Streams[1].Stream.Cause != sse.CauseClosed {
		t.Errorf("%+v, %v", list, err)
	}
	for _, s := range list.Streams {
		for _, e := range s.Entries {
			if e.Text != "" {
				t.Errorf("who asks for no text gets %q", e.Text)
			}
		}
	}
	// Whoever begins to watch now sees the end of the one that is gone first.
	late, err := p.Console.Watch(t.Context(), console.StreamQuery{Key: "default/lobby/ann", Stream: ended[0].Stream})
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	all := see(t, late, func(e console.Seen) bool { return e.Fate == sse.FateClosed })
	if all[0].Fate != sse.FateOpened || all[0].Stream != ended[0].Stream {
		t.Errorf("of a stream that is gone it sees %+v", all)
	}
	if _, err := late.Next(t.Context()); err != io.EOF {
		t.Errorf("then %v", err)
	}
}

// A watch of one stream is over with the stream; a closed one is over; one whose context
// ends says why.
func TestWatchEnds(t *testing.T) {
	p, w := watching(t, console.StreamQuery{})
	list, err := p.Console.Events(t.Context(), console.StreamQuery{Key: "default/lobby/ann"})
	if err != nil {
		t.Fatal(err)
	}
	one, err := p.Console.Watch(t.Context(), console.StreamQuery{Key: "default/lobby/ann", Stream: list.Streams[0].Stream.ID})
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	tell(t, p, "ann", sfere.Close{To: sfere.Exactly(sfere.ID("lobby", "ann").In("default")), Cause: "bored"})
	see(t, one, func(e console.Seen) bool { return e.Cause == "bored" })
	for err = nil; err == nil; {
		_, err = one.Next(t.Context())
	}
	if err != io.EOF {
		t.Errorf("the watch of a stream that has ended: %v", err)
	}
	see(t, w, func(e console.Seen) bool { return e.Cause == "bored" })
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	for err = nil; err == nil; {
		_, err = w.Next(ctx)
	}
	if err != why {
		t.Errorf("a watch whose context has ended: %v", err)
	}
	w.Close()
	w.Close()
	if _, err := w.Next(t.Context()); err != io.EOF {
		t.Errorf("a watch that was closed: %v", err)
	}
}

// A program that ends does not wait for those who watch.
func TestWatchEndsWithTheProgram(t *testing.T) {
	p, w := watching(t, console.StreamQuery{})
	conns, err := p.Conns.Streams(sfere.ID("lobby", "ann"))
	if err != nil {
		t.Fatal(err)
	}
	hub := conns[0].Hub()
	drained := make(chan error, 1)
	go func() { drained <- hub.Drain(context.Background(), 2*time.Second) }()
	for err = nil; err == nil; {
		_, err = w.Next(t.Context())
	}
	if err != io.EOF {
		t.Errorf("the watch ends with %v", err)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

// There is a bound to how many watch.
func TestWatchesAreBounded(t *testing.T) {
	p, w := watching(t, console.StreamQuery{})
	q := console.StreamQuery{Key: "default/lobby/ann"}
	for range 63 {
		more, err := p.Console.Watch(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		defer more.Close()
	}
	if _, err := p.Console.Watch(t.Context(), q); err == nil || !strings.Contains(err.Error(), "64 watches") {
		t.Errorf("one too many: %v", err)
	}
	w.Close()
	for range 200 { // one that does not begin takes no place
		if _, err := p.Console.Watch(t.Context(), console.StreamQuery{Key: "default/lobby/nobody"}); !errors.Is(err, console.ErrNobody) {
			t.Fatal(err)
		}
	}
	last, err := p.Console.Watch(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	last.Close()
}

// What a program does not have is not offered, and keys are judged as everywhere.
func TestEventsSayWhyNot(t *testing.T) {
	p := consoletest.New(t, nil)
	p.Join(t, "ann")
	none := console.New(p.Dispatcher, nil, &console.Options[consoletest.App]{})
	for _, tt := range []struct {
		reason string
		c      *console.Console
		q      console.StreamQuery
		want   error
	}{
		{"no connections", none, console.StreamQuery{Key: "default/lobby/ann"}, console.ErrNotOffered},
		{"no text", p.Console, console.StreamQuery{Key: "default/lobby/ann", Text: true}, console.ErrNotOffered},
		{"nobody", p.Console, console.StreamQuery{Key: "default/lobby/bob"}, console.ErrNobody},
		{"no such stream", p.Console, console.StreamQuery{Key: "default/lobby/ann", Stream: 1 << 60}, console.ErrNobody},
		{"a pattern", p.Console, console.StreamQuery{Key: "default/lobby/*"}, nil},
		{"no key", p.Console, console.StreamQuery{}, nil},
	} {
		_, err := tt.c.Events(t.Context(), tt.q)
		_, err2 := tt.c.Watch(t.Context(), tt.q)
		for _, err := range []error{err, err2} {
			if _, ok := errors.AsType[*console.Error](err); !ok || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", tt.reason, err, tt.want)
			}
		}
	}
}

// What streams of another node are sent is known there, which the answer names. A silent
// node is said to be silent.
func TestEventsOfOtherNodes(t *testing.T) {
	ps, bus := consoletest.Nodes(t, nil, "a", "b", "c")
	ps[0].Join(t, "ann")
	ps[1].Join(t, "ann")
	ps[2].Join(t, "carl")
	c := ps[0].Console
	list, err := c.Events(t.Context(), console.StreamQuery{Key: "default/lobby/ann"})
	if err != nil || len(list.Streams) != 1 || len(list.Elsewhere) != 1 || !strings.HasPrefix(list.Elsewhere[0], "b (") {
		t.Errorf("%+v, %v", list, err)
	}
	_, err = c.Events(t.Context(), console.StreamQuery{Key: "default/lobby/carl"})
	if !errors.Is(err, console.ErrElsewhere) || !strings.Contains(fmt.Sprint(err), "at c (") {
		t.Errorf("of a stream of another node: %v", err)
	}
	// The number that a list of all nodes gives is that of a stream here, or elsewhere.
	page, err := ps[0].Console.Connections(t.Context(), console.ConnQuery{Nodes: true})
	if err != nil || len(page.Conns) != 3 {
		t.Fatalf("%+v, %v", page, err)
	}
	for _, row := range page.Conns {
		want := console.ErrElsewhere
		if strings.HasPrefix(row.Node, "a (") {
			want = nil
		}
		if _, err := c.Events(t.Context(), console.StreamQuery{Key: row.Keys[0].String(), Stream: row.Conn.ID}); !errors.Is(err, want) {
			t.Errorf("%s #%d: %v, want %v", row.Node, row.Conn.ID, err, want)
		}
	}
	bus.Split(2)
	_, err = c.Watch(t.Context(), console.StreamQuery{Key: "default/lobby/carl"})
	if !errors.Is(err, console.ErrNobody) || !strings.Contains(fmt.Sprint(err), "not heard of: c (") {
		t.Errorf("of a stream of a silent node: %v", err)
	}
}
