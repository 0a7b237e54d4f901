package twktest_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sfere-go/sfere/twk/twktest"
)

// open serves h and opens a stream from it; all goroutines of both must be gone
// at the end of the test.
func open(t *testing.T, acceptEncoding string, h http.HandlerFunc) *twktest.Stream {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t) })
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	if acceptEncoding != "" {
		req.Header.Set("Accept-Encoding", acceptEncoding)
	}
	return twktest.Open(t, srv.Client(), req)
}

func send(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, format, args...)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

func TestStream(t *testing.T) {
	more := make(chan struct{})
	s := open(t, "", func(w http.ResponseWriter, r *http.Request) {
		send(w, ": ka\n\nevent: datastar-a\n\nevent: datastar-b\n\n:ka\n")
		<-more
		send(w, "event: datastar-c\n\nevent: datastar-d\n\n")
	})
	s.UntilComments(2)
	if diff := cmp.Diff(twktest.Event{Type: "datastar-a"}, s.Next()); diff != "" {
		t.Errorf("Next (-want +got):\n%s", diff)
	}
	close(more)
	got := s.Until(func(ev twktest.Event) bool { return ev.Type == "datastar-c" })
	if diff := cmp.Diff(twktest.Event{Type: "datastar-c"}, got); diff != "" {
		t.Errorf("Until (-want +got):\n%s", diff)
	}
	if err := s.Ended(); err != nil {
		t.Errorf("Ended() = %v", err)
	}
	if diff := cmp.Diff([]twktest.Event{{Type: "datastar-d"}}, s.Pending()); diff != "" {
		t.Errorf("Pending (-want +got):\n%s", diff)
	}
	if got := s.Comments(); got != 2 {
		t.Errorf("Comments() = %d, want 2", got)
	}
}

func TestStreamClose(t *testing.T) {
	gone := make(chan struct{})
	s := open(t, "", func(w http.ResponseWriter, r *http.Request) {
		defer close(gone)
		send(w, "event: datastar-a\n\n")
		<-r.Context().Done()
	})
	s.Next()
	s.Close()
	s.Close()
	if err := s.Ended(); !errors.Is(err, twktest.ErrClosed) {
		t.Errorf("Ended() = %v, want ErrClosed", err)
	}
	<-gone // the server notices
}

func TestStreamEnds(t *testing.T) {
	tests := []struct {
		name   string
		reason string
		serve  http.HandlerFunc
		want   string // part of the error
	}{
		{"truncated", "a lost event must not look like a clean end",
			func(w http.ResponseWriter, r *http.Request) { send(w, "event: datastar-a\n") },
			twktest.ErrTruncated.Error()},
		{"cut", "the client would reconnect here, unlike after a clean end",
			func(w http.ResponseWriter, r *http.Request) {
				send(w, "event: datastar-a\n\n")
				panic(http.ErrAbortHandler)
			}, "unexpected EOF"},
		{"refused", "the client reads nothing but 200",
			func(w http.ResponseWriter, r *http.Request) { http.Error(w, "event: datastar-a\n\n", 403) },
			"403 Forbidden: event: datastar-a"},
		{"coding", "an unreadable stream must not look empty",
			func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Encoding", "br") },
			`"br"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := open(t, "", tt.serve).Ended()
			if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, twktest.ErrCut) != (tt.name == "cut") {
				t.Errorf("%s: Ended() = %v, want %q", tt.reason, err, tt.want)
			}
		})
	}
}

func TestStreamGzip(t *testing.T) {
	// encode returns n events, flushed one by one, with or without a trailer.
	encode := func(close bool, names ...string) string {
		var buf bytes.Buffer
		zw := gzip.NewWriter(&buf)
		for _, name := range names {
			fmt.Fprintf(zw, "event: datastar-%s\n\n", name)
			zw.Flush()
		}
		if close {
			zw.Close()
		}
		return buf.String()
	}
	tests := []struct {
		name   string
		reason string
		body   string
		cut    bool
		want   string // types of the events
		err    string
	}{
		{name: "whole", body: encode(true, "a", "b"), want: "a b",
			reason: "the form of a closed encoder"},
		{name: "no trailer", body: encode(false, "a", "b"), want: "a b",
			reason: "browsers take this for a clean end"},
		{name: "cut", body: encode(false, "a"), cut: true, want: "a", err: "unexpected EOF",
			reason: "a cut connection must not be forgiven with the trailer"},
		{name: "two members", body: encode(true, "a") + encode(true, "b"), want: "a", err: "first gzip member",
			reason: "browsers stop after the first one"},
		{name: "empty", body: "", reason: "an encoder that never wrote"},
		{name: "no gzip", body: "event: datastar-a\n\n", err: "invalid header",
			reason: "a plain event in a compressed stream corrupts it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, "gzip", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				send(w, "%s", tt.body)
				if tt.cut {
					panic(http.ErrAbortHandler)
				}
			})
			err := s.Ended()
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) || errors.Is(err, twktest.ErrCut) != tt.cut {
				t.Errorf("%s: Ended() = %v, want %q", tt.reason, err, tt.err)
			}
			var types []string
			for _, ev := range s.Pending() {
				types = append(types, strings.TrimPrefix(ev.Type, "datastar-"))
			}
			if diff := cmp.Diff(tt.want, strings.Join(types, " ")); diff != "" {
				t.Errorf("%s: events (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// TestStreamGzipIncremental shows that a flushed event arrives while the stream
// stays open.
func TestStreamGzipIncremental(t *testing.T) {
	seen := make(chan struct{})
	s := open(t, "gzip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		zw := gzip.NewWriter(w)
		for _, name := range []string{"a", "b"} {
			fmt.Fprintf(zw, "event: datastar-%s\n\n", name)
			zw.Flush()
			send(w, "")
			<-seen
		}
	})
	for _, want := range []string{"a", "b"} {
		if got := s.Next().Type; got != "datastar-"+want {
			t.Errorf("event %q, want %q", got, want)
		}
		seen <- struct{}{}
	}
	if err := s.Ended(); err != nil {
		t.Errorf("Ended() = %v", err)
	}
}

// failing records a failure of the waits, which return, in place of ending the
// test.
type failing struct {
	testing.TB
	message string
}

func (f *failing) Helper()                           {}
func (f *failing) Cleanup(func())                    {}
func (f *failing) Fatalf(format string, args ...any) { f.message = fmt.Sprintf(format, args...) }

func TestStreamFailures(t *testing.T) {
	s := open(t, "", func(w http.ResponseWriter, r *http.Request) {
		send(w, "event: datastar-a\n\n:\n")
	})
	tb := &failing{TB: t}
	defer http.DefaultClient.CloseIdleConnections()
	// A clone, as the context of the first request ends with its stream.
	other := twktest.Open(tb, nil, s.Response().Request.Clone(t.Context()))
	defer other.Close()

	for _, tt := range []struct {
		reason string
		do     func()
		want   string
	}{
		{"no match: show what came instead", func() {
			other.Until(func(ev twktest.Event) bool { return ev.Type == "z" })
		}, "the stream has ended; 1 others came: [{Type:datastar-a"},
		{"nothing left", func() { other.Next() }, "waiting for an event"},
		{"too few heartbeats", func() { other.UntilComments(2) }, "waiting for 2 comments, have 1"},
	} {
		tb.message = ""
		tt.do()
		if !strings.Contains(tb.message, "GET /stream: ") || !strings.Contains(tb.message, tt.want) {
			t.Errorf("%s: message %q, want %q", tt.reason, tb.message, tt.want)
		}
	}
}
