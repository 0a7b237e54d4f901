package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// The command prints what the streams under a key are sent, what became of it, and with
// -text what it says. Nothing of it controls the terminal.
func TestTailKey(t *testing.T) {
	p := consoletest.New(t, &console.Options[consoletest.App]{Watch: true, Audit: func(context.Context, console.Audit) {}})
	url := api(t, p)
	p.Join(t, "ann")
	out, _, end := tailed(t, url, "-header", "Token: x", "-text", "default/lobby/ann")
	until := func(want string) {
		t.Helper()
		for line := out(); !strings.Contains(line, want); line = out() {
			if strings.ContainsRune(line, '\x1b') {
				t.Errorf("a line controls the terminal: %q", line)
			}
		}
	}
	if got := out(); got != "STREAM TIME FATE AFTER BYTES EVENT" {
		t.Errorf("it begins with %q", got)
	}
	until("opened")
	until(`<p id="s">Connected</p>`)
	send := func(text string) {
		t.Helper()
		e := sfere.Send(sfere.ID("lobby", "ann"), twk.PatchElements{Elements: twk.HTML(`<p id="s">` + text + `</p>`)})
		if err := p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, e).Err(); err != nil {
			t.Fatal(err)
		}
	}
	send("Hello\x1b[2J")
	until("written")
	until(`Hello\x1b[2J`)
	if err := p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, sfere.Close{To: sfere.Exactly(sfere.ID("lobby", "ann"))}).Err(); err != nil {
		t.Fatal(err)
	}
	until("closed - - closed")
	p.Join(t, "ann") // it comes back
	until("opened")
	until("Connected") // the last line: the command waits for its reader
	if code := end(); code != exitOK {
		t.Errorf("it ends with %d", code)
	}
}

func TestTailKeyEnds(t *testing.T) {
	p := consoletest.New(t, nil)
	url := api(t, p)
	p.Join(t, "ann")
	list, err := p.Console.Events(t.Context(), console.StreamQuery{Key: "default/lobby/ann"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, sfere.Close{To: sfere.Exactly(sfere.ID("lobby", "ann"))}).Err(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(twktest.Wait); len(p.Conns.Removals()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the stream does not end")
		}
	}
	for _, tt := range []struct {
		reason, args string
		code         int
		out, err     string
	}{
		{"a stream that is gone", fmt.Sprintf("tail -id %d default/lobby/ann", list.Streams[0].Stream.ID), exitOK, " closed ", ""},
		{"as JSON, one to a line", fmt.Sprintf("tail -json -id %d default/lobby/ann", list.Streams[0].Stream.ID), exitOK, `"fate":"closed"`, ""},
		{"nobody", "tail default/lobby/bob", exitNo, "", "nobody is there"},
		{"text for who may look only", "tail -text default/lobby/ann", exitUnreachable, "", "refused"},
		{"text that is not offered", "tail -header Token:x -text default/lobby/ann", exitUnreachable, "", "does not offer it"},
		{"two streams", "tail -id 1 -id 2 default/lobby/ann", exitUsage, "", "names one"},
	} {
		code, out, errs := invoke(t, url, "", strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(out, tt.out) || !strings.Contains(errs, tt.err) {
			t.Errorf("%s: sfere %s exits %d with %q and %q, want %d with %q and %q", tt.reason, tt.args, code, out, errs, tt.code, tt.out, tt.err)
		}
	}
	ps, _ := consoletest.Nodes(t, nil, "a", "b")
	ps[1].Join(t, "bob")
	if code, _, errs := invoke(t, api(t, ps[0]), "", "tail", "default/lobby/bob"); code != exitNo || !strings.Contains(errs, "at b (") {
		t.Errorf("a stream of another node: exit %d with %q", code, errs)
	}
}

// A program that goes and comes back is asked again; what it says that is no answer of
// the API ends the command.
func TestTailKeyAsksAgain(t *testing.T) {
	entry, err := json.Marshal(console.Seen{Stream: 7})
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		asked++
		fmt.Fprintf(w, ": nothing\n\nevent: streams\ndata: {\"elsewhere\":[\"b\\u001b\"]}\n\nevent: entry\ndata: %s\n\n", entry)
		switch asked {
		case 1: // it goes
		case 2:
			fmt.Fprint(w, "event: missed\ndata: {\"missed\":3}\n\n")
		default:
			fmt.Fprint(w, "event: entry\ndata: [\n\n")
		}
	}))
	defer srv.Close()
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"-url", srv.URL, "tail", "-every", "1ms", "a/b/c"}, nil, &out, &errs, func(string) string { return "" })
	for _, want := range []string{`has streams at b\x1b as well`, "asking again", "the program is back", "3 were too fast", "not what was asked for"} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("there is no %q in %q", want, errs.String())
		}
	}
	if n := strings.Count(out.String(), "STREAM"); code != exitUnreachable || n != 1 {
		t.Errorf("exit %d, %d heads in %q", code, n, out.String())
	}
}
