package sse_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"
	"unsafe"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/sse/compress"
)

// A compressed stream that ends normally is complete for a strict decoder, with
// its checksum; one that is cut is not.
func TestCompressedCleanEnd(t *testing.T) {
	decoders := map[string]func(io.Reader) (io.Reader, error){
		"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"br":   func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
		"zstd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r, zstd.WithDecoderConcurrency(1)) },
	}
	for name, tt := range map[string]struct {
		encoding string
		hub      sse.HubOptions
	}{
		"shared": {"gzip", sse.HubOptions{Compress: true}},
		"gzip":   {"gzip", sse.HubOptions{PerStream: []sse.Compressor{compress.Gzip(0)}}},
		"brotli": {"br", sse.HubOptions{PerStream: []sse.Compressor{compress.Brotli(4, 18)}}},
		"zstd":   {"zstd", sse.HubOptions{PerStream: []sse.Compressor{compress.Zstd(3, 18)}}},
	} {
		t.Run(name, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, via sse.HubOptions) {
				via.Compress, via.PerStream = tt.hub.Compress, tt.hub.PerStream
				r := newRig(t, setup{hub: via})
				r.stay("GET /sse")
				var room sse.Audience
				for _, events := range []int{0, 1, 200} {
					for _, cause := range []sse.Cause{sse.CauseClosed, sse.CauseExpired} {
						res, err := r.srv.Client().Do(r.request("GET", "/sse", "Accept-Encoding", tt.encoding))
						if err != nil {
							t.Fatal(err)
						}
						c := r.conn()
						for i := range events {
							event := []*sse.Frame{n(i)}
							if i%3 == 0 {
								room.Fanout([]*sse.Conn{c}, r.hub.Prepare(event, &room), nil)
							} else {
								_ = c.Emit(t.Context(), event...)
							}
						}
						until(t, "all is written", func() bool { return c.Info().Sent == uint64(events) })
						c.Close(cause)
						wire, cut := io.ReadAll(res.Body)
						res.Body.Close()
						if (cut != nil) != cause.Cut() {
							t.Errorf("%d events, %s: ended with %v", events, cause, cut)
						}
						if cause.Cut() {
							continue
						}
						dec, err := decoders[tt.encoding](bytes.NewReader(wire))
						if err != nil {
							t.Errorf("%d events: %v", events, err)
							continue
						}
						body, err := io.ReadAll(dec)
						if err != nil || len(got(t, string(body))) != events {
							t.Errorf("%d events: the decoder got %d and %v", events, len(got(t, string(body))), err)
						}
					}
				}
			})
		})
	}
}

// The memory of a stream is that of an allocation class; a byte more costs 64.
func TestConnSize(t *testing.T) {
	if size := unsafe.Sizeof(sse.Conn{}); size != 512 && unsafe.Sizeof(uintptr(0)) == 8 {
		t.Errorf("a Conn takes %d bytes, want 512", size)
	}
}
