package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/record"
)

// kept are the dispatches that a program shows, oldest first.
type kept struct {
	mu     sync.Mutex
	ds     []console.Dispatch
	status int // 0 is an answer; below that the connection is cut
	query  string
}

func (k *kept) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.query = r.URL.Query().Encode()
	switch {
	case k.status < 0:
		panic(http.ErrAbortHandler)
	case k.status > 0:
		w.WriteHeader(k.status)
		fmt.Fprint(w, `{"error":"not today"}`)
	default:
		newest := slices.Clone(k.ds)
		slices.Reverse(newest)
		_ = json.NewEncoder(w).Encode(newest)
	}
}

func (k *kept) set(status int, ds ...console.Dispatch) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.status, k.ds = status, ds
}

// tailed starts the command and returns its lines, and a function that ends it.
func tailed(t *testing.T, url string, args ...string) (out, errs func() string, end func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	code := make(chan int, 1)
	lines := func() (io.Writer, func() string) {
		r, w := io.Pipe()
		in := bufio.NewReader(r)
		t.Cleanup(func() { _ = r.Close() })
		return w, func() string {
			text, err := in.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			return strings.Join(strings.Fields(text), " ")
		}
	}
	o, out := lines()
	e, errs := lines()
	go func() {
		code <- run(ctx, append([]string{"tail", "-every", "1ms"}, args...), nil, o, e, func(n string) string {
			return map[string]string{"SFERE_URL": url}[n]
		})
	}()
	return out, errs, func() int { cancel(); return <-code }
}

func TestTail(t *testing.T) {
	k := &kept{}
	srv := httptest.NewServer(k)
	defer srv.Close()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	d := func(seq uint64, s record.State, names ...string) console.Dispatch {
		d := console.Dispatch{Seq: seq, Began: at.Add(time.Duration(seq) * time.Second), State: s, Names: names}
		if s != record.Running {
			d.Took = time.Millisecond
		}
		return d
	}
	d1, d2, d3 := d(1, record.Done, "a/b"), d(2, record.Done, "a/c"), d(3, record.Running, "a/d")
	k.set(0, d1, d2, d3)
	out, errs, end := tailed(t, srv.URL, "-n", "2")
	expect := func(next func() string, want ...string) {
		t.Helper()
		for _, w := range want {
			if got := next(); got != w {
				t.Errorf("prints %q, want %q", got, w)
			}
		}
	}
	expect(out, "NUMBER BEGAN TOOK STATE FROM ITEMS", "2 03:04:07.000 1ms done - a/c", "3 03:04:08.000 - running - a/d")

	d3, d4 := d(3, record.Failed, "a/d"), d(4, record.Done, "a/\x1be")
	k.set(0, d1, d2, d3, d4)
	expect(out, "3 03:04:08.000 1ms failed - a/d", `4 03:04:09.000 1ms done - a/\x1be`)

	k.set(0, d(9, record.Done, "z/z"))
	expect(errs, "sfere: there were more than the program keeps; some are missing here")
	expect(out, "9 03:04:14.000 1ms done - z/z")

	// The program ends, and begins again with number 1.
	k.set(-1)
	if got := errs(); !strings.Contains(got, "does not answer") || !strings.HasSuffix(got, "; asking again") {
		t.Errorf("of a program that is gone it says %q", got)
	}
	again := d(1, record.Done, "a/f")
	again.Began = at.Add(time.Hour)
	k.set(0, again)
	expect(errs, "sfere: the program is back")
	expect(out, "1 04:04:05.000 1ms done - a/f")

	if code := end(); code != exitOK {
		t.Errorf("it ends with %d, want %d", code, exitOK)
	}
}

func TestTailEnds(t *testing.T) {
	k := &kept{}
	srv := httptest.NewServer(k)
	defer srv.Close()
	for _, test := range []struct {
		reason string
		status int
		args   string
		code   int
		want   string
	}{
		{"the first time nobody answers", -1, "", exitUnreachable, "does not answer"},
		{"it is refused", http.StatusForbidden, "", exitUnreachable, "refused: not today"},
		{"nothing is recorded", http.StatusNotImplemented, "", exitUnreachable, "not today"},
		{"two arguments", 0, "a/b/c d/e/f", exitUsage, "at most one key"},
		{"a number", 0, "7", exitUsage, "scope/category/id"},
		{"a pattern", 0, "*/lobby/ann", exitUsage, "scope"},
		{"a filter of dispatches with a key", 0, "-match x a/b/c", exitUsage, "choose dispatches"},
		{"text of no stream", 0, "-text", exitUsage, "give their key"},
		{"no time between two questions", 0, "-every 0s", exitUsage, "-every"},
	} {
		k.set(test.status)
		var out, errs bytes.Buffer
		code := run(t.Context(), append([]string{"-url", srv.URL, "tail"}, strings.Fields(test.args)...), nil, &out, &errs, func(string) string { return "" })
		if code != test.code || !strings.Contains(errs.String(), test.want) {
			t.Errorf("%s: exit code %d with %q, want %d with %q", test.reason, code, errs.String(), test.code, test.want)
		}
	}
}

// What repeats is one line each time that it has grown.
func TestTailCounts(t *testing.T) {
	k := &kept{}
	srv := httptest.NewServer(k)
	defer srv.Close()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	tick := console.Dispatch{Seq: 1, Began: at, State: record.Done, Names: []string{"a/tick"}, Targets: []string{"*/room/*"}, Request: "POST /x"}
	k.set(0, tick)
	out, errs, end := tailed(t, srv.URL, "-match", "tick", "-failed", "-name", "a")
	_, _ = out(), errs
	if got, want := out(), "1 03:04:05.000 0s done POST /x a/tick(*/room/*)"; got != want {
		t.Errorf("first %q, want %q", got, want)
	}
	tick.First, tick.Began, tick.Seq, tick.Times = at, at.Add(time.Second), 5, 5
	k.set(0, tick)
	if got, want := out(), "5 03:04:06.000 0s done ×5 POST /x a/tick(*/room/*)"; got != want {
		t.Errorf("then %q, want %q", got, want)
	}
	end()
	k.mu.Lock()
	defer k.mu.Unlock()
	if want := "failed=true&n=0&name=a&q=tick"; k.query != want {
		t.Errorf("the program is asked %q, want %q", k.query, want)
	}
}

// With -json each dispatch is a line of its own.
func TestTailJSON(t *testing.T) {
	k := &kept{}
	srv := httptest.NewServer(k)
	defer srv.Close()
	k.set(0, console.Dispatch{Seq: 1, Began: time.Now(), Names: []string{"a"}}, console.Dispatch{Seq: 2, Began: time.Now().Add(1), Names: []string{"b"}})
	out, _, end := tailed(t, srv.URL, "-json")
	for _, want := range []string{"a", "b"} {
		var got console.Dispatch
		if err := json.Unmarshal([]byte(out()), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{want}, got.Names); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	end()
}
