package twk

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/CAFxX/httpcompression/contrib/andybalholm/brotli"
	"github.com/CAFxX/httpcompression/contrib/compress/gzip"
	"github.com/CAFxX/httpcompression/contrib/klauspost/zstd"
	zstdopts "github.com/klauspost/compress/zstd"
	"github.com/starfederation/datastar-go/datastar"
)

// Gzip returns a compressor for HubOptions.PerStream; the level is from 1
// (fastest) to 9 (smallest), 0 means 6. An open stream holds 0.8 MB. The shared
// form, HubOptions.Compress, sends about as few bytes and holds none.
func Gzip(level int) datastar.Compressor {
	if level == 0 {
		level = 6
	}
	c, err := gzip.New(gzip.Options{Level: level})
	return compressor(gzip.Encoding, c, err)
}

// Brotli returns a compressor for HubOptions.PerStream. The quality is from 0
// (fastest) to 11 (smallest), the window 2^lgwin bytes, lgwin from 10 to 24. An
// open stream holds 2.5 MB with quality 4 and lgwin 18, and 12 MB with quality
// 6 and lgwin 22. It pays for large patches that are sent again and again.
func Brotli(quality, lgwin int) datastar.Compressor {
	if quality < 0 || quality > 11 || lgwin < 10 || lgwin > 24 {
		panic(fmt.Sprintf("twk.Brotli(%d, %d): quality is from 0 to 11, lgwin from 10 to 24", quality, lgwin))
	}
	c, err := brotli.New(brotli.Options{Quality: quality, LGWin: lgwin})
	return compressor(brotli.Encoding, c, err)
}

// Zstd returns a compressor for HubOptions.PerStream; level is one of zstd's
// own, 3 being usual, and the window 2^lgwin bytes, lgwin from 10 to 23, the
// most that browsers take. An open stream holds 2.3 MB with level 3 and
// lgwin 18.
func Zstd(level, lgwin int) datastar.Compressor {
	if lgwin < 10 || lgwin > 23 {
		panic(fmt.Sprintf("twk.Zstd(%d, %d): lgwin is from 10 to 23", level, lgwin))
	}
	c, err := zstd.New(
		zstdopts.WithEncoderLevel(zstdopts.EncoderLevelFromZstd(level)), zstdopts.WithWindowSize(1<<lgwin),
		zstdopts.WithEncoderConcurrency(1), zstdopts.WithLowerEncoderMem(true),
	)
	return compressor(zstd.Encoding, c, err)
}

func compressor(encoding string, c interface {
	Get(io.Writer) io.WriteCloser
}, err error) datastar.Compressor {
	if err != nil { // a level that is out of range
		panic("twk: compressor " + encoding + ": " + err.Error())
	}
	return datastar.Compressor{Encoding: encoding, Compressor: c}
}

// compresses reports whether the answer depends on what the client accepts.
func (h *Hub) compresses() bool { return h.enc != nil || len(h.opts.PerStream) > 0 }

// negotiate chooses how a long stream for r is encoded: by a compressor of its
// own, shared gzip, or not at all.
func (h *Hub) negotiate(r *http.Request) (encoding string, own *ownEncoder) {
	for _, c := range h.opts.PerStream {
		if accepts(r, c.Encoding) {
			return c.Encoding, &ownEncoder{from: c}
		}
	}
	if h.enc != nil && accepts(r, "gzip") {
		return "gzip", nil
	}
	return "", nil
}

// accepts reports whether the client offers the encoding by its name.
func accepts(r *http.Request, encoding string) bool {
	for _, header := range r.Header.Values("Accept-Encoding") {
		for offer := range strings.SplitSeq(header, ",") {
			name, params, _ := strings.Cut(offer, ";")
			if strings.EqualFold(strings.TrimSpace(name), encoding) {
				q := strings.ToLower(strings.ReplaceAll(params, " ", ""))
				return !strings.HasPrefix(q, "q=0") || strings.Trim(q[len("q=0"):], ".0") != ""
			}
		}
	}
	return false
}

// ownEncoder is the compressor of one stream. The write lock of the stream
// guards it. Its memory is taken by the first event and given back by release.
type ownEncoder struct {
	from datastar.Compressor
	z    io.WriteCloser // nil before the first event
	buf  bytes.Buffer
}

// next returns the bytes that send frames; they are valid until the next call.
func (e *ownEncoder) next(frames []*Frame) ([]byte, error) {
	e.buf.Reset()
	if e.z == nil {
		e.z = e.from.Compressor.Get(&e.buf)
	}
	for _, f := range frames {
		if _, err := e.z.Write(f.bytes); err != nil {
			return nil, err
		}
	}
	if f, ok := e.z.(interface{ Flush() error }); ok {
		if err := f.Flush(); err != nil {
			return nil, err
		}
	}
	return e.buf.Bytes(), nil
}

// release gives the compressor back and returns the bytes that end a response
// on which everything before was sent.
func (e *ownEncoder) release() []byte {
	if e.z == nil {
		return nil
	}
	e.buf.Reset()
	_ = e.z.Close() // it writes to memory
	e.z = nil
	return e.buf.Bytes()
}

// trail sends what ends a response with a compressor of its own.
func (c *Conn) trail() {
	if c.own == nil {
		return
	}
	c.write.Lock()
	defer c.write.Unlock()
	end := c.own.release()
	switch { // an error means that the client is gone
	case len(end) == 0:
	case c.sock != nil && !c.sock.dead:
		_, out := chunk(append([]byte(chunkHead), end...))
		_ = c.sock.send(c, &scratch{wait: true}, out)
	case c.w != nil && c.extend(time.Now()) == nil:
		_, _ = c.w.Write(end)
	}
}
