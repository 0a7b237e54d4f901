package sse_test

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/sse/compress"
)

// gzipWriter compresses what passes through it, as middleware does.
type gzipWriter struct {
	http.ResponseWriter
	lazy bool // it decides with the header whether it compresses
	z    *gzip.Writer
	head bool
}

func (w *gzipWriter) WriteHeader(status int) {
	if !w.head {
		w.head = true
		if h := w.Header(); w.lazy && h.Get("Content-Encoding") == "" {
			h.Set("Content-Encoding", "gzip")
			w.z = gzip.NewWriter(w.ResponseWriter)
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *gzipWriter) Write(b []byte) (int, error) {
	if !w.head {
		w.WriteHeader(http.StatusOK)
	}
	if w.z == nil {
		return w.ResponseWriter.Write(b)
	}
	return w.z.Write(b)
}

func (w *gzipWriter) Flush() {
	if w.z != nil {
		_ = w.z.Flush()
	}
	w.ResponseWriter.(http.Flusher).Flush()
}

func (w *gzipWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.ResponseWriter.(http.Hijacker).Hijack()
}

func (w *gzipWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// gzipping is the middleware.
func gzipping(lazy bool) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			gw := &gzipWriter{ResponseWriter: w, lazy: lazy}
			if !lazy {
				w.Header().Set("Content-Encoding", "gzip")
				gw.z = gzip.NewWriter(w)
			}
			defer func() {
				if gw.z != nil {
					_ = gw.z.Close()
				}
			}()
			h.ServeHTTP(gw, r)
		})
	}
}

// What middleware has encoded is encoded once, event by event, and it is not
// gone past; middleware that looks first leaves alone what we have encoded.
func TestEncodedByMiddleware(t *testing.T) {
	for name, tt := range map[string]struct {
		lazy     bool
		hub      sse.HubOptions
		socketed string // the encoding of a connection that is taken over
	}{
		"before, plain":       {false, sse.HubOptions{}, "gzip"},
		"before, shared":      {false, sse.HubOptions{Compress: true}, "gzip"},
		"before, own":         {false, sse.HubOptions{PerStream: []sse.Compressor{compress.Brotli(4, 18)}}, "gzip"},
		"with header, plain":  {true, sse.HubOptions{}, ""}, // past it, but whole
		"with header, shared": {true, sse.HubOptions{Compress: true}, "gzip"},
		"with header, own":    {true, sse.HubOptions{PerStream: []sse.Compressor{compress.Gzip(0)}}, "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, via sse.HubOptions) {
				via.Compress, via.PerStream = tt.hub.Compress, tt.hub.PerStream
				r := newRig(t, setup{hub: via, wrap: gzipping(tt.lazy)})
				r.stay("GET /sse", n(0))
				for _, cause := range []sse.Cause{sse.CauseClosed, sse.CauseExpired} {
					res, err := r.srv.Client().Do(r.request("GET", "/sse", "Accept-Encoding", "gzip, br"))
					if err != nil {
						t.Fatal(err)
					}
					defer res.Body.Close()
					want := "[gzip]"
					if tt.socketed == "" && (via.TakeOver || takeOver() && via.Writers == 0) {
						want = "[]"
					}
					if got := fmt.Sprint(res.Header.Values("Content-Encoding")); got != want {
						t.Fatalf("Content-Encoding %s, want %s", got, want)
					}
					body := io.Reader(res.Body)
					if want != "[]" {
						body = lazy(func() (io.Reader, error) { return gzip.NewReader(res.Body) })
					}
					c, br := r.conn(), bufio.NewReader(body)
					for i := range 20 { // the next one is sent only when this one has arrived
						var event strings.Builder
						for !strings.HasSuffix(event.String(), "\n\n") {
							line, err := br.ReadString('\n')
							if err != nil {
								t.Fatalf("event %d: %v", i, err)
							}
							event.WriteString(line)
						}
						if ns := got(t, event.String()); len(ns) != 1 || ns[0] != fmt.Sprint(i) {
							t.Fatalf("event %d is %q", i, event.String())
						}
						if i < 19 {
							_ = r.send(c, n(i+1))
						}
					}
					c.Close(cause)
					if rest, err := io.ReadAll(br); (err != nil) != cause.Cut() || len(rest) > 0 {
						t.Errorf("%s: ended with %q and %v", cause, rest, err)
					}
				}
			})
		})
	}
}
