package sse

import (
	"bytes"
	"io"
	"net/http"
	"strings"

	"github.com/sfere-go/sfere/sse/gzipcast"
)

// Compressor is a content encoding for streams that have a compressor of their
// own ([HubOptions].PerStream).
type Compressor struct {
	// Encoding is its name in Accept-Encoding.
	Encoding string
	// New returns a writer that compresses to w. Its Flush method, if it has one,
	// is called after each event. It may be called from any goroutine.
	New func(w io.Writer) io.WriteCloser
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
	from Compressor
	z    io.WriteCloser // nil before the first event
	buf  bytes.Buffer
	made uint64 // bytes, in all
}

// next returns the bytes that send frames; they are valid until the next call.
func (e *ownEncoder) next(frames []*Frame) ([]byte, error) {
	e.begin()
	for _, f := range frames {
		if _, err := e.z.Write(f.bytes); err != nil {
			return nil, err
		}
	}
	return e.flush()
}

// part returns bytes that send a part of a large event, up to all of it if it is the
// last; they are valid until the next call.
func (e *ownEncoder) part(b []byte, last bool) ([]byte, error) {
	e.begin()
	if _, err := e.z.Write(b); err != nil {
		return nil, err
	}
	if last {
		return e.flush()
	}
	e.made += uint64(e.buf.Len())
	return e.buf.Bytes(), nil
}

func (e *ownEncoder) begin() {
	e.buf.Reset()
	if e.z == nil {
		e.z = e.from.New(&e.buf)
	}
}

func (e *ownEncoder) flush() ([]byte, error) {
	if f, ok := e.z.(interface{ Flush() error }); ok {
		if err := f.Flush(); err != nil {
			return nil, err
		}
	}
	e.made += uint64(e.buf.Len())
	return e.buf.Bytes(), nil
}

// part returns the next piece of the tail as it goes out, which may be nothing yet,
// and what is left. The write lock is held.
func (c *Conn) part(tail []byte) (out, rest []byte, err error) {
	n := min(len(tail), piece)
	out, rest = tail[:n], tail[n:]
	if c.own != nil {
		out, err = c.own.part(out, len(rest) == 0)
	}
	return out, rest, err
}

// release gives the compressor back, if finish has not.
func (e *ownEncoder) release() {
	if e.z != nil {
		e.finish()
	}
}

// finish gives the compressor back and returns the bytes that end the response,
// also one without an event.
func (e *ownEncoder) finish() []byte {
	e.buf.Reset()
	z := e.z
	if e.z = nil; z == nil {
		z = e.from.New(&e.buf)
	}
	_ = z.Close() // it writes to memory
	return e.buf.Bytes()
}

// trail sends what ends a compressed response, without which strict decoders
// take it for one that was cut.
func (c *Conn) trail() {
	if c.own == nil && !c.zipped {
		return
	}
	c.write.Lock()
	defer c.write.Unlock()
	if !c.usable() {
		return
	}
	buf := []byte(chunkHead[:c.way.room()])
	if c.own != nil {
		buf = append(buf, c.own.finish()...)
	} else {
		if !c.begun {
			buf = append(buf, gzipcast.Header...)
			c.begun = true
		}
		buf = c.zip.AppendTrailer(buf)
	}
	s := scratch{wait: true}
	s.tick(c.hub)
	_ = c.way.send(c, &s, buf, false) // an error means that the client is gone
}
