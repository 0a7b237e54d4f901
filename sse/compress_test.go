package sse_test

import (
	"compress/gzip"
	"io"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/sse/compress"
	"github.com/sfere-go/sfere/twk/twktest"
)

// Streams that share compressed events, streams with compressors of their own
// and plain ones receive the same events in the same order, with events of
// their own and heartbeats in between.
func TestCompressedStreamsAgree(t *testing.T) {
	tests := []struct {
		name, accept string
		perStream    []sse.Compressor
		encoding     string
	}{
		{"shared", "gzip", nil, "gzip"},
		{"own gzip", "gzip", []sse.Compressor{compress.Gzip(0)}, "gzip"},
		{"shared beside own", "gzip", []sse.Compressor{compress.Brotli(4, 18)}, "gzip"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, setup{hub: sse.HubOptions{Compress: true, PerStream: tt.perStream, Heartbeat: 32 * time.Millisecond, MaxFrames: 1 << 20}})
			r.stay("GET /sse", n("first"))
			var streams []*twktest.Stream
			var conns []*sse.Conn
			for i := range 8 {
				accept, encoding := tt.accept, tt.encoding
				if i%4 == 3 {
					accept, encoding = "identity", ""
				}
				s := r.open("/sse", "Accept-Encoding", accept)
				if got := s.Response().Header.Get("Content-Encoding"); got != encoding {
					t.Fatalf("stream %d: Content-Encoding %q, want %q", i, got, encoding)
				}
				s.Next()
				streams, conns = append(streams, s), append(conns, r.conn())
			}
			want := make([][]string, len(streams))
			var room, hall sse.Audience
			rng := rand.New(rand.NewPCG(1, 2))
			for i := range 2000 {
				v := `"` + strings.Repeat("so similar ", rng.IntN(20)) + strconv.Itoa(i) + `"`
				event := []*sse.Frame{n(v[1 : len(v)-1])}
				to := conns
				switch k := rng.IntN(len(conns)); rng.IntN(4) {
				case 0: // one alone
					if err := conns[k].Emit(t.Context(), event...); err != nil {
						t.Fatal(err)
					}
					want[k] = append(want[k], v)
					continue
				case 1: // an audience of its own
					to = conns[:k]
					hall.Fanout(to, r.hub.Prepare(event, &hall), nil)
				default:
					room.Fanout(to, r.hub.Prepare(event, &room), nil)
				}
				for k := range to {
					want[k] = append(want[k], v)
				}
				if i%100 == 0 {
					time.Sleep(5 * time.Millisecond) // for heartbeats
				}
			}
			comments := 0
			for k, s := range streams {
				var got []string
				for range want[k] {
					got = append(got, got1(s.Next()))
				}
				if diff := cmp.Diff(want[k], got); diff != "" {
					t.Fatalf("stream %d (-want +got):\n%s", k, diff)
				}
				s.UntilComments(2)
				comments += s.Comments()
			}
			info := conns[0].Info()
			if plain := conns[3].Info(); info.SentSize*2 > plain.SentSize || !info.Compressed || plain.Compressed {
				t.Errorf("%d bytes compressed, %d plain", info.SentSize, plain.SentSize)
			}
			for k, s := range streams {
				conns[k].Close(sse.CauseClosed)
				if err := s.Ended(); err != nil {
					t.Errorf("stream %d: %v", k, err)
				}
			}
			t.Logf("%d heartbeats, %d bytes for %d events", comments, info.SentSize, len(want[0]))
		})
	}
}

// Every coding that is offered decodes, at once and to the end.
func TestPerStreamCompression(t *testing.T) {
	decode := map[string]func(io.Reader) io.Reader{
		"":     func(r io.Reader) io.Reader { return r },
		"br":   func(r io.Reader) io.Reader { return brotli.NewReader(r) },
		"gzip": func(r io.Reader) io.Reader { return lazy(func() (io.Reader, error) { return gzip.NewReader(r) }) },
		"zstd": func(r io.Reader) io.Reader {
			d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
			if err != nil {
				t.Fatal(err)
			}
			return d
		},
	}
	r := newRig(t, setup{hub: sse.HubOptions{PerStream: []sse.Compressor{compress.Brotli(4, 18), compress.Zstd(3, 18), compress.Gzip(6)}}})
	r.stay("GET /sse", n(0))
	r.short("GET /short", n(0))
	tests := []struct{ reason, accept, path, want string }{
		{"the server's order decides", "gzip, deflate, br, zstd", "/sse", "br"},
		{"names have no case", "GZIP", "/sse", "gzip"},
		{"of several, the best offered", "gzip;q=1.0, zstd;q=0.5", "/sse", "zstd"},
		{"q=0 is a refusal", "br;q=0, zstd; q=0.000, gzip;q=0.001", "/sse", "gzip"},
		{"nothing offered", "identity", "/sse", ""},
		{"unknown", "compress, x-gzip", "/sse", ""},
		{"a short response would cost more than it saves", "br, gzip", "/short", ""},
	}
	for _, tt := range tests {
		t.Run(tt.accept+tt.path, func(t *testing.T) {
			res, err := r.srv.Client().Do(r.request("GET", tt.path, "Accept-Encoding", tt.accept))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if got := res.Header.Get("Content-Encoding"); got != tt.want || res.Header.Get("Vary") != "Accept-Encoding" {
				t.Fatalf("%s: Content-Encoding %q, want %q; %v", tt.reason, got, tt.want, res.Header)
			}
			var c *sse.Conn
			if tt.path == "/sse" {
				c = r.conn()
			}
			i := 0
			for e, err := range twktest.Parse(decode[tt.want](res.Body)) {
				if err != nil {
					t.Fatalf("after %d events: %v", i, err) // a strict decoder misses no trailer
				}
				if got1(e) != strconv.Itoa(i) {
					t.Fatalf("event %d is %+v", i, e)
				}
				switch i++; {
				case c == nil:
				case i < 20: // the next one is sent only when this one has arrived
					_ = r.send(c, n(i))
				default:
					c.Close(sse.CauseClosed)
				}
			}
			if c != nil && i != 20 {
				t.Errorf("%d events", i)
			}
		})
	}
}

// lazy opens a reader when it is first read.
type lazyReader struct {
	open func() (io.Reader, error)
	r    io.Reader
}

func lazy(open func() (io.Reader, error)) io.Reader { return &lazyReader{open: open} }

func (l *lazyReader) Read(p []byte) (int, error) {
	if l.r == nil {
		r, err := l.open()
		if err != nil {
			return 0, err
		}
		l.r = r
	}
	return l.r.Read(p)
}

// The memory of compressors comes and goes with streams; the numbers are those
// of docs/twk.md.
func TestPerStreamMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it measures")
	}
	const streams = 10
	for _, tt := range []struct {
		name string
		c    []sse.Compressor
	}{
		{"none", nil}, {"Gzip(6)", []sse.Compressor{compress.Gzip(6)}}, {"Brotli(4, 18)", []sse.Compressor{compress.Brotli(4, 18)}},
		{"Brotli(6, 22)", []sse.Compressor{compress.Brotli(6, 22)}}, {"Zstd(3, 18)", []sse.Compressor{compress.Zstd(3, 18)}},
	} {
		r := newBench(t, setup{hub: sse.HubOptions{PerStream: tt.c}})
		r.stay("GET /sse")
		before := heap()
		var ws []*memWriter
		for range streams {
			w := r.serve("GET", "/sse", "Accept-Encoding", "br, zstd, gzip")
			c := r.conn()
			w.mu.Lock()
			w.forget = true
			w.mu.Unlock()
			for i := range 200 {
				_ = r.send(c, n(strings.Repeat("abc "+strconv.Itoa(i), 1000)))
				if i%50 == 0 {
					until(t, "everything was sent", func() bool { return c.Info().Queued == 0 && c.Info().Sent > 0 })
				}
			}
			until(t, "everything was sent", func() bool { return c.Info().Sent == 200 })
			ws = append(ws, w)
		}
		t.Logf("%-14s %6d KB per open stream", tt.name, (heap()-before)/streams/1024)
		for _, w := range ws {
			w.leave()
		}
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // empties sync.Pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
