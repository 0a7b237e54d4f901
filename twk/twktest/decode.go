package twktest

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// decoded returns body without its Content-Encoding.
func decoded(coding string, body *endReader) (io.Reader, error) {
	switch coding {
	case "", "identity":
		return body, nil
	case "gzip":
		return &gunzip{body: body}, nil
	default:
		return nil, fmt.Errorf("twktest: Content-Encoding %q is not supported", coding)
	}
}

// gunzip decodes one gzip member and forgives a missing trailer.
type gunzip struct {
	body *endReader
	buf  *bufio.Reader
	zr   *gzip.Reader
}

func (g *gunzip) Read(p []byte) (int, error) {
	if g.zr == nil {
		// Only here, because NewReader waits for the first bytes of the body.
		g.buf = bufio.NewReader(g.body)
		zr, err := gzip.NewReader(g.buf)
		if err != nil {
			return 0, err
		}
		zr.Multistream(false)
		g.zr = zr
	}
	n, err := g.zr.Read(p)
	switch {
	case err == io.ErrUnexpectedEOF && g.body.end == io.EOF:
		return n, io.EOF
	case err == io.EOF:
		if _, err := g.buf.ReadByte(); err == nil {
			return n, errors.New("twktest: data after the first gzip member, which browsers do not read")
		}
	}
	return n, err
}

// endReader remembers how its reader ended: a decoder turns a cut connection
// and a clean end into the same error.
type endReader struct {
	r   io.Reader
	end error
}

func (e *endReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err != nil {
		e.end = err
	}
	return n, err
}
